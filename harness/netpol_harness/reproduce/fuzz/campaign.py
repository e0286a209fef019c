"""A campaign: batches of worlds until the time is over, several at once, while suspicions are examined.

Each suspicion is confirmed by runs of its world alone, with the commands that users type, then shrunk, and compared
with the findings so far. It is counted, and not run, if the model of a known fault that was found already predicts it.

Invariant: a finding was wrong in two runs of its world alone, in the same way. Batches are examined in the order of
their seeds, however many run at once.
"""

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from netpol_harness.backends.base import ignore
from netpol_harness.deadline import Deadline, interruptible
from netpol_harness.errors import HarnessError
from netpol_harness.reproduce.fuzz.batch import BatchStep, Suspicion, run_batch
from netpol_harness.reproduce.fuzz.known import FoundModels, KnownFaults
from netpol_harness.reproduce.fuzz.pair import PairTrials, disagreements
from netpol_harness.reproduce.fuzz.worlds import BLOCK, Size, world
from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.reproduce.shrink.search import Search, Shrunk
from netpol_harness.reproduce.shrink.trial import Observation, Trials, Trier
from netpol_harness.results.evidence import Judgement

if TYPE_CHECKING:
    from netpol_harness.lab import Lab

AT_ONCE = 2
"""Batches at once: while one waits for answers that do not come, the other uses the processor."""
_RUNS = 4
"""How often a world is run alone, until it was wrong twice."""
_LEAST_SECONDS = 30.0
"""The least time in which a finding is shrunk."""
_UNDECIDED = (Judgement.UNPROVEN, Judgement.BROKEN)
Report = Callable[[str], None]


@dataclass(slots=True)
class Tally:
    """What a campaign has done so far: worlds that were probed, suspicions that a run alone did not confirm.

    ``judged`` paths have a verdict. ``undecided`` ones have none, because the evidence does not suffice. ``repeated``
    suspicions have the cause of a finding. ``known`` findings are those that a known fault explains, and ``open`` ones
    those in which two dataplanes disagree where the specification is open.
    """

    worlds: int = 0
    judged: int = 0
    undecided: int = 0
    unconfirmed: int = 0
    repeated: int = 0
    findings: int = 0
    known: int = 0
    open: int = 0


@dataclass(frozen=True, slots=True)
class Dataplane:
    """A cluster whose dataplane is searched, the trials on it, and its known faults."""

    lab: "Lab"
    trials: Trials
    known: KnownFaults = field(default_factory=KnownFaults)


@dataclass(frozen=True, slots=True)
class Finding:
    """The smallest form of a fault, and the dataplane that has it.

    ``other`` is set if the specification leaves the path open: it is the dataplane that does otherwise.
    """

    shrunk: Shrunk
    dataplane: Dataplane
    other: Dataplane | None = None


class Campaign:
    """Random worlds on one dataplane or on two, from a seed on."""

    def __init__(
        self, dataplanes: Sequence[Dataplane], folder: Path, *, seed: int, steps: int, report: Report = ignore
    ) -> None:
        self.tally = Tally()
        self._dataplanes = dataplanes
        self._folder = folder
        self._seed = seed
        self._size = Size(steps=steps)
        self._report = report
        self._causes: set[object] = set()
        self._found = FoundModels()
        self._stop = Event()

    def findings(self, deadline: Deadline) -> Iterator[Finding]:
        """Yield each new finding until the time is over. After Ctrl-C, yield the one that is being shrunk, and raise.

        Shrinking takes at most a third of the time that is left, so that one fault does not hide the others.

        Raises ``KeyboardInterrupt``, and ``HarnessError`` if a batch cannot be run.
        """
        for suspicion, observation in self.confirmed(deadline):
            time_to_shrink = Deadline(max(_LEAST_SECONDS, deadline.remaining / 3))
            search = Search(self._trials(suspicion), suspicion.draft, observation, self._progress, time_to_shrink)
            try:
                shrunk = search.shrink()
            except KeyboardInterrupt:
                yield from self._new(suspicion, search.smallest)
                raise
            except HarnessError:
                shrunk = search.smallest
            yield from self._new(suspicion, shrunk)

    def confirmed(self, deadline: Deadline) -> Generator[tuple[Suspicion, Observation], None, None]:
        """Yield each world that was wrong when it ran alone, and what that showed, unless a finding explains it."""
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="batch") as pool:
            try:
                for batch in self._batches(pool, deadline):
                    for suspicion in sorted(batch, key=_size):
                        if deadline.passed:
                            return
                        yield from self._examined(suspicion)
            finally:
                self._stop.set()
                pool.shutdown(wait=True, cancel_futures=True)

    def _batches(self, pool: ThreadPoolExecutor, deadline: Deadline) -> Iterator[Sequence[Suspicion]]:
        """Yield the suspicions of each batch, in order, while the next ones run."""
        waiting: list[Future[Sequence[Suspicion]]] = []
        for number in count():
            if deadline.passed:
                return
            waiting.append(pool.submit(self._batch, number, deadline))
            if len(waiting) > AT_ONCE:
                yield waiting.pop(0).result()

    def _batch(self, number: int, deadline: Deadline) -> Sequence[Suspicion]:
        """Run the worlds of the next seeds, which begin at a multiple of a block; return what is wrong."""
        seeds = seeds_of(self._seed, number)
        self._report(f"worlds {seeds[0]} to {seeds[-1]}; {self.tally.findings} findings")
        drafts = [world(seed, self._size, f"w{seed % BLOCK}") for seed in seeds]
        suspicions: list[Suspicion] = []
        with interruptible(self._stop):
            for steps in self._steps(drafts, self._folder / f"b{number}"):
                for index, step in enumerate(steps):
                    self._count(step)
                    explained = self._dataplanes[index].known.explained(step)
                    suspicions += (replace(each, dataplane=index) for each in explained)
                suspicions += disagreements(*steps) if len(steps) > 1 else ()
                if deadline.passed:
                    break
        return list({(id(each.draft.tree["workloads"]), each.kind): each for each in reversed(suspicions)}.values())

    def _steps(self, drafts: Sequence[Draft], folder: Path) -> Iterator[tuple[BatchStep, ...]]:
        """Run a batch on every dataplane, and yield its steps side by side."""
        with ExitStack() as stack:
            runs = [
                stack.enter_context(
                    closing(run_batch(each.lab, drafts, folder / str(index), with_open=len(self._dataplanes) > 1))
                )
                for index, each in enumerate(self._dataplanes)
            ]
            yield from zip(*runs, strict=True)

    def _count(self, step: BatchStep) -> None:
        undecided = sum(judgement in _UNDECIDED for judgement in step.judgements)
        self.tally.worlds += step.worlds
        self.tally.undecided += undecided
        self.tally.judged += len(step.judgements) - undecided

    def _examined(self, suspicion: Suspicion) -> Iterator[tuple[Suspicion, Observation]]:
        if self._found.explain(suspicion.dataplane, suspicion.like):
            self.tally.repeated += 1
        elif observation := self._confirmed(suspicion):
            yield suspicion, observation
        else:
            self.tally.unconfirmed += 1

    def _trials(self, suspicion: Suspicion) -> Trier:
        """Return the trials that show the suspicion again."""
        if suspicion.is_open:
            return PairTrials(*(each.trials for each in self._dataplanes))
        return self._dataplanes[suspicion.dataplane].trials

    def _new(self, suspicion: Suspicion, shrunk: Shrunk) -> Iterator[Finding]:
        """Yield a finding if its cause is a new one."""
        dataplane = self._dataplanes[suspicion.dataplane]
        like = frozenset() if suspicion.is_open else dataplane.known.mutants_like(shrunk.observation)
        cause = (suspicion.dataplane, suspicion.is_open, cause_of(shrunk.draft))
        if cause in self._causes or self._found.explain(suspicion.dataplane, like):
            self.tally.repeated += 1
            return
        self._causes.add(cause)
        self._found.add(suspicion.dataplane, like)
        self.tally.findings += 1
        self.tally.known += bool(like)
        self.tally.open += suspicion.is_open
        yield Finding(shrunk, dataplane, self._dataplanes[0] if suspicion.is_open else None)

    def _confirmed(self, suspicion: Suspicion) -> Observation | None:
        """Run a world alone until it was wrong twice in the same way; return what was observed the first time."""
        first: Observation | None = None
        trials, expected = self._trials(suspicion), suspicion.draft.expected
        for _ in range(_RUNS):
            observation = trials.observe(suspicion.draft)
            if not observation.is_wrong or observation.predicted.value != expected:
                continue
            if first is not None and observation.is_as_wrong_as(first):
                return first
            first = first or observation
        return None

    def _progress(self, stage: str, draft: Draft) -> None:
        self._report(f"shrinks {draft.path}: {stage}; {self.tally.findings} findings")


def seeds_of(first: int, number: int) -> range:
    """Return the seeds of a batch: a block, or what there is of the first block from the ``first`` seed on."""
    start = first // BLOCK * BLOCK + number * BLOCK
    return range(max(start, first), start + BLOCK)


def _size(suspicion: Suspicion) -> tuple[bool, bool, int]:
    """Return what is examined first: what contradicts the specification, is not known, and is small."""
    tree = suspicion.draft.tree
    used = {name for step in tree["steps"] for name in step["policies"]}
    return suspicion.is_open, bool(suspicion.like), sum(len(json.dumps(tree["policies"][name])) for name in used)


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
