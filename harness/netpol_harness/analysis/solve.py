"""Which edits are worth showing for a path: those that would give it the verdict that its author wants. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from netpol_harness.analysis.cause_context import CauseContext
from netpol_harness.analysis.edits.draft import Draft
from netpol_harness.analysis.edits.in_force import not_in_force
from netpol_harness.analysis.edits.plan import Plan, plans
from netpol_harness.analysis.edits.search import Aim
from netpol_harness.paths.outcome import Expected


@dataclass(frozen=True, slots=True)
class Solution:
    """A plan, the label of its first line, and the state of the path with its edits, in words."""

    label: str
    plan: Plan
    state: str


def solve(context: CauseContext) -> Iterator[Solution]:
    """Yield the plans for each aim, the best first. Others than the first are labelled ``or``."""
    draft = Draft(context.predictor, context.prediction.path, context.names)
    for question in _questions(context, draft):
        candidates = not_in_force(draft, context.unused) if question.is_of_policies else ()
        found = filter(question.is_shown, plans(draft, question.aim, candidates))
        for number, plan in enumerate(found):
            yield Solution("or" if number else question.label, plan, question.aim.state)


def _questions(context: CauseContext, draft: Draft) -> Iterator["_Question"]:
    """Yield what to look for. If nobody has said that the verdict is wrong, only likely mistakes are shown."""
    expected, verdict = context.expected, context.prediction.verdict
    wanted = expected or (Expected.BLOCKED if verdict is Expected.ALLOWED else Expected.ALLOWED)
    is_denied = verdict in (Expected.BLOCKED, Expected.UNRESOLVED)
    if verdict is Expected.UNRESOLVED and expected in (verdict, Expected.BLOCKED):
        yield _Question(Aim.look_up())
    if wanted is not verdict and wanted is not Expected.UNDEFINED:
        is_shown = _always if expected is not None or is_denied else _is_likely
        yield _Question(Aim.verdict(draft, wanted), is_shown, is_of_policies=True)
    if expected is verdict is Expected.BLOCKED:
        yield _Question(Aim.verdict(draft, Expected.ALLOWED), _is_mistake)
    if verdict is Expected.ALLOWED and expected in (None, verdict) and draft.prediction.lookups:
        yield _Question(Aim.look_up_by_tcp(), label="note")


def _always(plan: Plan) -> bool:
    del plan
    return True


def _is_likely(plan: Plan) -> bool:
    """Whether a plan corrects a mistake, or puts in force what the scenario has."""
    return plan.is_mistake or plan.distance <= 1


def _is_mistake(plan: Plan) -> bool:
    return plan.is_mistake


@dataclass(frozen=True, slots=True)
class _Question:
    """An aim, the plans to show for it, and the label of the first; whether policies not in force may be plans."""

    aim: Aim
    is_shown: Callable[[Plan], bool] = _always
    label: str = "cause"
    is_of_policies: bool = False
