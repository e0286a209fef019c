"""The held paths of one stage: aimed once, when their connections are opened, and closed after their last step.

Invariant: a held path keeps its aims, and so its connections, whatever becomes of the pods that they lead to.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Path
from netpol_harness.probe.prober import Prober
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.runner.targets import ResolvedProbe, resolve_probes


class HeldConnections:
    """What is held at present. The connections themselves are the prober's."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self._resolved: dict[Path, tuple[ResolvedProbe, ...]] = {}

    def __contains__(self, path: Path) -> bool:
        return path in self._resolved

    def resolve_probes(self, expectation: Expectation, snapshot: ClusterSnapshot) -> tuple[ResolvedProbe, ...]:
        """The questions of a held path, as they were when it was first asked. Raises what
        ``resolved_probe.resolve_probes`` does.
        """
        found = self._resolved[expectation.path] = self._resolved.get(expectation.path) or resolve_probes(
            expectation, snapshot
        )
        return tuple(
            replace(resolved_probe, question=replace(resolved_probe.question, expected=expectation.expected))
            for resolved_probe in found
        )

    def patience(self, expectations: Iterable[Expectation]) -> float:
        """The seconds that connections may need, beyond the settle time, to notice that they may speak again."""
        waking = [e.path for e in expectations if e.expected is Expected.ALLOWED and e.path in self._resolved]
        questions = [resolved_probe.question for path in waking for resolved_probe in self._resolved[path]]
        return max((self._prober.silence(question.source, question.probe) for question in questions), default=0.0)

    def keep(self, paths: Collection[Path]) -> None:
        """Close all but these."""
        for path in self._resolved.keys() - set(paths):
            self._prober.close_connections(
                (resolved_probe.question.source, resolved_probe.question.probe)
                for resolved_probe in self._resolved.pop(path)
            )
