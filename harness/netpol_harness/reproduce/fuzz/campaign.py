"""A campaign: batches of worlds until the time is over. Each suspicion is confirmed by a run of its world alone, with
the commands that users type, then shrunk, and compared with the findings so far; it is not shrunk if the model of a
known fault that was found already predicts it.

Invariant: a finding was wrong in two runs of its world alone, in the same way.
"""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netpol_harness.deadline import Deadline
from netpol_harness.errors import HarnessError
from netpol_harness.reproduce.fuzz.batch import Suspicion, run_batch
from netpol_harness.reproduce.fuzz.known import KnownFaults
from netpol_harness.reproduce.fuzz.worlds import Size, world
from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.reproduce.shrink.search import Search, Shrunk
from netpol_harness.reproduce.shrink.trial import Trials
from netpol_harness.results.evidence import Judgement

if TYPE_CHECKING:
    from netpol_harness.lab import Lab

_BATCH = 10
Report = Callable[[str], None]


@dataclass(slots=True)
class Tally:
    """What a campaign has done so far: worlds that were probed, suspicions that a run alone did not confirm.

    ``judged`` paths have a verdict. ``undecided`` ones have none, because the evidence does not suffice.
    """

    worlds: int = 0
    judged: int = 0
    undecided: int = 0
    unconfirmed: int = 0
    repeated: int = 0


class Campaign:
    """Random worlds on the cluster of a lab, from a seed on."""

    def __init__(  # noqa: PLR0913 - a cluster, what is known of it, and the user's choices
        self,
        lab: "Lab",
        trials: Trials,
        folder: Path,
        known: KnownFaults,
        *,
        seed: int,
        steps: int,
        report: Report,
    ) -> None:
        self.tally = Tally()
        self._lab = lab
        self._trials = trials
        self._folder = folder
        self._seed = seed
        self._size = Size(steps=steps)
        self._report = report
        self._causes: set[str] = set()
        self._known = known
        self._seen_mutants: frozenset[str] = frozenset()

    def findings(self, deadline: Deadline) -> Iterator[Shrunk]:
        """Yield each new finding until the time is over."""
        for number in count():
            if deadline.passed:
                return
            yield from self._batch(number, deadline)

    def _batch(self, number: int, deadline: Deadline) -> Iterator[Shrunk]:
        seeds = range(self._seed + number * _BATCH, self._seed + (number + 1) * _BATCH)
        drafts = [world(seed, self._size, f"w{index}") for index, seed in enumerate(seeds)]
        self._report(f"worlds {seeds[0]} to {seeds[-1]}")
        suspicions = run_batch(self._lab, drafts, self._folder / f"b{number}", self._done)
        for suspicion in sorted(suspicions, key=_size):
            if deadline.passed:
                return
            if shrunk := self._finding(suspicion):
                yield shrunk

    def _done(self, worlds: int, judgements: Collection[Judgement]) -> None:
        undecided = sum(judgement in (Judgement.UNPROVEN, Judgement.BROKEN) for judgement in judgements)
        self.tally.worlds += worlds
        self.tally.undecided += undecided
        self.tally.judged += len(judgements) - undecided

    def _finding(self, suspicion: Suspicion) -> Shrunk | None:
        """Return the smallest form of a suspicion, unless it is not confirmed or known already."""
        first = self._trials.observe(suspicion.draft)
        decided = first.predicted.value == suspicion.draft.expected
        if not (first.is_wrong and decided) or not self._trials.observe(suspicion.draft).is_as_wrong_as(first):
            self.tally.unconfirmed += 1
            return None
        if self._known.mutants_like(first) & self._seen_mutants:
            self.tally.repeated += 1
            return None
        try:
            shrunk = Search(self._trials, suspicion.draft, first, self._shrinking).shrink()
        except HarnessError:
            self.tally.unconfirmed += 1
            return None
        cause = cause_of(shrunk.draft)
        if cause in self._causes:
            self.tally.repeated += 1
            return None
        self._causes.add(cause)
        self._seen_mutants |= self._known.mutants_like(shrunk.observation)
        return shrunk

    def _shrinking(self, stage: str, draft: Draft) -> None:
        self._report(f"shrinks {draft.path}: {stage}")


def _size(suspicion: Suspicion) -> int:
    """Return how much there is to shrink: what is small is shrunk first."""
    tree = suspicion.draft.tree
    used = {name for step in tree["steps"] for name in step["policies"]}
    return sum(len(json.dumps(tree["policies"][name])) for name in used)


def cause_of(draft: Draft) -> str:
    """Return the smallest form without the names, labels and numbers that were drawn: equal texts, one cause."""
    policies = sorted(json.dumps(_form(data.get("spec")), sort_keys=True) for data in draft.tree["policies"].values())
    return json.dumps([draft.expected, len(draft.tree["steps"]), policies])


def _form(value: Any, key: str = "") -> Any:
    """Return the structure of a policy's part: keys and operators, without values that are drawn."""
    if isinstance(value, dict):
        return {"labels": len(value)} if key == "matchLabels" else {name: _form(v, name) for name, v in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(_form(item, key), sort_keys=True) for item in value})
    if key == "port":
        return type(value).__name__
    return value if key in ("operator", "protocol", "policyTypes") else ""
