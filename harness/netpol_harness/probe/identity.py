"""Identify the server that answers: one that gives its name to its own pod must give the same name to others.

Test servers answer ``GET /hostname``, or the datagram ``hostname``, with the name of their pod. The target's own pods
ask first. If the answer there is the pod's name, a source that gets another answer, or none, was not connected to the
target. Servers that do not support the request are not identified.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from netpol_harness.deadline import Deadline
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.question import PodProbe, Probe, Question
from netpol_harness.probe.prober import Prober
from netpol_harness.results.evidence import Identity

SCHEMES = (Scheme.TCP, Scheme.HTTP, Scheme.UDP)
"""Schemes over which servers give their names."""


class Identification:
    """Asks servers for their names, and caches which listeners give theirs."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self._gives_name: dict[PodProbe, bool] = {}

    def of(self, questions: Iterable[Question], deadline: Deadline, interval: float) -> Mapping[Question, Identity]:
        """Return the identities of the servers behind ``questions`` whose listeners all give their names.

        A source that gets a wrong name, or none, asks again until the deadline has passed.
        """
        candidates = [
            q for q in questions if q.probe.scheme in SCHEMES and not q.probe.connection and q.liveness_checks
        ]
        self._ask_listeners(candidates)
        open_questions = [
            q for q in candidates if all(self._gives_name[check] for check in map(_named, q.liveness_checks))
        ]
        identities: dict[Question, Identity] = {}
        for _ in deadline.ticks(interval):
            identities |= self._ask_sources(open_questions)
            open_questions = [question for question in open_questions if identities[question].is_foreign]
            if not open_questions:
                break
        return identities

    def _ask_listeners(self, questions: Sequence[Question]) -> None:
        checks = {
            _named(check) for question in questions for check in question.liveness_checks
        } - self._gives_name.keys()
        names = self._names(checks)
        self._gives_name |= {check: names.get(check) == check[0].name for check in checks}

    def _ask_sources(self, questions: Sequence[Question]) -> dict[Question, Identity]:
        pairs = {question: _named((question.source, question.probe)) for question in questions}
        names = self._names(pairs.values())
        return {
            question: Identity(names.get(pair, ""), frozenset(pod.name for pod, _ in question.liveness_checks))
            for question, pair in pairs.items()
        }

    def _names(self, pairs: Iterable[PodProbe]) -> Mapping[PodProbe, str]:
        batches: dict[NamespacedName, list[Probe]] = {}
        for pod, probe in pairs:
            batches.setdefault(pod, []).append(probe)
        if not batches:
            return {}
        return {pair: reply.detail for pair, reply in self._prober.observe(batches).items()}


def _named(pair: PodProbe) -> PodProbe:
    """Return the probe that asks for the name, instead of a pod's probe."""
    pod, probe = pair
    return pod, replace(probe, source_port=0, udp_service=None, asks_name=True)
