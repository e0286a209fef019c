"""The items about the readiness of pods: ``ready(POD): true | false`` in a step."""

from typing import Any

from netpol_harness.analysis.waiting import waits_for
from netpol_harness.paths.readiness import Readiness
from netpol_harness.plugin.items import DISAGREEMENTS, DOUBTS, ScenarioItem
from netpol_harness.report.message import FailureMessage
from netpol_harness.report.readiness import readiness_message
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.readiness import ReadinessResult
from netpol_harness.results.table import PathResult


class ReadyItem(ScenarioItem):
    """Whether pods are Ready in a step, or are not, as the author expects. It has no path."""

    def __init__(self, *, readiness: Readiness, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.readiness = readiness
        self.where = readiness.where

    @property
    def result(self) -> ReadinessResult:
        """What was observed; of several times that the step was entered, the first that is not as expected."""
        return self.parent.readiness[self.readiness]

    @property
    def path_results(self) -> tuple[PathResult, ...]:
        """None."""
        return ()

    @property
    def judgements(self) -> frozenset[Judgement]:
        """The judgement of the pods' readiness."""
        return frozenset({self.result.judgement})

    def setup(self) -> None:
        """Raise an error if nothing proves the observation; record how long it took."""
        self.user_properties.append(("seconds", round(self.result.seconds, 1)))
        if self.judgements & DOUBTS:
            self._fail()

    def runtest(self) -> None:
        """Fail if the pods are not as expected."""
        if self.judgements & DISAGREEMENTS:
            self._fail()

    def message(self) -> FailureMessage:
        """Return the message, with what the init containers wait for."""
        lines = tuple(waits_for(self.parent.predictor, self.readiness.ref))
        return readiness_message(self.result, self.parent.step.name, lines)
