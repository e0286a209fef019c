"""Words that nobody wrote: those that the oracle gives to a derived step, and its objections to those of an author.

A word for a path is first derived without a cluster, so that the tests have their names, and once more on the cluster,
where addresses are known.
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
    """The scenario with a word for every path of its derived steps."""
    steps = (
        Predictor(scenario, step, profile).with_predicted_verdicts() if step.paths_without_verdict else step
        for step in scenario.steps
    )
    return replace(scenario, steps=tuple(steps))


def objection(expectation: Expectation, predictor: Predictor) -> str | None:
    """What the oracle has against an author's word, in one line; ``None`` where they agree, or one says nothing."""
    path, written = expectation.path, expectation.expected
    if not contradicts(predictor.verdict(path), written):
        return None
    explanation = explain_path(predictor, path)
    telling = ("lookup",) if explanation.verdict is Expected.UNRESOLVED else ("egress", "ingress")
    reasons = "; ".join(line.text for line in explanation.lines if line.label in telling)
    return escaped(
        f"{path}: written {written}, but the oracle ({predictor.profile.name}) says {explanation.verdict}: {reasons}"
    )
