"""Plans: sets of edits that give a path the verdict that its author wants, in order of preference. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from netpol_harness.analysis.edits.draft import Candidate, Draft
from netpol_harness.analysis.edits.object_edit import ObjectEdit
from netpol_harness.analysis.edits.search import MOST_PROOFS, Aim, drafts
from netpol_harness.analysis.predict import contradicts
from netpol_harness.model.objects import World
from netpol_harness.paths.path import Expectation

MOST_PLANS = 3
"""How many plans are returned."""

MISTAKE = 3
"""The distance up to which an edit corrects a likely mistake; beyond it, something is missing or meant otherwise."""

_MOST_COMPARED = 4000
"""How many other paths of the step are compared for each plan, times the number of pods and policies."""


@dataclass(frozen=True)
class Plan:
    """Edits that together give the path the wanted verdict; ``sentences`` name the mistakes, one for each edit.

    ``harms`` are other expectations of the step that hold without the plan and not with it, ``helps`` the reverse.
    ``distance`` is that of the edit that is farthest from what its rule means, ``size`` the number of changed lines and
    of other pods that they concern. ``is_mistake`` if something has no effect as it is written. ``world`` is that of
    the step with the edits.
    """

    sentences: tuple[str, ...]
    edits: tuple[ObjectEdit, ...]
    harms: tuple[Expectation, ...]
    helps: tuple[Expectation, ...]
    distance: int
    size: int
    is_mistake: bool
    world: World

    @property
    def is_as_written(self) -> bool:
        """Whether it only puts policies in force as they are."""
        return all(edit.is_as_written for edit in self.edits)

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """The order of plans."""
        return len(self.harms), self.distance, -len(self.helps), self.size


def plans(draft: Draft, aim: Aim, others: Iterable[Candidate] = ()) -> tuple[Plan, ...]:
    """Return the best plans, the best first: those that break nothing else, then those whose edits mean it most.

    Each is proven: with its edits, the oracle's verdict on the path is what is wanted. ``others`` are candidates that
    do not change what is written, such as a policy that is not in force.
    """
    comparison = _Comparison(draft)
    in_force = map(draft.with_candidate, islice(others, MOST_PROOFS))
    found = [*filter(aim.is_reached, in_force), *drafts(draft, aim, MOST_PLANS)]
    return tuple(_best(sorted(map(comparison.plan, found), key=lambda plan: plan.rank)))


def _best(ranked: Sequence["Plan"]) -> Iterator["Plan"]:
    """Yield the first plan, others of mistakes as likely as its own, and one that puts a policy in force."""
    for first in ranked[:1]:
        yield first
        others = [plan for plan in ranked[1:] if not plan.harms]
        likely = [plan for plan in others if plan.distance <= min(MISTAKE, first.distance + 1)]
        yield from [plan for plan in likely if not plan.is_as_written][: MOST_PLANS - 1]
        yield from [plan for plan in others if plan.is_as_written and not first.is_as_written][:1]


class _Comparison:
    """The verdicts on other expected paths of the step, with and without a plan."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def plan(self, draft: Draft) -> Plan:
        """Return the plan of a draft."""
        now = [contradicts(draft.predictor.verdict(e.path), e.expected) for e in self._others]
        pairs = [*zip(self._others, self._contradicted, now, strict=True)]
        harms = tuple(expectation for expectation, before, after in pairs if after and not before)
        helps = tuple(expectation for expectation, before, after in pairs if before and not after)
        size = sum(edit.size for edit in draft.edits) + sum(candidate.widening for candidate in draft.chosen)
        farthest = max(candidate.distance for candidate in draft.chosen)
        sentences = tuple(dict.fromkeys(candidate.sentence for candidate in draft.chosen))
        is_mistake = any(candidate.is_mistake for candidate in draft.chosen)
        return Plan(sentences, draft.edits, harms, helps, farthest, size, is_mistake, draft.predictor.world)

    @cached_property
    def _others(self) -> Sequence[Expectation]:
        """Other expectations of the step: those with an end in common with the path first."""
        path, world = self._draft.path, self._draft.predictor.world
        most = _MOST_COMPARED // (len(world.policies) + len(world.pods) + 1)
        others = (e for e in self._draft.predictor.step.expectations if e.path != path)
        return sorted(others, key=lambda e: e.path.source != path.source and e.path.target != path.target)[:most]

    @cached_property
    def _contradicted(self) -> list[bool]:
        return [contradicts(self._draft.predictor.verdict(e.path), e.expected) for e in self._others]
