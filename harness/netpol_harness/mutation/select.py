"""Select the scenarios that can detect a mutant, by simulating their states without a cluster.

A scenario cannot detect a mutant if the mutant's rules are those of the correct engine in every state that paths are
probed in; and, if paths are probed during transitions (``held``, ``first``, ``throughout``) or the agent is restarted,
in every state on the way. Every state counts as well if the scenario has a pod that may complete, or tests in Python
beside it, which may enter its steps in any order and delete what is there. A scenario that cannot be simulated is
always selected: one whose files cannot be read, and a test in Python without a scenario.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path

from netpol_harness.backends.base import Capability
from netpol_harness.emulator.dataplane.engine import CorrectEngine, RuleUpdate
from netpol_harness.emulator.dataplane.rules import Ruleset
from netpol_harness.emulator.dataplane.snapshot import Snapshot
from netpol_harness.emulator.faults import Mutant, MutatedEngine
from netpol_harness.emulator.faults.mutant import DEFAULT_SHAPE
from netpol_harness.errors import HarnessError
from netpol_harness.mutation.simulate import SimulatedState, may_complete, simulate
from netpol_harness.paths.path import ProbeMode
from netpol_harness.scenario import SCENARIO_FILE
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario
from netpol_harness.timeouts import EMBEDDED

_TEST_FILES = "test_*.py"
_LARGER = {Capability.IPV6, Capability.TWO_NODES}


@dataclass(frozen=True, slots=True)
class ScenarioTrace:
    """The states of the scenario, or of the tests, in a directory; no ``states`` if it cannot be simulated.

    ``every_state``: not only the states of the steps count but all on the way. ``correct_rules`` are the rules that the
    correct engine writes for each state. ``needs_more``: it requires IPv6 or two nodes.
    """

    directory: Path
    states: tuple[SimulatedState, ...] = ()
    every_state: bool = False
    correct_rules: tuple[Ruleset, ...] = ()
    needs_more: bool = False

    def can_detect(self, mutant: Mutant) -> bool:
        """Return whether the mutant may change the result of a probe of this scenario.

        States are those of a default cluster. On one of another shape, only scenarios that need it or that are about
        the mutant count.
        """
        if mutant.shape != DEFAULT_SHAPE:
            return self.needs_more or self.directory.name in mutant.sources
        return not self.states or any(mutated != correct for mutated, correct in self._rules(MutatedEngine(mutant)))

    def _rules(self, engine: MutatedEngine) -> Iterator[tuple[Ruleset, Ruleset]]:
        """Yield the engine's rules and the correct ones: for each settled step, or for every state."""
        known: Snapshot | None = None
        update = RuleUpdate(Ruleset())
        for state, correct in zip(self.states, self.correct_rules, strict=True):
            if state.restart:
                engine, known = engine.restarted(), None
            if state.snapshot != known:
                known, update = state.snapshot, engine.compile(state.snapshot, correct)
            if self.every_state:
                yield update.rules, correct
            while state.is_step and update.seconds is not None and update.seconds < EMBEDDED.settle:
                update = engine.compile(state.snapshot, correct)
            if state.is_step:
                yield update.rules, correct


def scenario_traces(directories: Sequence[Path]) -> Sequence[ScenarioTrace]:
    """Return the trace of every directory below these that holds a scenario or tests."""
    files = {file for root in directories for name in (SCENARIO_FILE, _TEST_FILES) for file in root.rglob(name)}
    with_tests = {Path(relpath(file.parent)) for file in files if file.name != SCENARIO_FILE}
    return [
        _trace(directory, tested=directory in with_tests)
        for directory in sorted({Path(relpath(file.parent)) for file in files})
    ]


def _trace(directory: Path, *, tested: bool) -> ScenarioTrace:
    try:
        scenario = load(directory / SCENARIO_FILE)
    except HarnessError:
        return ScenarioTrace(directory)
    completing = any(may_complete(manifest.pod) for manifest in scenario.workloads)
    states = tuple(simulate(scenario, wandering=tested))
    if completing:
        states += tuple(simulate(scenario, wandering=tested, completing=True))
    return ScenarioTrace(
        directory,
        states,
        every_state=tested or completing or _probes_transitions(scenario),
        correct_rules=tuple(CorrectEngine().compile(state.snapshot).rules for state in states),
        needs_more=bool(_LARGER & set(scenario.requires)),
    )


def _probes_transitions(scenario: Scenario) -> bool:
    paths = [path for step in scenario.steps for path in step.paths]
    return any(path.mode is not ProbeMode.NEW for path in paths) or any(step.restart for step in scenario.steps)
