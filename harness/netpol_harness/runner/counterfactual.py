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
from netpol_harness.paths.outcome import Outcome
from netpol_harness.probe.converge import Convergence
from netpol_harness.probe.plan.question import Question
from netpol_harness.results.evidence import Attempt, Evidence, Proof

T = TypeVar("T")
Lift = Callable[[], AbstractContextManager[None]]
EvidenceByQuestion = Mapping[Question, Evidence]


def gather(convergences: Sequence[Convergence], lift: Lift | None) -> tuple[EvidenceByQuestion, ...]:
    """Return the evidence of each convergence. All that is denied in any of them is asked under one ``lift``."""
    _at_once(convergences, lambda convergence: convergence.settle())
    if lift is not None and any(convergence.denied for convergence in convergences):
        with lift():
            _at_once(convergences, lambda convergence: convergence.ask_lifted())
    return tuple(_at_once(convergences, lambda convergence: convergence.confirm()))


@dataclass(slots=True)
class Baseline:
    """Probes that were open in an earlier state of the run.

    They count as long as the same pods are at both ends, by uid: an address or a node of another pod proves nothing.
    """

    _open: dict[object, Attempt] = field(default_factory=dict)

    def record(self, evidence: EvidenceByQuestion, uids: Mapping[NamespacedName, str]) -> None:
        """Remember what was open."""
        for question, found in evidence.items():
            if found.attempts[-1].reply.outcome is Outcome.CONNECTED:
                self._open[_ends(question, uids)] = found.attempts[-1]

    def prove(self, evidence: EvidenceByQuestion, uids: Mapping[NamespacedName, str]) -> EvidenceByQuestion:
        """Return the evidence with the baseline as its counterfactual."""
        return {
            question: replace(found, proof=Proof.BASELINE, counterfactual=self._open.get(_ends(question, uids)))
            if question.only_policies_close_it
            else found
            for question, found in evidence.items()
        }


def proven_by_lift(evidence: EvidenceByQuestion) -> EvidenceByQuestion:
    """Return the evidence with the lift as what denials rest on, where only policies can make them."""
    return {q: replace(e, proof=Proof.LIFT) if q.only_policies_close_it else e for q, e in evidence.items()}


def _ends(question: Question, uids: Mapping[NamespacedName, str]) -> object:
    """What must be the same for a baseline to count: the probe as it is typed, and the pods at both ends."""
    probe = replace(question.probe, source_port=0, addresses=frozenset())
    return question.source, probe, tuple(uids.get(pod, "") for pod in question.pods)


def _at_once(convergences: Sequence[Convergence], phase: Callable[[Convergence], T]) -> list[T]:
    if len(convergences) == 1:
        return [phase(convergences[0])]
    with ThreadPoolExecutor(len(convergences), thread_name_prefix="observe") as pool:
        return list(pool.map(phase, convergences))
