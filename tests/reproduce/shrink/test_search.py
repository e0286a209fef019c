"""The search, with trials that only look at the draft."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from netpol_harness.deadline import Deadline
from netpol_harness.errors import HarnessError
from netpol_harness.paths.outcome import Expected
from netpol_harness.reproduce.fuzz.worlds import Size, world
from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.reproduce.shrink.search import Search
from netpol_harness.reproduce.shrink.trial import Found, Observation, Pace

WHOLE = replace(world(3, Size(pods=6, policies=4)), path="x/a -> x/b:80", expected="blocked")
FIRST = Observation(Expected.BLOCKED, problem="at first")
NEEDED = WHOLE.tree["steps"][-1]["policies"][0]
Fault = Callable[[Draft, Pace], bool]


def used(draft: Draft) -> Sequence[str]:
    """Return the policies of the last step that exist."""
    return [name for name in draft.tree["steps"][-1].get("policies", ()) if name in draft.tree["policies"]]


def needs_one_policy(draft: Draft, _: Pace) -> bool:
    return NEEDED in used(draft)


@dataclass
class Trials:
    """Trials of a fault.

    ``limit``: the number of trials after which Ctrl-C comes. ``is_shared``: trials that run at once show it, too.
    """

    fault: Fault
    limit: int = 10_000
    is_shared: bool = False
    executed: int = 0
    width: int = 4
    quick: float | None = 0.01
    observations: dict[str, Draft] = field(default_factory=dict)
    paces: list[Pace] = field(default_factory=list)

    def wrong(self, drafts: Sequence[Draft], _: Observation, pace: Pace, found: Found) -> Sequence[bool]:
        return [self._is_wrong(draft, pace, found) or (self.is_shared and len(drafts) > 1) for draft in drafts]

    def observe(self, draft: Draft) -> Observation:
        return Observed(Expected.BLOCKED, problem=self._count(draft), shows_fault=self.fault(draft, Pace()))

    def _is_wrong(self, draft: Draft, pace: Pace, found: Found) -> bool:
        self.paces.append(pace)
        problem = self._count(draft)
        if self.fault(draft, pace):
            found(draft, Observation(Expected.BLOCKED, problem=problem))
            return True
        return False

    def _count(self, draft: Draft) -> str:
        self.executed += 1
        if self.executed > self.limit:
            raise KeyboardInterrupt
        self.observations[f"trial {self.executed}"] = draft
        return f"trial {self.executed}"


@dataclass(frozen=True)
class Observed(Observation):
    """An observation that is as wrong as any other, or not."""

    shows_fault: bool = False

    def is_as_wrong_as(self, first: Observation) -> bool:
        return self.shows_fault


def search(trials: Trials) -> Search:
    return Search(trials, WHOLE, FIRST, lambda stage, draft: None)


def test_what_the_fault_needs_is_left() -> None:
    trials = Trials(needs_one_policy)
    shrunk = search(trials).shrink()
    assert used(shrunk.draft) == [NEEDED]
    assert (shrunk.draft.policies, shrunk.draft.pods) == (1, 0)
    assert trials.observations[shrunk.observation.problem] == shrunk.draft


@pytest.mark.parametrize("limit", range(0, 42, 6))
def test_ctrl_c_at_any_moment_leaves_the_smallest_draft_and_what_it_has_shown(limit: int) -> None:
    trials = Trials(needs_one_policy, limit)
    whole = search(trials)
    try:
        shrunk = whole.shrink()
    except KeyboardInterrupt:
        shrunk = whole.smallest
    wrong = [draft for draft in trials.observations.values() if needs_one_policy(draft, Pace())]
    sizes = [(draft.pods, draft.policies) for draft in (WHOLE, *wrong)]
    assert (shrunk.draft.pods, shrunk.draft.policies) == min(sizes)
    assert trials.observations.get(shrunk.observation.problem, WHOLE) == shrunk.draft


def test_trials_are_quick_if_the_draft_is_wrong_each_time() -> None:
    trials = Trials(needs_one_policy)
    search(trials).shrink()
    assert trials.paces[-1] == Pace(settle=0.01)


def test_a_fault_that_quick_trials_do_not_show_is_searched_with_patience() -> None:
    def shows_late(draft: Draft, pace: Pace) -> bool:
        return needs_one_policy(draft, pace) and pace.settle is None

    trials = Trials(shows_late)
    assert used(search(trials).shrink().draft) == [NEEDED]
    assert trials.paces[-1] == Pace(tries=3)


def test_what_only_quick_trials_show_is_searched_again_with_patience() -> None:
    """They take the time before a policy is in force for a fault."""

    def shows(draft: Draft, pace: Pace) -> bool:
        return pace.settle is not None or needs_one_policy(draft, pace)

    trials = Trials(shows)
    assert used(search(trials).shrink().draft) == [NEEDED]
    assert trials.paces[-1] == Pace(tries=3)


def test_when_the_time_is_over_the_smallest_draft_is_left() -> None:
    whole = Search(Trials(needs_one_policy), WHOLE, FIRST, lambda stage, draft: None, Deadline(0.0))
    with pytest.raises(HarnessError, match="time for shrinking is over"):
        whole.shrink()
    assert whole.smallest.draft is WHOLE


def test_trials_that_disturb_each_other_are_run_again_one_by_one() -> None:
    trials = Trials(needs_one_policy, is_shared=True)
    assert used(search(trials).shrink().draft) == [NEEDED]
    assert trials.paces[-1] == Pace(settle=0.01)


def test_a_fault_that_no_whole_run_shows_again_is_an_error() -> None:
    with pytest.raises(HarnessError, match="depends on timing"):
        search(Trials(lambda draft, pace: pace.settle is not None)).shrink()
