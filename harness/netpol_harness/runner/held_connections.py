"""The held paths of a scenario run: resolved when their connections are opened, and closed after their last step.

Invariant: a held path keeps its resolved probes, and so its connections, even if the pods that they lead to are
deleted.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Path
from netpol_harness.probe.prober import Prober
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.runner.targets import ResolvedProbe, resolve_probes


class HeldConnections:
    """The paths whose connections are open. The connections themselves belong to the prober."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self._probes: dict[Path, tuple[ResolvedProbe, ...]] = {}

    def __contains__(self, path: Path) -> bool:
        return path in self._probes

    def resolve_probes(self, expectation: Expectation, snapshot: ClusterSnapshot) -> tuple[ResolvedProbe, ...]:
        """Return the probes of a held path as they were resolved the first time, with the verdict expected now.

        Raises what ``targets.resolve_probes`` raises.
        """
        path = expectation.path
        if not self._probes.get(path):
            self._probes[path] = resolve_probes(expectation, snapshot)
        return tuple(
            replace(probe, question=replace(probe.question, expected=expectation.expected))
            for probe in self._probes[path]
        )

    def extra_settle_time(self, expectations: Iterable[Expectation]) -> float:
        """Return the seconds that silent connections may need, beyond the settle time, until they can send again.

        A connection that was blocked for a while retransmits only after a pause that grows with its silence.
        """
        allowed = [e.path for e in expectations if e.expected is Expected.ALLOWED and e.path in self._probes]
        questions = [probe.question for path in allowed for probe in self._probes[path]]
        return max((self._prober.silence(question.source, question.probe) for question in questions), default=0.0)

    def close_others(self, paths: Collection[Path]) -> None:
        """Close the connections of all paths but these."""
        for path in self._probes.keys() - set(paths):
            probes = self._probes.pop(path)
            self._prober.close_connections((probe.question.source, probe.question.probe) for probe in probes)
