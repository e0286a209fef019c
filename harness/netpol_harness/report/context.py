"""The context of a step's failure messages: its policies by the specification, and the cluster that it ran on."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from netpol_harness.analysis.broken_part import ControlFinder
from netpol_harness.analysis.explain import explain_path
from netpol_harness.analysis.predict import Predictor
from netpol_harness.errors import HarnessError
from netpol_harness.oracle.points import SPECIFICATION, Profile
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.path import KnownAddresses
from netpol_harness.report.message import FailureMessage, PathContext, message_for
from netpol_harness.results.table import PathResult
from netpol_harness.scenario.scenario import Manifest, Step
from netpol_harness.scenario.unused_policies import unused_policies

if TYPE_CHECKING:
    from netpol_harness.runner.run import ScenarioRun


class StepContext:
    """What is in force in a step. The cluster and the files are read once for all messages of the step.

    ``predictor`` is that of the step, if there is one already; else it is made from ``profile`` and the addresses on
    the cluster. ``path_results`` are those of the step, of which some are controls of others.
    """

    def __init__(
        self,
        scenario_run: "ScenarioRun",
        step: Step,
        *,
        predictor: Predictor | None = None,
        profile: Profile = SPECIFICATION,
        path_results: Iterable[PathResult] = (),
    ) -> None:
        self.scenario_run = scenario_run
        self.step = step
        self._known_predictor = predictor
        self._profile = profile
        self._path_results = path_results

    def message(self, path_result: PathResult) -> FailureMessage:
        """Return the message for one result of the step."""
        return message_for(path_result, self.path_context(path_result))

    def path_context(self, path_result: PathResult) -> PathContext:
        """Return the context of one path of the step, explain_path with the pods' real addresses."""
        run, expectation = self.scenario_run, path_result.expectation
        cluster = run.context.cluster
        return PathContext(
            where=f"{run.scenario.name}/{expectation.where}",
            step=self.step.name,
            dataplane=cluster.dataplane,
            kubeconfig=cluster.kubeconfig,
            context=cluster.context,
            explanation=explain_path(self._predictor, expectation.path, self._unused_policies, path_result.expected),
            lost=self._lost,
            profile=self._predictor.profile.name,
            controls=self._controls.of(path_result),
        )

    @cached_property
    def _controls(self) -> ControlFinder:
        return ControlFinder(self._path_results, EndpointResolver(self.step.inventory.world()))

    @cached_property
    def _predictor(self) -> Predictor:
        return self._known_predictor or Predictor(self.scenario_run.scenario, self.step, self._profile, self._addresses)

    @cached_property
    def _unused_policies(self) -> tuple[Manifest, ...]:
        return unused_policies(self.scenario_run.scenario)

    @cached_property
    def _lost(self) -> Sequence[str]:
        """The policies that are gone from the cluster; none if it does not answer or is in another step."""
        try:
            is_current = self.scenario_run.current_step.name == self.step.name
            return self.scenario_run.applied.lost_policies() if is_current else ()
        except HarnessError:
            return ()

    @property
    def _addresses(self) -> KnownAddresses:
        """The addresses of pods and external hosts; none if the cluster does not answer."""
        try:
            return self.scenario_run.snapshot().addresses
        except HarnessError:
            return KnownAddresses()
