"""The reasoning behind a path's verdict, in a few lines that name policies and rules by file and line. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from textwrap import fill

from netpol_harness.analysis.cause_context import CauseContext
from netpol_harness.analysis.causes import causes
from netpol_harness.analysis.describe import OPEN_QUESTIONS
from netpol_harness.analysis.display_names import DisplayNames
from netpol_harness.analysis.open_reasons import decided_by, open_points
from netpol_harness.analysis.predict import Prediction, Predictor
from netpol_harness.analysis.side_explainer import SideExplainer
from netpol_harness.analysis.solve import Solution, solve
from netpol_harness.oracle.points import SPECIFICATION, Profile
from netpol_harness.oracle.verdict import Answer, Host, Verdict
from netpol_harness.paths.ends import AnyServiceTarget, ExternalTarget, PodTarget
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import KnownAddresses, Path, ProbeMode
from netpol_harness.scenario.scenario import Manifest, Scenario, Step

COLUMNS = 110
"""The width of an explanation if the width of the screen is not known."""

MOST_CONNECTIONS = 3
"""How many connections to pods behind a Service are explained; the rest are counted."""

_MODE_NOTES = {
    ProbeMode.PERSISTENT: "the connection is older, and the network plugin decides what a change does to it",
    ProbeMode.CONTINUOUS: "the verdict differs in the step before, and it is open when a change takes effect",
}
_UNKNOWN_PORT = "at which port the API server listens is known on a live cluster only"
_ALIKE = "ask one of the pods, or let policies treat them alike"
_INDENT = " " * 13
_WORST_FIRST = (Answer.BLOCKED, Answer.UNDEFINED, Answer.ALLOWED)


@dataclass(frozen=True, slots=True)
class ExplanationLine:
    """One line: a label of at most ten characters, such as ``egress``, and a sentence, with a ``block`` of YAML."""

    label: str
    text: str
    block: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([self._first, *(f"{_INDENT}{line}" for line in self.block)])

    def wrap(self, width: int) -> str:
        """Wrap the sentence to ``width`` columns; what follows stands below it. Names and blocks are never broken."""
        text = fill(self._first, width, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False)
        return "\n".join([text, *(f"{_INDENT}{line}" for line in self.block)])

    @property
    def _first(self) -> str:
        return f"  {self.label:<10} {self.text}"


@dataclass(frozen=True, slots=True)
class Advice:
    """Mistakes that explain a verdict, and the edits that fix them, as ``lines`` and as data."""

    lines: tuple[ExplanationLine, ...] = ()
    solutions: tuple[Solution, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a path has its verdict in a step. ``advise`` computes the advice; it does not take part in comparisons."""

    path: Path
    verdict: Expected
    lines: tuple[ExplanationLine, ...]
    advise: Callable[[], Advice] = field(default=Advice, repr=False, compare=False)

    @property
    def advice(self) -> tuple[ExplanationLine, ...]:
        """The lines of the advice. Computed on access: many explanations are shown without."""
        return self.advise().lines

    @property
    def solutions(self) -> tuple[Solution, ...]:
        """The edits of the advice."""
        return self.advise().solutions

    @property
    def all_lines(self) -> tuple[ExplanationLine, ...]:
        """The lines, followed by those of the advice."""
        return (*self.lines, *self.advice)

    def __str__(self) -> str:
        return "\n".join([f"{self.path}: {self.verdict}", *map(str, self.all_lines)])

    def wrap(self, width: int) -> str:
        """Return the explanation in ``width`` columns."""
        return "\n".join([f"{self.path}: {self.verdict}", *(line.wrap(width) for line in self.all_lines)])


def explain(
    scenario: Scenario,
    step: Step,
    path: Path,
    *,
    profile: Profile = SPECIFICATION,
    addresses: KnownAddresses | None = None,
    unused: tuple[Manifest, ...] = (),
) -> Explanation:
    """Explain one path of a step. ``unused`` are policies in the scenario's directory that no step names."""
    return explain_path(Predictor(scenario, step, profile, addresses), path, unused)


def explain_path(
    predictor: Predictor, path: Path, unused: tuple[Manifest, ...] = (), expected: Expected | None = None
) -> Explanation:
    """Explain one path of the predictor's step.

    ``expected`` is the verdict that the author wants, by default that of the step.
    """
    names = DisplayNames(predictor.scenario, predictor.step, path, unused)
    prediction = predictor.predict(path)
    lines = tuple(_lines(prediction, SideExplainer(predictor, names), names))
    context = CauseContext.of(predictor, prediction, names, unused, expected)
    return Explanation(path, prediction.verdict, lines, cache(partial(_advice, context)))


def _advice(context: CauseContext) -> Advice:
    solutions = tuple(solve(context))
    lines = [line for solution in solutions for line in _solution(solution)]
    return Advice((*lines, *(ExplanationLine("cause", cause) for cause in causes(context))), solutions)


def _solution(solution: Solution) -> Iterator[ExplanationLine]:
    """Yield the mistakes, the edits that correct them, and what else the edits change."""
    hunks = [(edit, hunk) for edit in solution.plan.edits for hunk in edit.hunks]
    first, *rest = solution.plan.sentences
    yield ExplanationLine(solution.label, first if hunks else f"{first}: with it, this would be {solution.state}")
    yield from (ExplanationLine("and", sentence) for sentence in rest)
    for number, (edit, hunk) in enumerate(hunks, 1):
        count = f"{number} of {len(hunks)}, " if len(hunks) > 1 else ""
        yield ExplanationLine("edit", f"{edit.where(hunk)} ({count}then: {solution.state})", hunk.lines)
    for harm in solution.plan.harms[:MOST_CONNECTIONS]:
        yield ExplanationLine("but", f"then {harm.path} is not {harm.expected} any more, as {harm.where} expects")


def _lines(prediction: Prediction, explainer: SideExplainer, names: DisplayNames) -> Iterator[ExplanationLine]:
    path, route = prediction.path, prediction.route
    for verdict in prediction.lookups:
        yield ExplanationLine("lookup", explainer.lookup(verdict))
    if route.nameless and isinstance(path.target, AnyServiceTarget):
        yield ExplanationLine("lookup", f"the name {path.target.ref} has no address in this step")
    if not route.rejected:
        yield from _connections(prediction, explainer, names)
    if route.rejected:
        yield ExplanationLine("service", f"{route.rejected}: it rejects what no policy drops")
    if route.doubt:
        yield ExplanationLine("unsure", f"{route.doubt}: {route.doubt.decided_by}")
    yield from _open(prediction)
    if prediction.verdict is not prediction.settled:
        note = _MODE_NOTES[path.mode]
        yield ExplanationLine(path.mode, f"{note}; a new connection would be {prediction.settled}")


def _open(prediction: Prediction) -> Iterator[ExplanationLine]:
    """Yield what would decide an undefined verdict that depends on open points."""
    points = sorted(open_points(prediction)) if prediction.settled is Expected.UNDEFINED else ()
    for point in () if prediction.route.doubt else points:
        yield ExplanationLine("open", f"{OPEN_QUESTIONS[point]}: {decided_by(point)}")


def _connections(prediction: Prediction, explainer: SideExplainer, names: DisplayNames) -> Iterator[ExplanationLine]:
    """Yield the worst connections first, each line once; the rest are counted."""
    verdicts = sorted(prediction.connections, key=lambda verdict: _WORST_FIRST.index(verdict.answer))
    direct = isinstance(prediction.path.target, PodTarget | ExternalTarget) and len(verdicts) == 1
    lines = [line for v in verdicts[:MOST_CONNECTIONS] for line in _connection(v, explainer, names, direct=direct)]
    yield from dict.fromkeys(lines)
    if len(verdicts) > MOST_CONNECTIONS:
        yield ExplanationLine("", f"... and {len(verdicts) - MOST_CONNECTIONS} more connections")
    if prediction.route.balanced and len({verdict.answer for verdict in verdicts}) > 1:
        is_known = all(verdict.flow.destination != Host() for verdict in verdicts)
        yield ExplanationLine("unsure", f"which of them is used is random: {_ALIKE}" if is_known else _UNKNOWN_PORT)
    elif len({verdict.answer for verdict in verdicts}) > 1:
        yield ExplanationLine("unsure", f"a verdict must hold for all of them: {_ALIKE}")


def _connection(
    verdict: Verdict, explainer: SideExplainer, names: DisplayNames, *, direct: bool
) -> Iterator[ExplanationLine]:
    """Yield the two sides of a connection, after its name if it is not ``direct``-ly that of the path."""
    if not direct:
        yield ExplanationLine("connection", f"{names.connection(verdict.flow)}: {verdict.answer}")
    for side in (verdict.egress, verdict.ingress):
        yield ExplanationLine(side.direction.lower(), explainer.side(verdict.flow, side))
