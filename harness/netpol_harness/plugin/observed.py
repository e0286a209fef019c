"""Results that the fixtures ``probe`` and ``truth_table`` return to tests in Python.

A test asserts a verdict: ``assert probe("a -> b:80").blocked`` or ``assert probe("a -> b:80") == "blocked"``. Both have
three endings: the network agrees; it disagrees, and the failure shows the evidence; or the evidence is not sufficient
for either, and ``Unproven`` is raised.

Only agreement is evidence. What does not agree with a verdict may be a dead listener, a name that does not resolve or a
path that flaps, so the negation of a verdict would pass on a broken lab. Therefore no negation can pass: ``!=`` and the
truth value of a result raise ``TypeError``, and ``.blocked`` never returns ``False`` but raises ``AssertionError``, so
that ``assert not probe(...).blocked`` fails whatever the network does.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

import pytest

from netpol_harness.errors import CapabilityMissing, HarnessError, Unproven
from netpol_harness.oracle.points import Profile
from netpol_harness.paths.diagnostics import suggest
from netpol_harness.paths.outcome import Expected
from netpol_harness.report.closed_world import table_message
from netpol_harness.report.context import StepContext
from netpol_harness.report.message import FailureMessage
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.table import PathResult, TruthTable

if TYPE_CHECKING:
    from netpol_harness.runner.run import ScenarioRun


T = TypeVar("T")

_DOUBTS = (Judgement.BROKEN, Judgement.UNPROVEN)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ObservedPath(PathResult):
    """The result of probing one path, to be compared with a verdict.

    ``assert result.blocked`` and ``assert result == "blocked"`` probe again where the evidence does not suffice for
    that verdict and the scenario is still in the same step, until the network agrees or the settle deadline passes.
    ``by_verdict`` caches the result for each verdict.
    """

    observer: "Observer"
    context: StepContext
    by_verdict: dict[Expected, "ObservedPath"] = field(default_factory=dict)

    @property
    def allowed(self) -> Literal[True]:
        """``True`` if the target answers; else raise ``AssertionError`` with the evidence, or ``Unproven``."""
        __tracebackhide__ = True
        return self._must_be(Expected.ALLOWED)

    @property
    def blocked(self) -> Literal[True]:
        """``True`` if the network drops or rejects the probe of a live listener; else raise as ``allowed`` does."""
        __tracebackhide__ = True
        return self._must_be(Expected.BLOCKED)

    @property
    def dropped(self) -> Literal[True]:
        """``True`` if the probe of a live listener times out; else raise as ``allowed`` does."""
        __tracebackhide__ = True
        return self._must_be(Expected.DROPPED)

    @property
    def rejected(self) -> Literal[True]:
        """``True`` if the probe of a live listener is refused explicitly; else raise as ``allowed`` does."""
        __tracebackhide__ = True
        return self._must_be(Expected.REJECTED)

    @property
    def unresolved(self) -> Literal[True]:
        """``True`` if the name does not resolve while the name server is alive; else raise as ``allowed`` does."""
        __tracebackhide__ = True
        return self._must_be(Expected.UNRESOLVED)

    @property
    def message(self) -> FailureMessage:
        """The expectation, observation, evidence, reasons and the command that repeats the probe by hand."""
        return self.context.message(self)

    def check(self) -> "ObservedPath":
        """Return the result if the network agrees with its verdict; else raise ``AssertionError`` with the message."""
        __tracebackhide__ = True
        if self.judgement is not Judgement.AGREES:
            raise AssertionError(self.message.text)
        return self

    def judged(self, verdict: Expected) -> "ObservedPath":
        """Return the result for this verdict. Raises ``Unproven``."""
        __tracebackhide__ = True
        if verdict not in self.by_verdict:
            self.by_verdict[verdict] = self if verdict is self.expected else self._with_expected(verdict)
        return self.observer.proven(self.by_verdict[verdict])

    def _must_be(self, verdict: Expected) -> Literal[True]:
        __tracebackhide__ = True
        self.judged(verdict).check()
        return True

    def _with_expected(self, verdict: Expected) -> "ObservedPath":
        """Judge the same evidence by another verdict, and probe again if it does not agree."""
        __tracebackhide__ = True
        pairs = tuple(replace(pair, evidence=replace(pair.evidence, expected=verdict)) for pair in self.pairs)
        known = ObservedPath(replace(self.expectation, expected=verdict), pairs, self.observer, self.context)
        if known.judgement is Judgement.AGREES or not self.observer.is_in(self.context):
            return known
        return self.observer.probe_again(known)

    def __eq__(self, other: object) -> bool:
        __tracebackhide__ = True
        if not isinstance(other, str):
            return self is other
        return self.judged(_verdict(other)).judgement is Judgement.AGREES

    def __ne__(self, other: object) -> bool:
        __tracebackhide__ = True
        return _refuse_unequal(self, other)

    def __bool__(self) -> bool:
        __tracebackhide__ = True
        raise TypeError("a result is not true or false; assert a verdict: probe(...).allowed or == 'allowed'")

    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ObservedTable(TruthTable):
    """The results of probing every pair of pods and served port.

    ``assert table == "blocked"`` demands the verdict of every cell; ``table.cells["web-pod", "db-pod:3306"]`` is the
    ``ObservedPath`` of one. ``verdict`` is the one that the table was probed for, ``by_verdict`` caches the others.
    """

    cells: Mapping[tuple[str, str], ObservedPath]
    observer: "Observer"
    context: StepContext
    verdict: Expected
    by_verdict: dict[Expected, "ObservedTable"] = field(default_factory=dict)

    @property
    def message(self) -> FailureMessage:
        """The wrong cells in groups, and the message of the first; an empty message if no cell is wrong."""
        return table_message(self, self.context.message(self.wrong[0])) if self.wrong else FailureMessage("", "")

    def check(self) -> "ObservedTable":
        """Return the table if every cell has its verdict; else raise ``AssertionError`` with the message."""
        __tracebackhide__ = True
        if self.wrong:
            raise AssertionError(self.message.text)
        return self

    def judged(self, verdict: Expected) -> "ObservedTable":
        """Return the table for this verdict, probed again if the scenario is in the same step. Raises ``Unproven``."""
        __tracebackhide__ = True
        if verdict not in self.by_verdict:
            self.by_verdict[verdict] = self if verdict is self.verdict else self._with_expected(verdict)
        return self.by_verdict[verdict]

    def _with_expected(self, verdict: Expected) -> "ObservedTable":
        __tracebackhide__ = True
        if self.observer.is_in(self.context):
            return self.observer.probe_all(verdict, self._where)
        cells = {key: cell.judged(verdict) for key, cell in self.cells.items()}
        return ObservedTable(self.rows, self.columns, cells, self.observer, self.context, verdict)

    @property
    def _where(self) -> str:
        return next((cell.expectation.where for cell in self.cells.values()), "")

    def __eq__(self, other: object) -> bool:
        __tracebackhide__ = True
        return not self.judged(_verdict(other)).wrong if isinstance(other, str) else self is other

    def __ne__(self, other: object) -> bool:
        __tracebackhide__ = True
        return _refuse_unequal(self, other)

    def __repr__(self) -> str:
        return f"<truth table: {len(self.wrong)} of {len(self.cells)} cells are not {self.verdict}>"

    def __bool__(self) -> bool:
        __tracebackhide__ = True
        raise TypeError("a truth table is not true or false; compare it with a verdict: == 'blocked'")

    __hash__ = object.__hash__


class PathProbe(Protocol):
    """The type of the fixture ``probe``."""

    def __call__(self, path: str, expected: str = "undefined") -> ObservedPath:
        """Probe one path, as ``Observer.probe`` does."""
        ...


class TableProbe(Protocol):
    """The type of the fixture ``truth_table``."""

    def __call__(self, expected: str = "undefined") -> ObservedTable:
        """Probe every pair of pods, as ``Observer.truth_table`` does."""
        ...


class Observer:
    """Probes one scenario for tests in Python, and raises errors without frames of the harness.

    ``notice`` is called with every result that a test receives.
    """

    def __init__(
        self,
        scenario_run: "ScenarioRun",
        profile: Profile,
        notice: "Callable[[ObservedPath | ObservedTable], None]" = lambda result: None,
    ) -> None:
        self.scenario_run = scenario_run
        self._profile = profile
        self._notice = notice

    def probe(self, path: str, expected: str = "undefined") -> ObservedPath:
        """Probe one path, written as in scenario.yaml.

        With ``expected``, probe until the network agrees or the settle deadline passes; else return what is seen.
        Raises ``Unproven`` if nothing was learned, ``ScenarioInvalid`` for a path that cannot be read, and
        ``ValueError`` for an unknown verdict. Skips the test if the cluster cannot carry the path.
        """
        __tracebackhide__ = True
        verdict, where = _verdict(expected), _caller()
        path_result = _without_frames(lambda: self._probe(path, verdict, where))
        result = self._observed(path_result, self.context())
        self._notice(result)
        return self.proven(result)

    def truth_table(self, expected: str = "undefined") -> ObservedTable:
        """Probe every pair of different pods and every port that the target serves. Raises ``Unproven``."""
        __tracebackhide__ = True
        table = self.probe_all(_verdict(expected), _caller())
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
        run = self.scenario_run
        table = _without_frames(lambda: run.observer.truth_table(run.current_step, verdict, where))
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
        return StepContext(self.scenario_run, self.scenario_run.current_step, profile=self._profile)

    def is_in(self, context: StepContext) -> bool:
        """Return whether the scenario is still in the step that was observed."""
        return self.scenario_run.current_step.name == context.step.name

    def _probe(self, path: str, verdict: Expected, where: str) -> PathResult:
        return self.scenario_run.observer.probe(self.scenario_run.current_step, path, verdict, where)

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


def _verdict(text: str) -> Expected:
    __tracebackhide__ = True
    known = [verdict.value for verdict in Expected]
    if text not in known:
        raise ValueError(f"'{text}' is not a verdict; {suggest(text, known)}")
    return Expected(text)


def _refuse_unequal(result: object, other: object) -> bool:
    __tracebackhide__ = True
    if isinstance(other, str):
        raise TypeError(f"a broken lab is != '{other}' too; assert what you expect: == 'blocked' or == 'allowed'")
    return result is not other


def _caller() -> str:
    """Return ``file:line`` of the test that called the fixture."""
    frame = sys._getframe(2)
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
