"""Proves denials by their counterfactual: the same probe was open where no policy closed it.

NetworkPolicy only ever adds. So a policy that admits all traffic from a source and to a target, a *lift*, opens every
path that only policies close. Where policies cannot be lifted, the same probe must have been open in an earlier state
of the run, between the same pods: the *baseline*.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.probe.converge import Convergence
from netpol_harness.probe.plan.question import Question
from netpol_harness.results.evidence import Attempt, Evidence, Reply
from netpol_harness.results.proof import Proof

T = TypeVar("T")
Lift = Callable[[], AbstractContextManager[bool]]
EvidenceByQuestion = Mapping[Question, Evidence]


def gather(convergences: Sequence[Convergence], lift: Lift | None) -> tuple[EvidenceByQuestion, ...]:
    """Return the evidence of each convergence. All that is denied in any of them is asked under one ``lift``.

    Where a path fails by silence alone, more rounds and a second lift show whether packets are lost.
    """
    _at_once(convergences, lambda convergence: convergence.settle())
    if lift is not None and any(convergence.denied for convergence in convergences):
        with lift() as lifted:
            _at_once(convergences, lambda each: each.ask_lifted() if lifted else each.expect_return())
        lift = lift if lifted else None
    evidence = tuple(_at_once(convergences, lambda convergence: convergence.confirm()))
    if lift is None or not any(convergence.silent_mismatches for convergence in convergences):
        return evidence
    _at_once(convergences, lambda convergence: convergence.repeat_silence())
    if any(convergence.silent_mismatches for convergence in convergences):
        with lift():
            _at_once(convergences, lambda convergence: convergence.ask_steadily())
    return tuple(convergence.evidence for convergence in convergences)


@dataclass(slots=True)
class Baseline:
    """Probes that were open in an earlier state of the run.

    They count as long as the same pods are at both ends, by uid: an address or a node of another pod proves nothing.
    """

    _open: dict[object, Attempt] = field(default_factory=dict)
    _denied: dict[object, Attempt] = field(default_factory=dict)

    def record(
        self, evidence: EvidenceByQuestion, uids: Mapping[NamespacedName, str], *, before_policies: bool = False
    ) -> None:
        """Remember what was open; ``before_policies``: also what was denied, as no policy of the scenario did that."""
        for question, found in evidence.items():
            last = found.attempts[-1]
            known = self._open if last.is_genuine else self._denied if before_policies and last.denied else {}
            for pods in (question.pods, _asked_by_name(question)):
                known[_ends(question, pods, uids)] = last

    def prove(
        self, evidence: EvidenceByQuestion, uids: Mapping[NamespacedName, str], refusal: str = ""
    ) -> EvidenceByQuestion:
        """Return the evidence with the baseline as its counterfactual.

        ``refusal``: why policies could not be lifted. It is what a path without a baseline lacks.
        """
        return {q: self._proven(q, e, uids, refusal) if q.only_policies_close_it else e for q, e in evidence.items()}

    def _proven(
        self, question: Question, evidence: Evidence, uids: Mapping[NamespacedName, str], refusal: str
    ) -> Evidence:
        pods = _asked_by_name(question) if question.expected is Expected.UNRESOLVED else question.pods
        ends = _ends(question, pods, uids)
        earlier = self._open.get(ends) or self._denied.get(ends)
        if earlier is None and refusal:
            refused = Attempt(0.0, Reply(Outcome.PROBE_FAILED, refusal))
            return replace(evidence, proof=Proof.LIFT, counterfactual=refused)
        return replace(evidence, proof=Proof.BASELINE, counterfactual=earlier)


def proven_by_lift(evidence: EvidenceByQuestion) -> EvidenceByQuestion:
    """Return the evidence with the lift as what denials rest on, where only policies can make them."""
    return {q: replace(e, proof=Proof.LIFT) if q.only_policies_close_it else e for q, e in evidence.items()}


def _asked_by_name(question: Question) -> tuple[NamespacedName, ...]:
    """Return the pods that must be the same for a name: the source. Whether it resolves does not depend on a target."""
    return (question.source,)


def _ends(question: Question, pods: Sequence[NamespacedName], uids: Mapping[NamespacedName, str]) -> object:
    """What must be the same for a baseline to count: the probe as it is typed, and the pods at both ends."""
    probe = replace(question.probe, source_port=0, addresses=frozenset())
    return question.source, probe, tuple(uids.get(pod, "") for pod in pods)


def _at_once(convergences: Sequence[Convergence], phase: Callable[[Convergence], T]) -> list[T]:
    if len(convergences) == 1:
        return [phase(convergences[0])]
    with ThreadPoolExecutor(len(convergences), thread_name_prefix="observe") as pool:
        return list(pool.map(phase, convergences))
