"""The paths on which a change of state is measured, and the state that each has in a step. Pure.

The verdict is the one that the step writes; if it writes none for the path, the one that its policies imply.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from netpol_harness.analysis.predict import Predictor
from netpol_harness.errors import HarnessError
from netpol_harness.model.names import Protocol
from netpol_harness.paths.ends import PodSource, PodTarget
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Inventory, Path, ProbeMode, Scheme
from netpol_harness.results.latency import State
from netpol_harness.scenario.scenario import Scenario, Step

MOST_PATHS = 8
"""Paths that are probed at once: with more, the probes are too far apart."""

States = Mapping[Path, State]


def step_before(scenario: Scenario, step: Step) -> Step:
    """Return the step before ``step``, from which it is entered. Raises ``HarnessError`` if it is the first one."""
    index = next(number for number, known in enumerate(scenario.steps) if known.name == step.name)
    if index == 0:
        others = ", ".join(later.name for later in scenario.steps[1:])
        advice = f"name a later step with --step: {others}" if others else "add a step without its policies before it"
        raise HarnessError(f"{step.where}: step {step.name} is the first one, so that nothing changes; {advice}")
    return scenario.steps[index - 1]


def changing_states(scenario: Scenario, before: Step, step: Step) -> tuple[States, States]:
    """Return the states before and in the step, of the paths of both that it opens or closes.

    Raises ``HarnessError``, with the cause, if there is none.
    """
    listed = [path for path in (*step.paths, *before.paths) if path.mode is ProbeMode.NEW]
    paths = list({_connection(path): path for path in reversed(listed)}.values())[::-1]
    existing = [path for path in paths if _exists(path, before.inventory) and _exists(path, step.inventory)]
    old, new = (path_states(scenario, each, existing) for each in (before, step))
    changing = [path for path in existing if State.UNKNOWN not in (old[path], new[path]) and old[path] != new[path]]
    if not changing:
        raise HarnessError(_why_nothing_changes(before, step, existing, (old, new)))
    return {path: old[path] for path in changing}, {path: new[path] for path in changing}


def path_states(scenario: Scenario, step: Step, paths: Sequence[Path]) -> States:
    """Return the state of each path in a step, UNKNOWN if its verdict is undefined."""
    written = {_connection(expectation.path): expectation.expected for expectation in step.expectations}
    predictor = Predictor(scenario, step)
    return {path: _state(written.get(_connection(path)) or predictor.verdict(path)) for path in paths}


def _connection(path: Path) -> Path:
    """Return the path over TCP alone: policies judge HTTP in the same way."""
    return replace(path, scheme=Scheme.TCP) if path.scheme.protocol is Protocol.TCP else path


def _state(expected: Expected) -> State:
    match expected:
        case Expected.ALLOWED:
            return State.OPEN
        case Expected.BLOCKED | Expected.DROPPED | Expected.REJECTED | Expected.UNRESOLVED:
            return State.CLOSED
    return State.UNKNOWN


def _exists(path: Path, inventory: Inventory) -> bool:
    ends = (end for end in (path.source, path.target) if isinstance(end, PodSource | PodTarget))
    return all(end.ref in inventory.workloads for end in ends)


def _why_nothing_changes(before: Step, step: Step, paths: Sequence[Path], states: Sequence[States]) -> str:
    start = f"{step.where}: entering step {step.name} from {before.name} changes no path that can be measured"
    if not paths:
        return f"{start}: the two steps have no path whose pods exist in both; write one"
    undefined = [str(path) for path in paths if State.UNKNOWN in (states[0][path], states[1][path])]
    reasons = ["both steps have the same policies"] if before.policies == step.policies else []
    reasons += [f"{len(paths) - len(undefined)} paths are as open or closed in one as in the other"]
    reasons += [f"undefined: {', '.join(undefined)}"] if undefined else []
    return f"{start}: {'; '.join(reasons)}; name another step with --step"
