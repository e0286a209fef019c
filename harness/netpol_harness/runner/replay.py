"""Changed paths on a cluster: probed in the state before a change, and again in the state after it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from netpol_harness.analysis.changes.change import Change
from netpol_harness.analysis.changes.joint import AFTER, BEFORE
from netpol_harness.errors import WorkloadFailed
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Path
from netpol_harness.probe.bulk import BULK_THRESHOLD, BulkConvergence
from netpol_harness.probe.converge import Convergence
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.table import PathResult
from netpol_harness.runner.run import ScenarioRun
from netpol_harness.runner.targets import resolve_probes


class ReplayVerdict(StrEnum):
    """What packets say about a predicted change.

    PROVEN        each verdict that the change has is the one that was observed
    CONTRADICTED  the network did something else, before or after
    NOT_PROVABLE  a verdict is open, the cluster lacks what the path needs, or the evidence does not suffice
    """

    PROVEN = "proven"
    CONTRADICTED = "contradicted"
    NOT_PROVABLE = "not provable"


@dataclass(frozen=True, slots=True)
class Observed:
    """The result of a path in one state; without one, ``obstacle`` says why it was not probed."""

    result: PathResult | None = None
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Replay:
    """A change and what was observed in both states; ``None`` where an end of the path does not exist."""

    change: Change
    before: Observed | None
    after: Observed | None

    @property
    def observed(self) -> tuple[tuple[str, Observed], ...]:
        """What was observed, with the name of the state."""
        both = ((BEFORE, self.before), (AFTER, self.after))
        return tuple((name, side) for name, side in both if side is not None)

    @property
    def verdict(self) -> ReplayVerdict:
        """What the packets say: a contradiction on one side outweighs all else."""
        judgements = [side.result.judgement if side.result else None for _, side in self.observed]
        if Judgement.DISAGREES in judgements or Judgement.FLAPPING in judgements:
            return ReplayVerdict.CONTRADICTED
        is_open = Expected.UNDEFINED in (self.change.before, self.change.after)
        proven = not is_open and set(judgements) == {Judgement.AGREES}
        return ReplayVerdict.PROVEN if proven else ReplayVerdict.NOT_PROVABLE


def replay(run: ScenarioRun, changes: Sequence[Change]) -> tuple[Replay, ...]:
    """Probe changed paths before and after, on a run of a ``joint_scenario`` that is open.

    Raises ``LabError``, and ``CapabilityMissing`` if the cluster cannot enter a state.
    """
    before = _observe(run, BEFORE, ((change.path, change.before) for change in changes))
    after = _observe(run, AFTER, ((change.path, change.after) for change in changes))
    return tuple(Replay(change, before.get(change.path), after.get(change.path)) for change in changes)


def _observe(run: ScenarioRun, name: str, verdicts: Iterable[tuple[Path, Expected | None]]) -> Mapping[Path, Observed]:
    """Enter a state and probe the paths that exist in it."""
    run.enter(name)
    step = run.current_step
    expectations = [Expectation(path, verdict, step.where) for path, verdict in verdicts if verdict]
    obstacles = dict(_obstacles(run, expectations))
    possible = [e for e in expectations if e.path not in obstacles]
    strategy = Convergence if len(possible) < BULK_THRESHOLD else BulkConvergence
    results = run.observer.observe(step, possible, others=False, strategy=strategy).path_results if possible else {}
    observed = {expectation.path: Observed(result) for expectation, result in results.items()}
    return {**{path: Observed(obstacle=text) for path, text in obstacles.items()}, **observed}


def _obstacles(run: ScenarioRun, expectations: Sequence[Expectation]) -> Iterator[tuple[Path, str]]:
    """Yield the paths that cannot be probed, and why."""
    step, possible = run.current_step, []
    for expectation in expectations:
        if capability := run.observer.missing_capability(expectation.path, step):
            yield expectation.path, f"this cluster lacks {capability}"
        else:
            possible.append(expectation)
    snapshot = run.applied.snapshot_for([e.path for e in possible])
    for expectation in possible:
        try:
            resolve_probes(expectation, snapshot)
        except WorkloadFailed as error:
            yield expectation.path, str(error)
