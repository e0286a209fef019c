"""The collectors of a scenario in pytest's tree: the file and its steps.

``ScenarioFile.setup`` opens the scenario; ``StepNode.setup`` enters the step and probes all of its selected paths at
once. pytest's rules for collectors do the rest: a set-up runs once, its error is that of all items below, and the
teardown runs after the last of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from netpol_harness.analysis.denials import scenario_denies_nothing
from netpol_harness.analysis.describe import natural_list
from netpol_harness.analysis.explain import ExplanationLine
from netpol_harness.analysis.predict import Predictor
from netpol_harness.backends.base import Capability
from netpol_harness.errors import NothingDenied, NotProbed, ScenarioInvalid
from netpol_harness.escape import one_line
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.ends import PodSource, PodTarget
from netpol_harness.paths.path import Expectation
from netpol_harness.paths.path import Path as NetworkPath
from netpol_harness.paths.readiness import Readiness
from netpol_harness.plugin.failure import as_pytest_outcome
from netpol_harness.plugin.items import OthersItem, PathItem, ReturnItem, ScenarioItem
from netpol_harness.plugin.lab import lab_of, profile_of
from netpol_harness.plugin.marks import add_marks
from netpol_harness.plugin.ready_items import ReadyItem
from netpol_harness.plugin.reports.steps import write_step
from netpol_harness.plugin.traffic import expected_traffic
from netpol_harness.plugin.verdicts import with_predicted_verdicts
from netpol_harness.report.context import StepContext
from netpol_harness.report.message import FailureMessage
from netpol_harness.results.asked import Asked
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.readiness import ReadinessResult
from netpol_harness.results.table import PathResult, worst
from netpol_harness.scenario.derive import derive
from netpol_harness.scenario.item_names import OTHERS, return_test
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Others, Scenario, Step, closed_world

if TYPE_CHECKING:
    from netpol_harness.runner.observer import StepResult


class ScenarioFile(pytest.File):
    """A scenario.yaml. Its set-up creates the workloads; its teardown removes everything."""

    scenario: Scenario

    def __init__(self, *, path: Path, parent: pytest.Collector, **kwargs: Any) -> None:
        super().__init__(path=path, parent=parent, nodeid=_safe_id(path, parent.config.rootpath), **kwargs)

    def collect(self) -> Iterable["StepNode"]:
        """Read the files; all problems with them are one collection error."""
        try:
            self.scenario = with_predicted_verdicts(self._read(), profile_of(self.config))
        except ScenarioInvalid as invalid:
            raise self.CollectError(str(invalid)) from None
        self._check_requirements()
        add_marks(self, self.scenario.marks)
        return [StepNode.from_parent(self, name=step.name, step=step) for step in self.scenario.steps]

    def _check_requirements(self) -> None:
        known = {capability.value for capability in Capability}
        if unknown := set(self.scenario.requires) - known:
            problem = f"{self.path}: requires: there is no capability {', '.join(sorted(unknown))}"
            raise self.CollectError(one_line(f"{problem}; choose from: {', '.join(sorted(known))}"))

    def _read(self) -> Scenario:
        return load(self.path)

    def setup(self) -> None:
        """Open the scenario on the run's cluster."""
        with as_pytest_outcome():
            lab = lab_of(self.config)
            lab.canary.expect(expected_traffic(self.session))
            self.scenario_run = lab.scenario_run(self.scenario)
            self.scenario_run.open()

    def teardown(self) -> None:
        """Remove what the set-up has created, even if it has failed."""
        if hasattr(self, "scenario_run"):
            with as_pytest_outcome():
                self.scenario_run.close()


def _safe_id(path: Path, root: Path) -> Any:
    """Return an escaped node id if the file's name has control characters; ``None`` leaves the id to pytest."""
    plain = (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
    return safe if (safe := one_line(plain)) != plain else None


class ManifestSource(ScenarioFile):
    """Manifests without a scenario.yaml (``--derive``), a folder or a file: the oracle's verdicts are expected."""

    def _read(self) -> Scenario:
        return derive(self.path)


class StepNode(pytest.Collector):
    """A step: one state of the cluster, and the results of its paths.

    ``observation`` holds the worst results of all times that the step was entered. ``returns`` holds those of the step
    before, to which a repeated step returns in between.
    """

    parent: ScenarioFile
    predictor: Predictor
    observation: "StepResult"

    def __init__(self, *, step: Step, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._step_as_written = step
        self._set_step(step)
        self.returns: tuple[PathResult, ...] = ()
        self.contexts: dict[str, StepContext] = {}
        self.readiness: dict[Readiness, ReadinessResult] = {}
        self.without_pods: frozenset[NamespacedName] = frozenset()
        self.warning = ""
        self._is_warned = False

    def collect(self) -> Iterable["ScenarioItem"]:
        """Yield an item per path, and one for the closed world if it has any: an item without a path cannot fail."""
        for expectation in self.step.expectations:
            yield PathItem.from_parent(self, name=expectation.path.text, expectation=expectation)
        for readiness in self.step.readiness:
            yield ReadyItem.from_parent(self, name=readiness.text, readiness=readiness)
        if self.before and self.before.expectations:
            yield ReturnItem.from_parent(self, name=return_test(self.before))
        if self.step.others is Others.UNCHECKED:
            return
        if closed_world(self.step):
            yield OthersItem.from_parent(self, name=OTHERS)
        elif not (self.step.expectations or self.step.readiness):
            raise self.CollectError(f"{self.step.where}: step {self.name} has no path: no pod serves a port to another")

    @property
    def notices(self) -> list[str]:
        """What was assumed about the scenario's files, and left out on this cluster."""
        of_scenario = [f"{self.parent.nodeid}: {notice}" for notice in self.parent.scenario_run.notices]
        missing = (f"{count} of the others: this backend has no {c}" for c, count in self.observation.left_out.items())
        idle = (f"paths of CronJob {ref}, which has no pods before it is run" for ref in sorted(self._cron_jobs))
        return [*of_scenario, *(f"{self.nodeid}: not probed: {reason}" for reason in (*missing, *idle))]

    @property
    def _cron_jobs(self) -> frozenset[NamespacedName]:
        workloads = self._step_as_written.inventory.workloads
        return frozenset(ref for ref in self.without_pods if workloads[ref].is_on_request)

    @property
    def before(self) -> Step | None:
        """The step that a repeated step returns to; ``None`` if this one is not repeated."""
        steps = self.parent.scenario.steps
        return steps[[step.name for step in steps].index(self.step.name) - 1] if self.step.repeat > 1 else None

    def expectation(self, path: NetworkPath) -> Expectation:
        """Return the expectation for a path of the step."""
        return self._expectations[path]

    def _set_step(self, step: Step) -> None:
        self.step = step
        self._expectations = {expectation.path: expectation for expectation in step.expectations}

    def setup(self) -> None:
        """Enter the step as often as it says, and probe every selected path at once, each time."""
        lab = lab_of(self.config)
        with as_pytest_outcome():
            observations = [self._observe()]
            returns: list[StepResult] = []
            for _ in range(self.step.repeat - 1 if self.before else 0):
                returns.append(self._return())
                observations.append(self._observe())
            lab.canary.wait()
            self.contexts.clear()
            self.observation = _worst_result(observations)
            asked = Asked.of(path_result.expected for path_result in self._path_results)
            self.warning = scenario_denies_nothing(self.predictor, asked) if self.step.derived else ""
            self.returns = tuple(_worst_result(returns).path_results.values()) if returns else ()
            write_step(self, lab)

    def take_warnings(self) -> Sequence[UserWarning]:
        """Return the warnings about the step, and none after the first time."""
        warnings = [] if self._is_warned else [*self._warnings()]
        self._is_warned = True
        return warnings

    def _warnings(self) -> Iterator[UserWarning]:
        if self.warning:
            yield NothingDenied(f"step {self.step.name}: {self.warning}")
        if (completed := self.without_pods - self._cron_jobs) and self.step.others is not Others.UNCHECKED:
            names = natural_list([*map(str, sorted(completed))])
            yield NotProbed(f"step {self.step.name}: no path of {names} is probed, for its pods have completed")

    def lacks_pods(self, expectation: Expectation) -> bool:
        """Return whether a derived path begins or ends at a workload that rightly has no pods now."""
        path, derived = expectation.path, (inquiry.path for inquiry in self.step.paths_without_verdict)
        ends = {end.ref for end in (path.source, path.target) if isinstance(end, PodSource | PodTarget)}
        return bool(ends & self.without_pods) and path in derived

    def _observe(self) -> "StepResult":
        """Enter the step and probe it. Derived verdicts are predicted again, now that the pods' addresses are known."""
        scenario_run = self.parent.scenario_run
        scenario_run.enter(self.step)
        selected = [item for item in self.session.items if isinstance(item, ScenarioItem) and item.parent is self]
        self.readiness |= scenario_run.readiness.observe(
            [item.readiness for item in selected if isinstance(item, ReadyItem) and not self._is_wrong(item.readiness)]
        )
        snapshot = scenario_run.snapshot()
        self.without_pods = snapshot.without_pods(self._step_as_written.inventory.workloads.values())
        step = self._step_as_written.without_pods_of(self.without_pods)
        predictor = Predictor(scenario_run.scenario, step, profile_of(self.config), snapshot.addresses)
        self._set_step(predictor.with_predicted_verdicts())
        self.predictor = predictor.with_step(self.step)
        return scenario_run.observer.observe(
            self.step,
            [item.expectation for item in selected if isinstance(item, PathItem) and not item.lacks_pods],
            others=any(isinstance(item, OthersItem) for item in selected),
            verdicts=self.predictor.closed_world_verdicts() if self.step.others is Others.ORACLE else None,
            snapshot=snapshot,
        )

    def _is_wrong(self, readiness: Readiness) -> bool:
        """Return whether an earlier time that the step was entered has a result that is not as expected."""
        result = self.readiness.get(readiness)
        return result is not None and result.judgement is not Judgement.AGREES

    def _return(self) -> "StepResult":
        """Return to the step before, and probe it until it is as expected."""
        assert self.before is not None
        self.parent.scenario_run.enter(self.before)
        return self.parent.scenario_run.observer.observe(self.before, self.before.expectations, others=False)

    @property
    def _path_results(self) -> tuple[PathResult, ...]:
        return (*self.observation.path_results.values(), *self.observation.others)

    def message(self, path_result: PathResult, step: Step | None = None) -> FailureMessage:
        """Return the failure message of a result in a step, by default this one."""
        step = step or self.step
        if step.name not in self.contexts:
            predictor = self.predictor.with_step(step)
            results = self.returns if step is self.before else self._path_results
            self.contexts[step.name] = StepContext(
                self.parent.scenario_run, step, predictor=predictor, path_results=results
            )
        message = self.contexts[step.name].message(path_result)
        if self.step.repeat == 1:
            return message
        times = f"step {self.step.name} was entered {self.step.repeat} times; this is the worst result"
        return message.adding(ExplanationLine("repeated", times))


def _worst_result(observations: Sequence["StepResult"]) -> "StepResult":
    """Return the worst result of each path and cell; of equally bad results the last one."""
    latest_first = observations[::-1]
    path_results = {
        expectation: worst(o.path_results[expectation] for o in latest_first if expectation in o.path_results)
        for expectation in latest_first[0].path_results
    }
    worlds = [{path_result.expectation.path: path_result for path_result in o.others} for o in latest_first]
    others = tuple(worst(cells[path] for cells in worlds if path in cells) for path in worlds[0])
    return replace(latest_first[0], path_results=path_results, others=others)
