"""Whether a finding is a known fault of the dataplane: a mutant that models the fault predicts the same wrong verdict.

Only mutants that misread the API's objects can be asked so: the oracle judges the path in the world as they read it.
Equal verdicts are a hint and no proof, which the report says.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from netpol_harness.analysis.predict import Predictor
from netpol_harness.backends.facts import gather
from netpol_harness.backends.known.deviation import Deviation
from netpol_harness.backends.known.file import deviations
from netpol_harness.emulator.faults import MUTANTS
from netpol_harness.lab import Lab
from netpol_harness.model.objects import World
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.reproduce.fuzz.batch import BatchStep, Suspicion
from netpol_harness.reproduce.shrink.trial import Observation
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.table import PathResult


@dataclass(frozen=True, slots=True)
class KnownFaults:
    """The known deviations of the dataplane's version. ``file`` is where they are, empty if the dataplane has none."""

    entries: Sequence[Deviation] = ()
    file: str = ""

    def mutants_like(self, observation: Observation) -> frozenset[str]:
        """Return the mutants of known faults that predict the wrong verdict that was observed."""
        return frozenset(name for name in self.models if predicts(name, observation))

    @property
    def models(self) -> Sequence[str]:
        """The mutants that model known faults."""
        return tuple(dict.fromkeys(name for entry in self.entries for name in entry.fault.mutants if name in MUTANTS))

    def explained(self, step: BatchStep) -> Sequence[Suspicion]:
        """Return the suspicions of a batch's step with the models that predict them."""
        paths = [suspicion.result.expectation.path for suspicion in step.suspicions]
        readings = {name: _misread(name, step.predictor).verdicts(paths) for name in self.models if paths}
        return [
            replace(
                each, like=frozenset(n for n, verdicts in readings.items() if _explains(verdicts[path], each.result))
            )
            for each, path in zip(step.suspicions, paths, strict=True)
        ]

    def comparison(self, observation: Observation) -> str:
        """Return what the comparison has shown, for the finding's report."""
        if not self.entries:
            return "Not compared with known deviations: there are none of this version of the dataplane."
        like = self.mutants_like(observation)
        kinds = dict.fromkeys(e.fault.kind or e.reason for e in self.entries if like.intersection(e.fault.mutants))
        if kinds:
            return f"It may be known ({self.file}; by the verdict alone): {'; '.join(kinds)}."
        lacking = dict.fromkeys(e.fault.kind or e.reason for e in self.entries if not e.fault.mutants)
        rest = f" Not compared, for lack of a model: {'; '.join(lacking)}." if lacking else ""
        return f"No model of a known deviation ({self.file}) predicts this verdict.{rest}"


class FoundModels:
    """The models that predict the findings so far, by the number of the dataplane.

    If several models predict a finding, one of them is its cause. So the others are not found by it: a fault that one
    of them alone predicts is new.
    """

    def __init__(self) -> None:
        self._found: set[tuple[int, frozenset[str]]] = set()

    def add(self, dataplane: int, models: frozenset[str]) -> None:
        """Remember a finding by the models that predict it; by none, it explains nothing."""
        if models:
            self._found.add((dataplane, models))

    def explain(self, dataplane: int, models: frozenset[str]) -> bool:
        """Return whether what these models predict may be a finding again: all models of one predict it, too."""
        return any(found <= models for number, found in self._found if number == dataplane)


def known_faults(lab: Lab) -> KnownFaults:
    """Return the known faults of the dataplane that runs. Raises ``ScenarioInvalid`` and ``ApiError``."""
    file = lab.known_deviations
    if file is None:
        return KnownFaults()
    plugins = gather(lab.context.client).plugins
    shown = "/".join(file.parts[-2:])
    return KnownFaults([entry for entry in deviations(file, shown) if entry.applies(plugins)], shown)


def predicts(mutant: str, observation: Observation) -> bool:
    """Return whether the oracle gives the observed wrong verdict in the world as the mutant reads it."""
    result, scenario = observation.result, observation.scenario
    if mutant not in MUTANTS or result is None or scenario is None:
        return False
    predictor = Predictor(scenario, scenario.steps[-1], addresses=observation.addresses)
    return _explains(_misread(mutant, predictor).verdict(result.expectation.path), result)


def _misread(mutant: str, predictor: Predictor) -> Predictor:
    """Return the predictor of the world as a mutant reads it."""
    return predictor.with_world(MUTANTS[mutant].world(predictor.world, World()))


def _explains(verdict: Expected, result: PathResult) -> bool:
    return result.judgement is not Judgement.FLAPPING and verdict in _verdicts(result.outcome)


def _verdicts(outcome: Outcome) -> Collection[Expected]:
    """Return the verdicts of which an outcome is a sign; none if it may have another cause."""
    if outcome is Outcome.CONNECTED:
        return (Expected.ALLOWED,)
    denied = outcome in (Outcome.TIMED_OUT, Outcome.REFUSED)
    return (Expected.BLOCKED, Expected.DROPPED, Expected.REJECTED) if denied else ()
