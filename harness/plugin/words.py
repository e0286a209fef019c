"""Words that nobody wrote: those that the oracle gives to a derived step, and its objections to those of an author.

A word for a path is first derived without a cluster, so that the tests have their names, and once more on the cluster,
where addresses are known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.matrix.outcome import Expected
from harness.matrix.path import Expectation
from harness.model.flow import PodRef
from harness.model.oracle.points import Profile
from harness.reasoning.derive import Outlook, contradicts
from harness.reasoning.explain import explain
from harness.scenario.scenario import Scenario, Step
from harness.stage.census import Census


def told(scenario: Scenario, profile: Profile) -> Scenario:
    """The scenario with a word for every path of its derived steps."""
    steps = (told_step(step, Outlook(scenario, step, profile)) if step.inquiries else step for step in scenario.steps)
    return replace(scenario, steps=tuple(steps))


def told_step(step: Step, outlook: Outlook) -> Step:
    """The step with a word for every path that its author asks without one."""
    asked = {inquiry.path for inquiry in step.inquiries}
    written = (expectation for expectation in step.expectations if expectation.path not in asked)
    derived = (Expectation(i.path, outlook.word(i.path), i.where) for i in step.inquiries)
    return replace(step, expectations=(*written, *derived))


def addresses_in(census: Census) -> Mapping[PodRef, Sequence[str]]:
    """The addresses of what is one pod, or one external host; several pods of a workload have no address in common."""
    pods = {ref: live[0].pod.addresses for ref, live in census.pods.items() if len(live) == 1}
    return pods | {PodRef("", name): host.addresses for name, host in census.externals.items()}


def objection(expectation: Expectation, outlook: Outlook) -> str | None:
    """What the oracle has against an author's word, in one line; ``None`` where they agree, or one says nothing."""
    path, written = expectation.path, expectation.expected
    derived = outlook.word(path)
    if not contradicts(derived, written):
        return None
    explanation = explain(outlook.scenario, outlook.step, path, profile=outlook.profile, addresses=outlook.addresses)
    telling = ("lookup",) if derived is Expected.UNRESOLVED else ("egress", "ingress")
    reasons = "; ".join(line.text for line in explanation.lines if line.label in telling)
    return f"{path}: written {written}, but the oracle ({outlook.profile.name}) says {derived}: {reasons}"
