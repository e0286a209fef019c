"""The items of a step: one per path, and one for its closed world. An item only judges what its step has observed.

The set-up of an item observes, its call compares: a result without sufficient evidence is an ERROR, a disagreement is
FAILED, and a path that the cluster cannot carry is SKIPPED.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from netpol_harness.errors import CapabilityMissing, HarnessError, OracleDisagrees, Unproven
from netpol_harness.escape import one_line
from netpol_harness.lab import Lab
from netpol_harness.paths.path import Expectation
from netpol_harness.plugin.failure import FailureWithMessage, as_pytest_outcome, message_of
from netpol_harness.plugin.lab import lab_of
from netpol_harness.plugin.verdicts import contradiction
from netpol_harness.report.closed_world import closed_world_message
from netpol_harness.report.message import FailureMessage
from netpol_harness.results.asked import Asked
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.table import PathResult, TruthTable
from netpol_harness.runner.canary.traffic import Traffic, served_traffic, traffic_of_paths

if TYPE_CHECKING:
    from netpol_harness.plugin.nodes import StepNode


class ScenarioItem(pytest.Item):
    """An item of a step."""

    parent: "StepNode"
    where: str
    needs_cluster = True

    @property
    def path_results(self) -> tuple[PathResult, ...]:
        """The results of this item's paths; empty if the cluster lacks a capability that they need."""
        raise NotImplementedError

    @property
    def judgements(self) -> frozenset[Judgement]:
        """The judgements of all that the item asks."""
        return frozenset(path_result.judgement for path_result in self.path_results)

    @property
    def traffic(self) -> frozenset[Traffic]:
        """The traffic of this item's paths, which the canary examines."""
        return frozenset()

    def message(self) -> FailureMessage:
        """Return the failure message, which stands alone."""
        raise NotImplementedError

    @property
    def lab(self) -> Lab:
        """The run's lab."""
        return lab_of(self.config)

    def setup(self) -> None:
        """Raise an error if there is no result, or no sufficient evidence and no disagreement either.

        No result counts whose traffic the cluster does not enforce.
        """
        with as_pytest_outcome():
            self.lab.canary.check(self.traffic)
        if not self.path_results:
            with as_pytest_outcome():
                raise Unproven(f"{self.name}: no path was probed, so nothing is known")
        if self.judgements & DOUBTS and not self.judgements & DISAGREEMENTS:
            self._fail()

    def runtest(self) -> None:
        """Fail if the network disagrees with an expectation; warn once if the step's policies deny nothing."""
        if self.judgements & DISAGREEMENTS:
            self._fail()
        for warning in self.parent.take_warnings():
            self._warn(warning)

    @property
    def asked(self) -> Asked:
        """How many paths it asks, and how many of them must be denied."""
        return Asked.of(path_result.expected for path_result in self.path_results)

    def _warn(self, warning: UserWarning) -> None:
        """Warn at the line of the expectation; fail if warnings are errors."""
        file, line, _ = self.reportinfo()
        try:
            warnings.warn_explicit(warning, type(warning), str(file), (line or 0) + 1)
        except UserWarning as error:
            raise FailureWithMessage(message_of(error)) from None

    def _fail(self) -> NoReturn:
        with as_pytest_outcome():
            raise FailureWithMessage(self.message())

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show errors of the harness without a traceback."""
        if isinstance(excinfo.value, HarnessError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the line of scenario.yaml with the expectation."""
        line = self.where.rpartition(":")[2]
        return (
            Path(one_line(str(self.path))),
            int(line) - 1 if line.isdigit() else None,
            f"{self.parent.name}: {self.name}",
        )


_MAX_MESSAGES = 3
"""Maximum number of paths of the step before that one message shows."""

DOUBTS = frozenset({Judgement.BROKEN, Judgement.UNPROVEN})
DISAGREEMENTS = frozenset({Judgement.DISAGREES, Judgement.FLAPPING})


class PathItem(ScenarioItem):
    """One path that the author has written, or that an ``any`` line stands for."""

    def __init__(self, *, expectation: Expectation, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.network_path = expectation.path
        self.where = expectation.where

    @property
    def expectation(self) -> Expectation:
        """The path with its verdict, which may be predicted again when the step is entered."""
        return self.parent.expectation(self.network_path)

    @property
    def traffic(self) -> frozenset[Traffic]:
        """That of the one path."""
        return traffic_of_paths([self.network_path], self.parent.step.inventory.externals)

    @property
    def path_result(self) -> PathResult:
        """The result of the path."""
        return self.parent.observation.path_results[self.expectation]

    @property
    def path_results(self) -> tuple[PathResult, ...]:
        """The one result."""
        return (self.path_result,)

    @property
    def lacks_pods(self) -> bool:
        """Whether nobody wrote the path's verdict, and it begins or ends at a workload that rightly has no pods now."""
        return self.parent.lacks_pods(self.expectation)

    def setup(self) -> None:
        """Skip if the path has no pods any more, or the cluster lacks a capability; record the figures for reports."""
        if self.lacks_pods:
            pytest.skip("a workload at its ends has completed, or is a CronJob that is not run: it has no pods")
        if lack := self.parent.parent.scenario_run.observer.lack(self.expectation.path, self.parent.step):
            pytest.skip(str(lack))
        self.user_properties += properties(self.path_result).items()
        super().setup()

    def runtest(self) -> None:
        """Compare; warn if the network agrees with the author and the specification does not."""
        super().runtest()
        if text := contradiction(self.expectation, self.parent.predictor):
            self._warn(OracleDisagrees(text))

    def message(self) -> FailureMessage:
        """Return the message of the path."""
        return self.parent.message(self.path_result)


class ReturnItem(ScenarioItem):
    """The paths of the step before a repeated one, each time that it was returned to."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.where = self.parent.step.where

    @property
    def path_results(self) -> tuple[PathResult, ...]:
        """The worst result of each path."""
        return self.parent.returns

    @property
    def traffic(self) -> frozenset[Traffic]:
        """That of the paths of the step before."""
        before = self.parent.before
        return traffic_of_paths(before.paths, before.inventory.externals) if before else frozenset()

    def setup(self) -> None:
        """Skip if the cluster lacks what every path of that step needs."""
        before, observer = self.parent.before, self.parent.parent.scenario_run.observer
        expectations = before.expectations if before and not self.path_results else ()
        lacks = (observer.lack(e.path, before) for e in expectations if before)
        for lack in filter(None, lacks):
            pytest.skip(str(lack))
        super().setup()

    def message(self) -> FailureMessage:
        """Return the messages of the wrong paths."""
        wrong = [path_result for path_result in self.path_results if path_result.judgement is not Judgement.AGREES]
        messages = [self.parent.message(path_result, self.parent.before) for path_result in wrong[:_MAX_MESSAGES]]
        return FailureMessage(messages[0].text.partition("\n")[0], "\n".join(map(str, messages)))


class OthersItem(ScenarioItem):
    """The closed world of a step: every pair of pods and served port without a path of its own."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.where = self.parent.step.where

    @property
    def path_results(self) -> tuple[PathResult, ...]:
        """One result per cell."""
        return self.parent.observation.others

    @property
    def traffic(self) -> frozenset[Traffic]:
        """That of all served ports."""
        return served_traffic(self.parent.step.inventory.workloads.values())

    def setup(self) -> None:
        """Record the number of cells, and of those that must be denied; skip if the cluster can carry none."""
        if not self.path_results and (left_out := self.parent.observation.left_out):
            pytest.skip(str(CapabilityMissing(next(iter(left_out)))))
        self.user_properties += [("cells", self.asked.paths), ("denials", self.asked.denials)]
        super().setup()

    def message(self) -> FailureMessage:
        """Return the wrong cells, and the message of the first."""
        wrong = TruthTable.of(self.path_results).wrong
        return closed_world_message(self.path_results, self.parent.message(wrong[0]))


def properties(path_result: PathResult) -> Mapping[str, str | int | float]:
    """Return the figures of a path for machine-readable reports."""
    settled = path_result.settled_after
    return {
        "outcome": path_result.outcome.value,
        "attempts": path_result.attempts,
        "tool": str(path_result.worst.evidence.decisive.reply.tool_and_container),  # a plain str: workers send it
        **({"settle_seconds": round(settled, 4)} if settled is not None else {}),
    }
