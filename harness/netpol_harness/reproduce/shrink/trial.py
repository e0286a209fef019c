"""Trials: candidates run on one live cluster, each in namespaces of its own, several at once.

Invariant: a candidate is wrong only if the packets contradict the expected verdict in the same way as at the start: the
same outcome, while the specification still gives the path the same definite verdict. A probe that failed, a denial that
is not proven, and files that are not a scenario are never wrong.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from netpol_harness.analysis.predict import Predictor
from netpol_harness.errors import HarnessError, ScenarioInvalid
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import KnownAddresses
from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.reproduce.shrink.files import write
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.table import PathResult
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

if TYPE_CHECKING:
    from netpol_harness.lab import Lab

WRONG = frozenset({Judgement.DISAGREES, Judgement.FLAPPING})


@dataclass(frozen=True, slots=True)
class Observation:
    """What one trial of a draft has shown.

    ``predicted`` is the specification's verdict, UNDEFINED where nothing could be loaded. ``result`` is ``None`` where
    the path was not probed, and ``problem`` says why. ``scenario`` is what ran, and ``addresses`` are those of its
    pods.
    """

    predicted: Expected
    result: PathResult | None = None
    problem: str = ""
    scenario: Scenario | None = None
    addresses: KnownAddresses | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether the packets contradict the expected verdict, in a question that the specification decides."""
        decided = self.predicted is not Expected.UNDEFINED
        return decided and self.result is not None and self.result.judgement in WRONG

    def is_as_wrong_as(self, first: "Observation") -> bool:
        """Whether this is the same fault as the first: same outcome, same verdict of the specification."""
        if not (self.is_wrong and self.result and first.result):
            return False
        return self.result.wrong_outcome is first.result.wrong_outcome and self.predicted is first.predicted


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient trials are: ``tries`` until a draft is wrong, and ``settle`` seconds until a path must be right.

    ``None`` stands for the time of a whole run.
    """

    tries: int = 1
    settle: float | None = None


Found = Callable[[Draft, Observation], None]
"""Called in a trial's thread with a draft that is as wrong as the first one, and what it has shown."""


class Trier(Protocol):
    """What a search needs of trials: ``width`` run at once, ``executed`` counts them.

    ``quick`` is the least time in which a path has its verdict, in seconds; ``None`` if nothing less than a whole run
    will do.
    """

    width: int
    quick: float | None

    @property
    def executed(self) -> int:
        """The number of trials so far."""
        ...

    def wrong(self, drafts: Sequence[Draft], first: Observation, pace: Pace, found: Found) -> Sequence[bool]:
        """Return for each draft whether it shows the same fault as the first observation."""
        ...

    def observe(self, draft: Draft) -> Observation:
        """Run a draft once."""
        ...


class Trials:
    """Runs drafts on the cluster of a lab (``Trier``)."""

    def __init__(self, lab: "Lab", folder: Path, *, width: int, quick: float | None = None) -> None:
        self.executed = 0
        self.quick = quick
        self.width = width
        self._lab = lab
        self._folder = folder
        self._serial = count(1)
        self._pool = ThreadPoolExecutor(width, thread_name_prefix="trial")
        lab.context  # noqa: B018 - imports and the cluster's start belong to this thread

    def close(self) -> None:
        """Wait for the trials that are running, and start no more."""
        self._pool.shutdown(cancel_futures=True)

    def wrong(self, drafts: Sequence[Draft], first: Observation, pace: Pace, found: Found) -> Sequence[bool]:
        """Return for each draft whether it shows the same fault as the first observation."""
        return list(self._pool.map(lambda draft: self._repeats(draft, first, pace, found), drafts))

    def _repeats(self, draft: Draft, first: Observation, pace: Pace, found: Found) -> bool:
        loaded = self._load(draft)
        if loaded.scenario is None or loaded.predicted not in (first.predicted, Expected.UNDEFINED):
            return False
        for _ in range(pace.tries):
            observation = self._run(loaded, pace.settle)
            if observation.is_as_wrong_as(first):
                found(draft, observation)
                return True
        return False

    def observe(self, draft: Draft) -> Observation:
        """Run a draft once."""
        loaded = self._load(draft)
        return self._run(loaded) if loaded.scenario else loaded

    def _load(self, draft: Draft) -> Observation:
        """Return the draft's scenario and the verdict of the specification, without a cluster."""
        try:
            scenario = load(write(draft, self._folder / f"t{next(self._serial)}", "A trial"))
        except ScenarioInvalid as error:
            return Observation(Expected.UNDEFINED, problem=str(error))
        step = scenario.steps[-1]
        if len(step.expectations) != 1:
            return Observation(Expected.UNDEFINED, problem=f"'{draft.path}' is not one path but several")
        return Observation(Predictor(scenario, step).verdict(step.expectations[0].path), scenario=scenario)

    def _run(self, loaded: Observation, settle: float | None = None) -> Observation:
        assert loaded.scenario is not None
        self.executed += 1
        try:
            return self._probe(loaded.scenario, settle)
        except HarnessError as error:
            return Observation(loaded.predicted, problem=str(error), scenario=loaded.scenario)

    def _probe(self, scenario: Scenario, settle: float | None) -> Observation:
        """Enter all steps, and return the result of the last step's path, and its verdict with the real addresses."""
        settings = self._lab.settings
        run = self._lab.scenario_run(scenario, replace(settings, settle_deadline=settle) if settle else settings)
        try:
            run.open()
            for step in scenario.steps:
                run.enter(step)
                observed = run.observer.observe(step, step.expectations, others=False)
            expectation, addresses = step.expectations[0], run.snapshot().addresses
            predicted = Predictor(scenario, step, addresses=addresses).verdict(expectation.path)
            return Observation(predicted, observed.path_results[expectation], scenario=scenario, addresses=addresses)
        except KeyError as error:
            raise HarnessError("the cluster cannot carry the path; see `pytest` on the scenario") from error
        finally:
            run.close()
