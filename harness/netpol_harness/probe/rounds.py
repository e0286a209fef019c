"""One round of probes: all questions, their liveness checks and their controls at once, a reply to each."""

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from netpol_harness.deadline import Deadline
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Outcome
from netpol_harness.probe.identity import Identification, NameRequests
from netpol_harness.probe.plan.question import LivenessCheck, Probe, Question
from netpol_harness.probe.pod_prober import ProbeMethod
from netpol_harness.probe.prober import Prober, Replies
from netpol_harness.results.evidence import Attempt, Identity, Reply

log = logging.getLogger("netpol_harness.probe")

MISSING_REPLY = Reply(Outcome.PROBE_FAILED, "there is no reply for this probe")
"""Stands for a reply that is missing: a probe without a reply is broken, never blocked."""

ProxyReplies = Mapping[LivenessCheck, tuple[NamespacedName, Reply]]
"""By liveness check, the pod that ran its probe in place of its own pod, and the reply."""


class Rounds:
    """Rounds of probes, at least ``interval`` seconds apart. ``origin``: the monotonic time that times count from."""

    def __init__(
        self, prober: Prober, interval: float, method: ProbeMethod, origin: float, identification: Identification | None
    ) -> None:
        self._prober = prober
        self._interval = interval
        self._method = method
        self._identification = identification
        self._origin = origin
        self._next = Deadline(0.0)
        self._number = 0

    def run(self, questions: tuple[Question, ...], controls: Collection[Question] = ()) -> Mapping[Question, Attempt]:
        """Probe the questions once, and those in ``controls`` with their controls."""
        self._pause()
        at = time.monotonic() - self._origin
        attempts = run_round(self._prober, questions, self._method, controls, self._identification)
        attempts = {question: replace(attempt, at=at) for question, attempt in attempts.items()}
        self._number += 1
        differing = sum(not is_satisfied(question, attempt) for question, attempt in attempts.items())
        log.debug(
            "round %d at %.3f s: %d of %d paths differ; %s",
            *(self._number, at, differing, len(questions), self._prober.load),
        )
        return attempts

    def identify(self, questions: Collection[Question]) -> Mapping[Question, Identity]:
        """Ask the servers of these questions for their names alone."""
        if self._identification is None:
            return {}
        self._pause()
        requests = self._identification.requests(questions, questions, per_pod=self._method is ProbeMethod.PYTHON)
        batches: dict[NamespacedName, list[Probe]] = {}
        for pod, probe in requests.pairs:
            batches.setdefault(pod, []).append(probe)
        return self._identification.identities(requests, self._prober.observe(batches, self._method))

    def _pause(self) -> None:
        if not self._next.passed:
            self._next.pause(self._interval)
        self._next = Deadline(self._interval)


def run_round(
    prober: Prober,
    questions: Sequence[Question],
    method: ProbeMethod = ProbeMethod.CLI,
    controls: Collection[Question] = (),
    identification: Identification | None = None,
) -> Mapping[Question, Attempt]:
    """Probe every question with its liveness checks once, all at the same time; ``at`` is zero.

    Those in ``controls`` have their controls: the port on which nothing listens and, with ``identification``, the
    server's name.
    """
    batches: dict[NamespacedName, list[Probe]] = {}
    for question in questions:
        batches.setdefault(question.source, []).append(question.probe)
        for pod, probe in question.liveness_checks:
            batches.setdefault(pod, []).append(probe)
    for question in controls:
        if question.negative_control is not None:
            batches[question.source].append(question.negative_control)
    per_pod = method is ProbeMethod.PYTHON
    requests = identification.requests(questions, controls, per_pod=per_pod) if identification else NameRequests()
    for pod, probe in requests.pairs:
        batches.setdefault(pod, []).append(probe)
    replies = prober.observe(batches, method)
    proxy_replies = _proxy_replies(prober, questions, replies)
    identities = identification.identities(requests, replies) if identification else {}
    return {q: replace(_attempt(q, replies, proxy_replies), identity=identities.get(q)) for q in questions}


def is_satisfied(question: Question, attempt: Attempt) -> bool:
    """Return whether this attempt alone is what the author expects, with the proof that it can have in a round.

    Where no pod serves the target, only a lift can show that the target is alive.
    """
    matches = question.expected.admits(attempt.reply.outcome)
    return matches and (attempt.proven or not question.liveness_checks or not question.expected.needs_proof)


def _proxy_replies(prober: Prober, questions: Sequence[Question], replies: Replies) -> ProxyReplies:
    """Run liveness checks whose own pod could not run them from proxy pods, and return those that connected."""
    failed = [
        (question, check)
        for question in questions
        for check in question.liveness_checks
        if question.proxy_pods and replies.get(check, MISSING_REPLY).outcome is Outcome.PROBE_FAILED
    ]
    batches: dict[NamespacedName, list[Probe]] = {}
    for question, (_, probe) in failed:
        for pod in question.proxy_pods:
            batches.setdefault(pod, []).append(probe)
    connected = {pair: reply for pair, reply in prober.observe(batches).items() if reply.outcome is Outcome.CONNECTED}
    return {
        check: (pod, connected[pod, check[1]])
        for question, check in failed
        for pod in question.proxy_pods
        if (pod, check[1]) in connected
    }


def _attempt(question: Question, replies: Replies, proxy_replies: ProxyReplies) -> Attempt:
    """Combine the reply with the worst liveness check: one that failed, else a silent one, else one that connected."""
    reply = replies.get((question.source, question.probe), MISSING_REPLY)
    checks = [
        (str(proxy_replies[check][0]), proxy_replies[check][1])
        if check in proxy_replies
        else ("", replies.get(check, MISSING_REPLY))
        for check in question.liveness_checks
    ]
    checked_from, worst = min(checks, key=lambda entry: _rank(entry[1]), default=("", None))
    unused = question.negative_control
    control = replies.get((question.source, unused)) if unused is not None else None
    return Attempt(0.0, reply, worst, checked_from, control)


def _rank(liveness: Reply) -> int:
    return {Outcome.PROBE_FAILED: 0, Outcome.CONNECTED: 2}.get(liveness.outcome, 1)
