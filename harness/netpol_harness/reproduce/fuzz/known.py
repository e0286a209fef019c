"""Whether a finding is a known fault of the dataplane: a mutant that models the fault predicts the same wrong verdict.

Only mutants that misread the API's objects can be asked so: the oracle judges the path in the world as they read it.
Equal verdicts are a hint and no proof, which the report says.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from netpol_harness.analysis.predict import Predictor
from netpol_harness.backends.facts import gather
from netpol_harness.backends.known.deviation import Deviation
from netpol_harness.backends.known.file import deviations
from netpol_harness.emulator.faults import MUTANTS
from netpol_harness.lab import Lab
from netpol_harness.model.objects import World
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.reproduce.shrink.trial import Observation
from netpol_harness.results.evidence import Judgement


@dataclass(frozen=True, slots=True)
class KnownFaults:
    """The known deviations of the dataplane's version. ``file`` is where they are, empty if the dataplane has none."""

    entries: Sequence[Deviation] = ()
    file: str = ""

    def mutants_like(self, observation: Observation) -> frozenset[str]:
        """Return the mutants of known faults that predict the wrong verdict that was observed."""
        names = dict.fromkeys(name for entry in self.entries for name in entry.fault.mutants)
        return frozenset(name for name in names if predicts(name, observation))

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
    if mutant not in MUTANTS or result is None or scenario is None or result.judgement is Judgement.FLAPPING:
        return False
    predictor = Predictor(scenario, scenario.steps[-1], addresses=observation.addresses)
    misread = predictor.with_world(MUTANTS[mutant].world(predictor.world, World()))
    return misread.verdict(result.expectation.path) in _verdicts(result.outcome)


def _verdicts(outcome: Outcome) -> Collection[Expected]:
    """Return the verdicts of which an outcome is a sign; none if it may have another cause."""
    if outcome is Outcome.CONNECTED:
        return (Expected.ALLOWED,)
    denied = outcome in (Outcome.TIMED_OUT, Outcome.REFUSED)
    return (Expected.BLOCKED, Expected.DROPPED, Expected.REJECTED) if denied else ()
