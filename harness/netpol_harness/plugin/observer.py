"""Probes a scenario on behalf of the fixtures ``probe`` and ``truth_table``."""

import sys
from collections.abc import Callable, Collection
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, TypeVar

import pytest

from netpol_harness.errors import CapabilityMissing, HarnessError, Unproven
from netpol_harness.oracle.points import Profile
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Path
from netpol_harness.plugin.observed import ObservedPath, ObservedTable, parse_verdict
from netpol_harness.report.context import StepContext
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.table import PathResult, TruthTable
from netpol_harness.runner.canary.traffic import traffic_of_paths

if TYPE_CHECKING:
    from netpol_harness.runner.canary.watch import CanaryWatch
    from netpol_harness.runner.run import ScenarioRun


T = TypeVar("T")

_DOUBTS = (Judgement.BROKEN, Judgement.UNPROVEN)


class Observer:
    """Probes one scenario for tests in Python, and raises errors without frames of the harness.

    ``notice`` is called with every result that a test receives.
    """

    def __init__(
        self,
        scenario_run: "ScenarioRun",
        profile: Profile,
        notice: "Callable[[ObservedPath | ObservedTable], None]" = lambda result: None,
        canary: "CanaryWatch | None" = None,
    ) -> None:
        self.scenario_run = scenario_run
        self._profile = profile
        self._notice = notice
        self._canary = canary
        self._path_results: dict[Path, PathResult] = {}
        self._changed = 0.0

    def probe(self, path: str, expected: str = "undefined") -> ObservedPath:
        """Probe one path, written as in scenario.yaml.

        With ``expected``, probe until the network agrees or the settle deadline passes; else return what is seen.
        Raises ``Unproven`` if nothing was learned, ``ScenarioInvalid`` for a path that cannot be read, and
        ``ValueError`` for an unknown verdict. Skips the test if the cluster cannot carry the path.
        """
        __tracebackhide__ = True
        verdict, where = parse_verdict(expected), _caller()
        path_result = _without_frames(lambda: self._probe(path, verdict, where))
        result = self._observed(path_result, self.context())
        self._notice(result)
        return self.proven(result)

    def truth_table(self, expected: str = "undefined") -> ObservedTable:
        """Probe every pair of different pods and every port that the target serves. Raises ``Unproven``."""
        __tracebackhide__ = True
        table = self.probe_all(parse_verdict(expected), _caller())
        self._notice(table)
        return table

    def probe_again(self, result: ObservedPath) -> ObservedPath:
        """Probe the path of a result again, until the network agrees with its verdict."""
        __tracebackhide__ = True
        expectation = result.expectation
        path, verdict, where = expectation.path.text, expectation.expected, expectation.where
        return self._observed(_without_frames(lambda: self._probe(path, verdict, where)), result.context)

    def probe_all(self, verdict: Expected, where: str) -> ObservedTable:
        """Probe every pair of pods for one verdict. Raises ``Unproven`` for the first cell without evidence."""
        __tracebackhide__ = True
        table = _without_frames(lambda: self._table(verdict, where))
        context = self.context()
        cells = {key: self.proven(self._observed(path_result, context)) for key, path_result in table.cells.items()}
        return ObservedTable(table.rows, table.columns, cells, self, context, verdict)

    def proven(self, result: ObservedPath) -> ObservedPath:
        """Return a result, or raise ``Unproven`` if its evidence is not sufficient for a verdict."""
        __tracebackhide__ = True
        if result.judgement in _DOUBTS:
            raise Unproven(result.message.text)
        return result

    def context(self) -> StepContext:
        """Return the step that the cluster is in now, with its policies."""
        step, results = self.scenario_run.current_step, tuple(self._path_results.values())
        return StepContext(self.scenario_run, step, profile=self._profile, path_results=results)

    def is_in(self, context: StepContext) -> bool:
        """Return whether the scenario is still in the step that was observed."""
        return self.scenario_run.current_step.name == context.step.name

    def _probe(self, path: str, verdict: Expected, where: str) -> PathResult:
        path_result = self.scenario_run.observer.probe(self.scenario_run.current_step, path, verdict, where)
        self._remember([path_result])
        return path_result

    def _table(self, verdict: Expected, where: str) -> TruthTable:
        table = self.scenario_run.observer.truth_table(self.scenario_run.current_step, verdict, where)
        self._remember(table.cells.values())
        return table

    def _remember(self, path_results: Collection[PathResult]) -> None:
        """Keep results as controls of others, until the scenario's objects change.

        Raises ``NotEnforcing`` if the cluster does not enforce policies about the traffic of one of them.
        """
        paths = [path_result.expectation.path for path_result in path_results]
        if self._canary is not None:
            self._canary.check(traffic_of_paths(paths, self.scenario_run.current_step.inventory.externals))
        if self._changed != self.scenario_run.applied.changed:
            self._changed = self.scenario_run.applied.changed
            self._path_results.clear()
        self._path_results |= {path_result.expectation.path: path_result for path_result in path_results}

    def _observed(self, path_result: PathResult, context: StepContext) -> ObservedPath:
        return ObservedPath(path_result.expectation, path_result.pairs, self, context)


def _without_frames(act: Callable[[], T]) -> T:
    """Return what ``act`` returns; raise its error without frames and cause, a missing capability as a skip."""
    __tracebackhide__ = True
    try:
        return act()
    except CapabilityMissing as missing:
        failure: BaseException = pytest.skip.Exception(str(missing))
    except HarnessError as error:
        failure = error.with_traceback(None)
    raise failure from None


def _caller() -> str:
    """Return ``file:line`` of the test that called the fixture."""
    frame = sys._getframe(2)
    return f"{FilePath(frame.f_code.co_filename).name}:{frame.f_lineno}"
