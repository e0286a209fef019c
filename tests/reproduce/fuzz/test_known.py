"""A finding is compared with the mutants that model known faults, without a cluster."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from netpol_harness.analysis.predict import Predictor
from netpol_harness.backends.known.deviation import Deviation, Fault
from netpol_harness.paths.outcome import Outcome
from netpol_harness.reproduce.fuzz.known import FoundModels, KnownFaults, predicts
from netpol_harness.reproduce.shrink.trial import Observation
from netpol_harness.results.evidence import Attempt, Evidence, Reply
from netpol_harness.results.table import PathResult, PodPairResult
from netpol_harness.scenario.load import load

REPORT = Path(__file__).parents[3] / "docs" / "reports" / "kube-router-2.1.0" / "egress-rule-admits-ingress"
MODEL = "egress-rules-admit-ingress"
OTHER = "named-port-without-peers-means-own-namespace"


def observation(*outcomes: Outcome) -> Observation:
    scenario = load(REPORT / "scenario.yaml")
    step = scenario.steps[-1]
    (expectation,) = step.expectations
    attempts = tuple(Attempt(float(at), Reply(each), Reply(Outcome.CONNECTED)) for at, each in enumerate(outcomes))
    result = PathResult(expectation, (PodPairResult("", "", Evidence(expectation.expected, attempts)),))
    return Observation(Predictor(scenario, step).verdict(expectation.path), result, scenario=scenario)


def entry(mutant: str) -> Deviation:
    mutants = (mutant,) if mutant else ()
    kind = f"the fault {mutant}"
    return Deviation("*", "a reason", "a source", date(2030, 1, 1), "known.yaml:1", fault=Fault(kind, mutants=mutants))


def test_a_model_predicts_the_wrong_verdict() -> None:
    assert predicts(MODEL, observation(Outcome.CONNECTED))


@pytest.mark.parametrize(
    ("mutant", "outcome"),
    [(MODEL, Outcome.TIMED_OUT), (OTHER, Outcome.CONNECTED), ("no-such-mutant", Outcome.CONNECTED)],
)
def test_a_model_of_another_fault_does_not_predict_it(mutant: str, outcome: Outcome) -> None:
    assert not predicts(mutant, observation(outcome))


def test_the_comparison_says_which_fault_it_may_be_and_what_could_not_be_compared() -> None:
    found = observation(Outcome.CONNECTED)
    assert "there are none" in KnownFaults().comparison(found)
    known = KnownFaults([entry(MODEL), entry(OTHER)], "x/known.yaml")
    assert known.comparison(found) == f"It may be known (x/known.yaml; by the verdict alone): the fault {MODEL}."
    others = replace(known, entries=[entry(OTHER), entry("")])
    assert "No model of a known deviation (x/known.yaml) predicts this verdict." in others.comparison(found)
    assert "for lack of a model: the fault ." in others.comparison(found)


def test_a_fault_that_only_one_of_two_models_predicts_is_not_explained_by_what_both_predict() -> None:
    found, both = FoundModels(), frozenset({"a", "b"})
    assert not found.explain(0, both)
    found.add(0, both)
    assert found.explain(0, both)
    assert not found.explain(0, frozenset({"b"}))
    assert not found.explain(1, both)
    found.add(0, frozenset({"b"}))
    assert found.explain(0, frozenset({"b", "c"}))


def test_a_finding_without_a_model_explains_nothing() -> None:
    found = FoundModels()
    found.add(0, frozenset())
    assert not found.explain(0, frozenset({"a"}))
