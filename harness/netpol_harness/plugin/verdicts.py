"""Verdicts predicted by the oracle, and warnings where it contradicts the author's verdict.

A verdict is predicted without a cluster at first, so that the tests have their names, and again on the cluster, where
the addresses are known.
"""

from dataclasses import replace

from netpol_harness.analysis.explain import explain_path
from netpol_harness.analysis.predict import Predictor, contradicts
from netpol_harness.escape import escaped
from netpol_harness.oracle.points import Profile
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation
from netpol_harness.scenario.scenario import Scenario


def with_predicted_verdicts(scenario: Scenario, profile: Profile) -> Scenario:
    """Return the scenario with a verdict for every path of its derived steps."""
    steps = (
        Predictor(scenario, step, profile).with_predicted_verdicts() if step.paths_without_verdict else step
        for step in scenario.steps
    )
    return replace(scenario, steps=tuple(steps))


def contradiction(expectation: Expectation, predictor: Predictor) -> str | None:
    """Return in one line why the oracle contradicts the author's verdict; ``None`` if it does not."""
    path, written = expectation.path, expectation.expected
    if not contradicts(predictor.verdict(path), written):
        return None
    explanation = explain_path(predictor, path)
    labels = ("lookup",) if explanation.verdict is Expected.UNRESOLVED else ("egress", "ingress")
    reasons = "; ".join(line.text for line in explanation.lines if line.label in labels)
    return escaped(
        f"{path}: written {written}, but the oracle ({predictor.profile.name}) says {explanation.verdict}: {reasons}"
    )
