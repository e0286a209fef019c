"""The search for the smallest draft that is still wrong: a guess by the specification, then delta debugging."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

from netpol_harness.deadline import Deadline
from netpol_harness.errors import HarnessError
from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.reproduce.shrink.files import scenario_data
from netpol_harness.reproduce.shrink.minimize import removable
from netpol_harness.reproduce.shrink.parts import STAGES, Unit
from netpol_harness.reproduce.shrink.rewrites import rewrites
from netpol_harness.reproduce.shrink.slicing import slices
from netpol_harness.reproduce.shrink.trial import Observation, Pace, Trier

Report = Callable[[str, Draft], None]
"""Called with what is being removed, and the smallest draft so far."""

_MOST_ROUNDS = 4
_CHECKS = 2
_PATIENT = Pace(tries=3)
_MANNERS = ((False, False), (True, False), (True, True))
"""How the trials of a whole search are run: each alone or not, with patience or not."""
_TIMING = "the smallest scenario is not wrong any more when it is run again: the fault depends on timing"


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The smallest draft, what its last trial has shown, and the number of trials."""

    draft: Draft
    observation: Observation
    trials: int


class Search:
    """Shrinks one draft. ``first`` is what the draft showed at the start.

    ``smallest`` is the smallest draft so far that was seen to be wrong, with this observation, at any time.
    """

    def __init__(
        self, trials: Trier, draft: Draft, first: Observation, report: Report, deadline: Deadline | None = None
    ) -> None:
        self.smallest = self._start = Shrunk(draft, first, trials.executed)
        self._trials = trials
        self._first = first
        self._report = report
        self._deadline = deadline
        self._known: dict[str, bool] = {}
        self._pace = Pace()
        self._is_alone = self._is_patient = False
        self._lock = Lock()

    def shrink(self) -> Shrunk:
        """Return the smallest scenario that a whole run has shown to be wrong. No single part of it can be removed.

        If a whole run is right, trials may have disturbed each other, as those of a fault that lets the policies of
        one namespace reach into others, or quick trials may have been too quick. So the search starts over without.

        Raises ``HarnessError`` if a whole run does not show the fault any more, and when the deadline has passed.
        """
        for self._is_alone, self._is_patient in _MANNERS:
            draft = self._smallest()
            for _ in range(_CHECKS):
                last = self._trials.observe(draft)
                if last.is_as_wrong_as(self._first):
                    return Shrunk(draft, last, self._trials.executed)
            self._known.clear()
            self.smallest = self._start
        raise HarnessError(_TIMING)

    def _smallest(self) -> Draft:
        self._pace = _PATIENT if self._is_patient else Pace()
        draft = self._rewritten(self._sliced(self._start.draft))
        self._pace = self._steady_pace(draft)
        self._known[_content(draft)] = True
        for _ in range(_MOST_ROUNDS):
            before = draft
            for stage in STAGES:
                self._report(stage.__name__, draft)
                draft = self._minimize(draft, list(stage(draft)))
            if draft == before:
                break
        return draft

    def _steady_pace(self, draft: Draft) -> Pace:
        """Return the pace of trials: the quick one if the draft is wrong each time in it."""
        if self._is_patient:
            return _PATIENT
        quick = Pace(settle=self._trials.quick)
        return quick if all(self._run([draft] * _CHECKS, quick)) else _PATIENT

    def _sliced(self, draft: Draft) -> Draft:
        """Return the draft without all that the specification does not need for the path, if it is wrong then."""
        if self._first.scenario is None:
            return draft
        self._report("all that the specification finds irrelevant", draft)
        for candidates in slices(draft, self._first.scenario):
            for candidate, is_wrong in zip(candidates, self._wrong(candidates), strict=True):
                if is_wrong:
                    return candidate
        return draft

    def _rewritten(self, draft: Draft) -> Draft:
        """Return the draft in a form that kubectl alone can follow, if it is wrong then."""
        self._report("controllers and the namespace default", draft)
        candidates = list(rewrites(draft))
        wrong = self._wrong(candidates)
        return next((each for each, is_wrong in zip(candidates, wrong, strict=True) if is_wrong), draft)

    def _minimize(self, draft: Draft, units: Sequence[Unit]) -> Draft:
        def candidate(removed: frozenset[int]) -> Draft:
            return draft.without(place for index in removed for place in units[index])

        def holds(candidates: Sequence[frozenset[int]]) -> Sequence[bool]:
            return self._wrong([candidate(removed) for removed in candidates])

        return candidate(removable(len(units), holds, width=1 if self._is_alone else self._trials.width))

    def _wrong(self, drafts: Sequence[Draft]) -> Sequence[bool]:
        """Run the drafts that are not known yet."""
        keys = list(map(_content, drafts))
        new = {key: draft for key, draft in zip(keys, drafts, strict=True) if key not in self._known}
        results = self._run(list(new.values()), self._pace)
        self._known |= zip(new, results, strict=True)
        return [self._known[key] for key in keys]

    def _run(self, drafts: Sequence[Draft], pace: Pace) -> Sequence[bool]:
        """Run the drafts at once, or one after the other."""
        if self._deadline is not None and self._deadline.passed:
            raise HarnessError("the time for shrinking is over")
        batches = [[draft] for draft in drafts] if self._is_alone else [drafts]
        return [wrong for batch in batches for wrong in self._trials.wrong(batch, self._first, pace, self._found)]

    def _found(self, draft: Draft, observation: Observation) -> None:
        """Remember a draft that is wrong, if it is the smallest one. Called by the threads of trials."""
        with self._lock:
            if _size(draft) < _size(self.smallest.draft):
                self.smallest = Shrunk(draft, observation, self._trials.executed)


def _content(draft: Draft) -> str:
    """Return all that a draft's files contain. What its tree holds beside that makes no difference."""
    used = {name for step in draft.tree["steps"] for name in step.get("policies") or ()}
    policies = {name: data for name, data in draft.tree["policies"].items() if name in used}
    return json.dumps([scenario_data(draft, ""), draft.tree["workloads"], policies], sort_keys=True)


def _size(draft: Draft) -> tuple[int, int, int]:
    return draft.pods, draft.policies, len(json.dumps(draft.tree))
