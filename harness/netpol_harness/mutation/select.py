"""Which scenarios could notice a mutant at all: their states are played to its policy agent, without any cluster.

A scenario is passed over where the mutant's rules are those of a faithful agent in every state that it asks paths in;
and, where it asks on the way (``held``, ``first``, ``throughout``) or has the agent restarted, in every state that it
passes through. What cannot be played is never passed over: a pod that completes, a file that cannot be read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path

from netpol_harness.emulator.dataplane.engine import CorrectEngine, PolicyEngine, RuleUpdate
from netpol_harness.emulator.dataplane.rules import Ruleset
from netpol_harness.emulator.dataplane.snapshot import Snapshot
from netpol_harness.emulator.faults import Mutant, MutatedEngine
from netpol_harness.errors import HarnessError
from netpol_harness.mutation.simulate import SimulatedState, simulate
from netpol_harness.paths.path import ProbeMode
from netpol_harness.scenario import SCENARIO_FILE
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario
from netpol_harness.timeouts import EMBEDDED

_TEST_FILES = "test_*.py"


@dataclass(frozen=True, slots=True)
class ScenarioTrace:
    """A directory of scenarios or tests. Without ``moments`` nothing can be said of it beforehand.

    ``faithful`` are the rules that count, as a faithful agent writes them.
    """

    directory: Path
    moments: tuple[SimulatedState, ...] = ()
    closely: bool = False
    faithful: tuple[Ruleset, ...] = ()

    def could_detect(self, mutant: Mutant) -> bool:
        """Whether the mutant may show in this scenario."""
        if not self.moments:
            return True
        wrong = _rules(MutatedEngine(mutant), self.moments, closely=self.closely)
        return any(rules != right for rules, right in zip(wrong, self.faithful, strict=True))


def scenario_traces(directories: Sequence[Path]) -> Sequence[ScenarioTrace]:
    """Every scenario, and every directory of tests, below these."""
    files = {file for place in directories for name in (SCENARIO_FILE, _TEST_FILES) for file in place.rglob(name)}
    tests = {Path(relpath(file.parent)) for file in files if file.name != SCENARIO_FILE}
    places = sorted({Path(relpath(file.parent)) for file in files})
    return [ScenarioTrace(place) if place in tests else _tale(place) for place in places]


def _tale(directory: Path) -> ScenarioTrace:
    try:
        scenario = load(directory / SCENARIO_FILE)
    except HarnessError:
        return ScenarioTrace(directory)
    if _completes(scenario):
        return ScenarioTrace(directory)
    moments, closely = tuple(simulate(scenario)), _asks_on_the_way(scenario)
    return ScenarioTrace(directory, moments, closely, tuple(_rules(CorrectEngine(), moments, closely=closely)))


def _rules(agent: PolicyEngine, moments: Sequence[SimulatedState], *, closely: bool) -> Iterator[Ruleset]:
    """What the agent writes: for lasting moments what is in force once they have lasted, and closely: for each."""
    heard: Snapshot | None = None
    writing = RuleUpdate(Ruleset())
    for moment in moments:
        if moment.restart:
            agent, heard = agent.restarted(), None
        if moment.snapshot != heard:
            heard, writing = moment.snapshot, agent.write(moment.snapshot)
        if closely:
            yield writing.rules
        while moment.lasts and writing.seconds is not None and writing.seconds < EMBEDDED.settle:
            writing = agent.write(moment.snapshot)
        if moment.lasts:
            yield writing.rules


def _completes(scenario: Scenario) -> bool:
    """Whether a pod may come to its end."""
    policies = (manifest.pod.get("spec", {}).get("restartPolicy") for manifest in scenario.workloads)
    return any(policy not in (None, "Always") for policy in policies)


def _asks_on_the_way(scenario: Scenario) -> bool:
    paths = [asked.path for step in scenario.steps for asked in step.expectations]
    paths += [asked.path for step in scenario.steps for asked in step.inquiries]
    return any(path.mode is not ProbeMode.NEW for path in paths) or any(step.restart for step in scenario.steps)
