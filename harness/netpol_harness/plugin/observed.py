"""Results that the fixtures ``probe`` and ``truth_table`` return to tests in Python.

A test asserts a verdict: ``assert probe("a -> b:80").blocked`` or ``assert probe("a -> b:80") == "blocked"``. Both have
three endings: the network agrees; it disagrees, and the failure shows the evidence; or the evidence is not sufficient
for either, and ``Unproven`` is raised.

Only agreement is evidence. What does not agree with a verdict may be a dead listener, a name that does not resolve or a
path that flaps, so the negation of a verdict would pass on a broken lab. Therefore no negation can pass: ``!=`` and the
truth value of a result raise ``TypeError``, and ``.blocked`` never returns ``False`` but raises ``AssertionError``, so
that ``assert not probe(...).blocked`` fails whatever the network does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from netpol_harness.paths.diagnostics import suggest
from netpol_harness.paths.outcome import Expected
from netpol_harness.report.closed_world import table_message
from netpol_harness.report.context import StepContext
from netpol_harness.report.message import FailureMessage
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.table import PathResult, TruthTable

if TYPE_CHECKING:
    from netpol_harness.plugin.observer import Observer


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
        return self.judged(parse_verdict(other)).judgement is Judgement.AGREES

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
        return not self.judged(parse_verdict(other)).wrong if isinstance(other, str) else self is other

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


def parse_verdict(text: str) -> Expected:
    """Return the verdict of that name; raises ``ValueError`` with names that are like it."""
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
