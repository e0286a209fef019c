"""One item per path of a step, and one for its closed world. An item only compares what its step has observed."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from netpol_harness.errors import CapabilityMissing, HarnessError, OracleDisagrees, Unproven
from netpol_harness.escape import one_line
from netpol_harness.lab import Lab
from netpol_harness.paths.path import Expectation
from netpol_harness.plugin.lab import lab_of
from netpol_harness.plugin.predicted import objection
from netpol_harness.plugin.telling import FailureWithStory, as_pytest_outcome, of
from netpol_harness.report.story import Story
from netpol_harness.report.world import world_story
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.table import PathResult, TruthTable

if TYPE_CHECKING:
    from netpol_harness.plugin.nodes import StepNode


class ScenarioItem(pytest.Item):
    """What is common to the items of a step: observe in set-up, compare in the call."""

    parent: "StepNode"
    where: str
    needs_cluster = True

    @property
    def path_results(self) -> tuple[PathResult, ...]:
        """What was seen of this item's paths; empty where the backend lacks what they need."""
        raise NotImplementedError

    def story(self) -> Story:
        """What is wrong, told so that it stands alone."""
        raise NotImplementedError

    @property
    def lab(self) -> Lab:
        """The run's laboratory."""
        return lab_of(self.config)

    def setup(self) -> None:
        """Without an observation, or without proof of one, there is nothing to compare: ERROR."""
        if not self.path_results:
            with as_pytest_outcome():
                raise Unproven(f"{self.name}: nothing was asked, so that nothing is known")
        judgements = {path_result.judgement for path_result in self.path_results}
        if judgements & _DOUBTS and not judgements & _DISAGREEMENTS:
            self._tell()

    def runtest(self) -> None:
        """Compare what was seen with what was expected."""
        if {path_result.judgement for path_result in self.path_results} & _DISAGREEMENTS:
            self._tell()

    def _tell(self) -> NoReturn:
        with as_pytest_outcome():
            raise FailureWithStory(self.story())

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Our own messages need no traceback."""
        if isinstance(excinfo.value, HarnessError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The line of scenario.yaml that says what is expected."""
        line = self.where.rpartition(":")[2]
        return (
            Path(one_line(str(self.path))),
            int(line) - 1 if line.isdigit() else None,
            f"{self.parent.name}: {self.name}",
        )


_TOLD = 3
"""Paths of the step before of which a message tells the story."""

_DOUBTS = frozenset({Judgement.BROKEN, Judgement.UNPROVEN})
_DISAGREEMENTS = frozenset({Judgement.DISAGREES, Judgement.FLAPPING})


class PathItem(ScenarioItem):
    """One path that the author wrote, or that an ``any`` line stands for."""

    def __init__(self, *, expectation: Expectation, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path_asked = expectation.path
        self.where = expectation.where

    @property
    def expectation(self) -> Expectation:
        """The path with the word for it, which may be derived anew when the step is entered."""
        return self.parent.expectation(self.path_asked)

    @property
    def path_result(self) -> PathResult:
        """What was seen of the path."""
        return self.parent.observation.path_results[self.expectation]

    @property
    def path_results(self) -> tuple[PathResult, ...]:
        """The one finding."""
        return (self.path_result,)

    def setup(self) -> None:
        """Skip where the backend lacks what the path needs; record the figures for reports."""
        if lack := self.parent.parent.scenario_run.observer.missing_capability(self.expectation.path):
            pytest.skip(str(CapabilityMissing(lack)))
        self.user_properties += properties(self.path_result).items()
        super().setup()

    def runtest(self) -> None:
        """Compare; warn where the specification has another word for a path that is as its author expects."""
        super().runtest()
        if said := objection(self.expectation, self.parent.predictor):
            file, line, _ = self.reportinfo()
            try:
                warnings.warn_explicit(OracleDisagrees(said), OracleDisagrees, str(file), (line or 0) + 1)
            except OracleDisagrees as error:
                raise FailureWithStory(of(error)) from None

    def story(self) -> Story:
        """The path's own."""
        return self.parent.story(self.path_result)


class ReturnItem(ScenarioItem):
    """What was seen of the step before a repeated one, each time that it was returned to."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.where = self.parent.step.where

    @property
    def path_results(self) -> tuple[PathResult, ...]:
        """The worst finding of each path."""
        return self.parent.returns

    def setup(self) -> None:
        """Skip where the backend lacks what every path of that step needs."""
        before, scenario_run = self.parent.before, self.parent.parent.scenario_run
        asked = before.expectations if before and not self.path_results else ()
        for lack in filter(None, (scenario_run.observer.missing_capability(expectation.path) for expectation in asked)):
            pytest.skip(str(CapabilityMissing(lack)))
        super().setup()

    def story(self) -> Story:
        """The stories of what is wrong."""
        wrong = [path_result for path_result in self.path_results if path_result.judgement is not Judgement.AGREES]
        stories = [self.parent.story(path_result, self.parent.before) for path_result in wrong[:_TOLD]]
        return Story(stories[0].text.partition("\n")[0], "\n".join(map(str, stories)))


class OthersItem(ScenarioItem):
    """The closed world of a step: every pair of pods and served port that no path of the step speaks of."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.where = self.parent.step.where

    @property
    def path_results(self) -> tuple[PathResult, ...]:
        """One finding a cell."""
        return self.parent.observation.others

    def setup(self) -> None:
        """Record how many cells there are."""
        self.user_properties.append(("cells", len(self.path_results)))
        super().setup()

    def story(self) -> Story:
        """The wrong cells, and the whole story of the first."""
        wrong = TruthTable.of(self.path_results).wrong
        return world_story(self.path_results, self.parent.story(wrong[0]))


def properties(path_result: PathResult) -> Mapping[str, str | int | float]:
    """The figures of a path for machine-readable reports."""
    settled = path_result.settled_after
    return {
        "outcome": path_result.outcome.value,
        "attempts": path_result.attempts,
        "tool": str(path_result.worst.evidence.decisive.reply.tool_and_container),  # plain, for the way from a worker
        **({"settle_seconds": round(settled, 4)} if settled is not None else {}),
    }
