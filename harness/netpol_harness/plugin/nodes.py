"""The collectors of a scenario in pytest's tree: the file and its steps.

``ScenarioFile.setup`` opens the scenario, ``StepNode.setup`` enters the step and observes all of its selected paths at
once. pytest's own set-up rules give the rest: once per scenario, errors for the whole subtree, teardown.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from netpol_harness.analysis.explain import ExplanationLine
from netpol_harness.analysis.predict import Predictor
from netpol_harness.backends.base import Capability
from netpol_harness.errors import ScenarioInvalid
from netpol_harness.escape import one_line
from netpol_harness.paths.path import Expectation
from netpol_harness.paths.path import Path as NetworkPath
from netpol_harness.plugin.items import OthersItem, PathItem, ReturnItem, ScenarioItem
from netpol_harness.plugin.lab import lab_of, profile_of
from netpol_harness.plugin.marks import mark
from netpol_harness.plugin.predicted import with_predicted_verdicts
from netpol_harness.plugin.reports.steps import write_step
from netpol_harness.plugin.rounds import worst_of
from netpol_harness.plugin.telling import as_pytest_outcome
from netpol_harness.report.story import Scene, Story
from netpol_harness.results.table import PathResult
from netpol_harness.scenario.load import derive, load
from netpol_harness.scenario.scenario import Others, Scenario, Step, closed_world

if TYPE_CHECKING:
    from netpol_harness.runner.observer import StepResult


class ScenarioFile(pytest.File):
    """A scenario.yaml. Its set-up brings the workloads up; its teardown removes all of them."""

    scenario: Scenario

    def __init__(self, *, path: Path, parent: pytest.Collector, **kwargs: Any) -> None:
        super().__init__(path=path, parent=parent, nodeid=_fit_id(path, parent.config.rootpath), **kwargs)

    def collect(self) -> Iterable["StepNode"]:
        """Read the files; everything that is wrong with them is one collection error."""
        try:
            self.scenario = with_predicted_verdicts(self._read(), profile_of(self.config))
        except ScenarioInvalid as invalid:
            raise self.CollectError(str(invalid)) from None
        known = {capability.value for capability in Capability}
        if unknown := set(self.scenario.requires) - known:
            said = ", ".join(sorted(unknown))
            what = f"{self.path}: requires: no capability is called {said}"
            raise self.CollectError(one_line(f"{what}; known: {', '.join(sorted(known))}"))
        mark(self, self.scenario.marks)
        return [StepNode.from_parent(self, name=step.name, step=step) for step in self.scenario.steps]

    def _read(self) -> Scenario:
        return load(self.path)

    def setup(self) -> None:
        """Open the scenario on this run's cluster."""
        with as_pytest_outcome():
            self.scenario_run = lab_of(self.config).scenario_run(self.scenario)
            self.scenario_run.open()

    def teardown(self) -> None:
        """Remove what the set-up made, however far it came."""
        if hasattr(self, "scenario_run"):
            with as_pytest_outcome():
                self.scenario_run.close()


def _fit_id(path: Path, root: Path) -> Any:
    """The node id of a file whose own would do something to the terminal on which pytest shows it; else ``None``."""
    plain = (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
    return fit if (fit := one_line(plain)) != plain else None


class ManifestFolder(ScenarioFile):
    """A folder of manifests without a scenario.yaml (``--derive``): what its policies mean is what is expected."""

    def _read(self) -> Scenario:
        return derive(self.path)


class StepNode(pytest.Collector):
    """A step: one state of the cluster, and what was seen in it, each time that it was entered.

    ``observation`` is the worst of what was seen; ``returns`` holds the same of the step before, for a repeated step.
    """

    parent: ScenarioFile
    predictor: Predictor
    observation: "StepResult"

    def __init__(self, *, step: Step, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._take(step)
        self.returns: tuple[PathResult, ...] = ()
        self.scenes: dict[str, Scene] = {}

    def collect(self) -> Iterable["ScenarioItem"]:
        """One item per path, and one for all others where there are any: an item that asks nothing cannot fail."""
        for expectation in self.step.expectations:
            yield PathItem.from_parent(self, name=expectation.path.text, expectation=expectation)
        if self.before and self.before.expectations:
            yield ReturnItem.from_parent(self, name=f"back in {self.before.name}")
        if self.step.others is Others.UNCHECKED:
            return
        if closed_world(self.step):
            yield OthersItem.from_parent(self, name="others")
        elif not self.step.expectations:
            raise self.CollectError(
                f"{self.step.where}: step {self.name} asks nothing: no pod serves a port to another"
            )

    @property
    def before(self) -> Step | None:
        """The step to which a repeated one returns; ``None`` for all others."""
        steps = self.parent.scenario.steps
        return steps[[step.name for step in steps].index(self.step.name) - 1] if self.step.repeat > 1 else None

    def expectation(self, path: NetworkPath) -> Expectation:
        """What is expected of a path of the step."""
        return self._expectations[path]

    def _take(self, step: Step) -> None:
        self.step = step
        self._expectations = {expectation.path: expectation for expectation in step.expectations}

    def setup(self) -> None:
        """Enter the step as often as it says, and ask every selected path at once, each time."""
        lab = lab_of(self.config)
        with as_pytest_outcome():
            observations = [self._observe()]
            returns: list[StepResult] = []
            for _ in range(self.step.repeat - 1 if self.before else 0):
                returns.append(self._return())
                observations.append(self._observe())
            lab.await_canary()
            self.scenes.clear()
            self.observation = worst_of(observations)
            self.returns = tuple(worst_of(returns).path_results.values()) if returns else ()
            write_step(self, lab)

    def _observe(self) -> "StepResult":
        """Enter the step and look. Words are derived in the light of the addresses that pods have got."""
        scenario_run = self.parent.scenario_run
        scenario_run.enter(self.step)
        snapshot = scenario_run.snapshot()
        predictor = Predictor(scenario_run.scenario, self.step, profile_of(self.config), snapshot.addresses)
        self._take(predictor.with_predicted_verdicts())
        self.predictor = predictor.with_step(self.step)
        selected = [item for item in self.session.items if isinstance(item, ScenarioItem) and item.parent is self]
        return scenario_run.observer.observe(
            self.step,
            [item.expectation for item in selected if isinstance(item, PathItem)],
            others=any(isinstance(item, OthersItem) for item in selected),
            verdicts=self.predictor.closed_world_verdicts() if self.step.others is Others.ORACLE else None,
            snapshot=snapshot,
        )

    def _return(self) -> "StepResult":
        """Go back to the step before, until it is as its author expects."""
        assert self.before is not None
        self.parent.scenario_run.enter(self.before)
        return self.parent.scenario_run.observer.observe(self.before, self.before.expectations, others=False)

    def story(self, path_result: PathResult, step: Step | None = None) -> Story:
        """The story of one finding, with what was in force in its step (by default this one)."""
        step = step or self.step
        if step.name not in self.scenes:
            self.scenes[step.name] = Scene(self.parent.scenario_run, step, predictor=self.predictor.with_step(step))
        often = f"step {self.step.name} was entered {self.step.repeat} times; this is the worst"
        with_predicted_verdicts = self.scenes[step.name].story(path_result)
        return (
            with_predicted_verdicts.adding(ExplanationLine("repeated", often))
            if self.step.repeat > 1
            else with_predicted_verdicts
        )
