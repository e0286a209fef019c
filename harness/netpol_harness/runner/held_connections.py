"""The held paths of one stage: aimed once, when their connections are opened, and closed after their last step.

Invariant: a held path keeps its aims, and so its connections, whatever becomes of the pods that they lead to.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Path
from netpol_harness.probe.prober import Prober
from netpol_harness.runner.snapshot import Census
from netpol_harness.runner.targets import Aim, aims


class HeldLines:
    """What is held at present. The connections themselves are the prober's."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self._aims: dict[Path, tuple[Aim, ...]] = {}

    def __contains__(self, path: Path) -> bool:
        return path in self._aims

    def aims(self, expectation: Expectation, census: Census) -> tuple[Aim, ...]:
        """The questions of a held path, as they were when it was first asked. Raises what ``aim.aims`` does."""
        found = self._aims[expectation.path] = self._aims.get(expectation.path) or aims(expectation, census)
        return tuple(replace(aim, question=replace(aim.question, expected=expectation.expected)) for aim in found)

    def patience(self, expectations: Iterable[Expectation]) -> float:
        """The seconds that connections may need, beyond the settle time, to notice that they may speak again."""
        waking = [e.path for e in expectations if e.expected is Expected.ALLOWED and e.path in self._aims]
        questions = [aim.question for path in waking for aim in self._aims[path]]
        return max((self._prober.silence(question.source, question.probe) for question in questions), default=0.0)

    def keep(self, paths: Collection[Path]) -> None:
        """Close all but these."""
        for path in self._aims.keys() - set(paths):
            self._prober.hang_up((aim.question.source, aim.question.probe) for aim in self._aims.pop(path))
