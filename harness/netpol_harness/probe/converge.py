"""Rounds of probes until all results match or time runs out, and then one more: questions become evidence.

Invariants: a round probes all open questions and their liveness checks at once; a question stays open until its last
attempt satisfies it; nothing ends without a round that probes *all* questions, allowed ones too, since what matched
before a policy took effect must not stay green. So every question is probed at least twice, however late it is. The
last attempt decides, and a match that did not last is kept, as flapping.

Times are seconds from ``since``, the monotonic time of the last change, to the start of the attempt's round.
"""

import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile

from netpol_harness.deadline import Deadline
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import SILENT, Expected, Outcome
from netpol_harness.probe.plan.question import LivenessCheck, Probe, Question
from netpol_harness.probe.pod_prober import ProbeMethod
from netpol_harness.probe.prober import Prober, Replies
from netpol_harness.results.evidence import Attempt, Evidence, Judgement, Proof, Reply, judge_evidence
from netpol_harness.timeouts import Timeouts

log = logging.getLogger("netpol_harness.probe")

SURE_SILENCES, SURE_OPENINGS = 6, 8
"""How often in a row a path must be silent, and then open under a lift, before its silence counts as a denial.

Where packets are lost and one attempt in two is silent, both happen once in 16,000 times; where one in three is, once
in 19,000 times.
"""
SURE_OPENINGS_OF_FLAPPING = 32
"""The same for a path that is open again: its silence was shorter, so that rarer losses explain it as well."""

MISSING_REPLY = Reply(Outcome.PROBE_FAILED, "there is no reply for this probe")
"""Stands for a reply that is missing: a probe without a reply is broken, never blocked."""

ProxyReplies = Mapping[LivenessCheck, tuple[NamespacedName, Reply]]
"""By liveness check, the pod that ran its probe in place of its own pod, and the reply."""


class Convergence:
    """Gathers evidence for questions: ``settle``, then ``ask_lifted`` if policies can be lifted, then ``confirm``.

    Of ``timeouts``, settle and interval are used. One thread at a time. No method raises for a broken pod.
    """

    def __init__(
        self,
        prober: Prober,
        questions: Iterable[Question],
        timeouts: Timeouts,
        *,
        since: float | None = None,
        method: ProbeMethod = ProbeMethod.CLI,
    ) -> None:
        self._attempts: dict[Question, list[Attempt]] = {question: [] for question in questions}
        self._lifted: dict[Question, Attempt] = {}
        self._returning: dict[Question, Attempt | None] = {}
        self._silent_when_lifted: dict[Question, Attempt] = {}
        self._settle_time = timeouts.settle
        if method is ProbeMethod.CLI:
            prober.prepare(pod for question in self._attempts for pod in question.pods)
        self._rounds = _Rounds(prober, timeouts.interval, method, time.monotonic() if since is None else since)
        self._deadline = Deadline(timeouts.settle)

    @property
    def denied(self) -> tuple[Question, ...]:
        """The questions whose last result was a denial that only policies can cause."""
        return tuple(
            question
            for question, attempts in self._attempts.items()
            if attempts and attempts[-1].denied and question.only_policies_close_it
        )

    @property
    def silent_mismatches(self) -> tuple[Question, ...]:
        """The questions that fail by silence alone, which lost packets cause as well as policies."""
        return tuple(q for q, found in self.evidence.items() if q.only_policies_close_it and _fails_by_silence(found))

    def settle(self) -> None:
        """Probe until every result is as expected or the settle time has passed."""
        self._settle(tuple(self._attempts))

    def ask_lifted(self) -> None:
        """While policies are lifted, probe what was denied until it is open or the settle time has passed."""
        pending, deadline = self.denied, Deadline(self._settle_time)
        while pending:
            self._lifted |= self._rounds.run(pending)
            pending = tuple(q for q in pending if self._lifted[q].reply.outcome is not Outcome.CONNECTED)
            if deadline.passed:
                break
        self.expect_return()

    def expect_return(self) -> None:
        """Give all paths the settle time to be again what they were: policies were lifted, or some of them."""
        self._returning = dict.fromkeys(q for q, attempts in self._attempts.items() if attempts)
        self._deadline = Deadline(self._settle_time)

    def confirm(self) -> Mapping[Question, Evidence]:
        """Probe everything again, until every result is as expected or the settle time has passed."""
        while pending := self._run(tuple(self._attempts), controlled=True):
            if self._deadline.passed:
                break
            self._settle(pending)
        for question, attempt in self._returning.items():
            self._attempts[question] += [attempt] if attempt is not None else []
        self._returning = {}
        return self.evidence

    def ask_steadily(self) -> None:
        """While policies are lifted, probe silent mismatches until all are open, and then often enough to be sure.

        What is silent in those rounds although no policy closes it has lost packets.
        """
        pending, deadline = self.silent_mismatches, Deadline(self._settle_time)
        while pending and not deadline.passed:
            if all(attempt.is_open for attempt in self._rounds.run(pending).values()):
                break
        for number in range(SURE_OPENINGS_OF_FLAPPING):
            pending = tuple(q for q in pending if q not in self._silent_when_lifted)
            if number >= SURE_OPENINGS:
                pending = tuple(q for q in pending if not _is_silent(self._attempts[q][-1]))
            if not pending:
                break
            attempts = self._rounds.run(pending)
            self._silent_when_lifted |= {q: attempt for q, attempt in attempts.items() if _is_silent(attempt)}

    def repeat_silence(self) -> None:
        """Probe silent mismatches until each has been silent often enough to be sure, or is as expected."""
        while pending := tuple(q for q in self.silent_mismatches if 0 < _silences(self._attempts[q]) < SURE_SILENCES):
            self._run(pending)

    @property
    def evidence(self) -> Mapping[Question, Evidence]:
        """All attempts so far, by question."""
        return {
            question: Evidence(
                question.expected,
                tuple(attempts),
                counterfactual=self._lifted.get(question),
                silent_when_lifted=self._silent_when_lifted.get(question),
            )
            for question, attempts in self._attempts.items()
        }

    def _settle(self, pending: tuple[Question, ...]) -> None:
        while pending:
            pending = self._run(pending)
            if self._deadline.passed:
                break

    def _run(self, questions: tuple[Question, ...], *, controlled: bool = False) -> tuple[Question, ...]:
        """Probe the questions once; return those whose result is not as expected.

        ``controlled``: with the negative control of those that were open the last time, or should be open now.

        After a lift, policies may take a while to take effect. Until a path is again what it was before the lift,
        its attempts are not evidence of the step.
        """
        controls = [q for q in questions if controlled and self._may_be_open(q)]
        for question, attempt in self._rounds.run(questions, controls).items():
            if question in self._returning and _differ(question, attempt, self._attempts[question][-1]):
                self._returning[question] = attempt
            else:
                self._returning.pop(question, None)
                self._attempts[question].append(attempt)
        return tuple(q for q in questions if q in self._returning or not is_satisfied(q, self._attempts[q][-1]))

    def _may_be_open(self, question: Question) -> bool:
        attempts = self._attempts[question]
        return question.expected is Expected.ALLOWED or (bool(attempts) and attempts[-1].is_open)


def converge(
    prober: Prober,
    questions: Iterable[Question],
    timeouts: Timeouts,
    *,
    since: float | None = None,
    method: ProbeMethod = ProbeMethod.CLI,
) -> Mapping[Question, Evidence]:
    """Return evidence for every question. Of ``timeouts``, settle and interval are used.

    Returns after the settle deadline at the latest, give or take two rounds; never raises for a broken pod.
    """
    convergence = Convergence(prober, questions, timeouts, since=since, method=method)
    convergence.settle()
    return convergence.confirm()


def run_round(
    prober: Prober,
    questions: Sequence[Question],
    method: ProbeMethod = ProbeMethod.CLI,
    controls: Collection[Question] = (),
) -> Mapping[Question, Attempt]:
    """Probe every question with its liveness checks once, all at the same time; ``at`` is zero."""
    batches: dict[NamespacedName, list[Probe]] = {}
    for question in questions:
        batches.setdefault(question.source, []).append(question.probe)
        for pod, probe in question.liveness_checks:
            batches.setdefault(pod, []).append(probe)
    for question in controls:
        if question.negative_control is not None:
            batches[question.source].append(question.negative_control)
    replies = prober.observe(batches, method)
    proxy_replies = _proxy_replies(prober, questions, replies)
    return {question: _attempt(question, replies, proxy_replies) for question in questions}


def is_satisfied(question: Question, attempt: Attempt) -> bool:
    """Return whether this attempt alone is what the author expects, with the proof that it needs."""
    matches = question.expected.admits(attempt.reply.outcome)
    return matches and (attempt.proven or not question.expected.needs_proof)


def _is_silent(attempt: Attempt) -> bool:
    return attempt.reply.outcome in SILENT


def _silences(attempts: Sequence[Attempt]) -> int:
    """Return how many attempts at the end were silent."""
    return sum(1 for _ in takewhile(_is_silent, reversed(attempts)))


def _fails_by_silence(evidence: Evidence) -> bool:
    """Return whether a path fails, and its last attempt that is not as expected was silent."""
    if judge_evidence(replace(evidence, proof=Proof.LIFT)) not in (Judgement.DISAGREES, Judgement.FLAPPING):
        return False
    return _is_silent([a for a in evidence.attempts if not evidence.expected.admits(a.reply.outcome)][-1])


def _differ(question: Question, one: Attempt, other: Attempt) -> bool:
    """Return whether the path was open in only one of two attempts, or as expected in only one."""
    as_expected = is_satisfied(question, one) is is_satisfied(question, other)
    return not as_expected or one.is_open is not other.is_open


class _Rounds:
    """Rounds of probes, at least ``interval`` seconds apart. ``origin``: the monotonic time that times count from."""

    def __init__(self, prober: Prober, interval: float, method: ProbeMethod, origin: float) -> None:
        self._prober = prober
        self._interval = interval
        self._method = method
        self._origin = origin
        self._next = Deadline(0.0)
        self._number = 0

    def run(self, questions: tuple[Question, ...], controls: Collection[Question] = ()) -> Mapping[Question, Attempt]:
        """Probe the questions once, and the negative controls of ``controls``."""
        if not self._next.passed:
            self._next.pause(self._interval)
        self._next = Deadline(self._interval)
        at = time.monotonic() - self._origin
        attempts = run_round(self._prober, questions, self._method, controls)
        attempts = {question: replace(attempt, at=at) for question, attempt in attempts.items()}
        self._number += 1
        differing = sum(not is_satisfied(question, attempt) for question, attempt in attempts.items())
        log.debug(
            "round %d at %.3f s: %d of %d paths differ; %s",
            *(self._number, at, differing, len(questions), self._prober.load),
        )
        return attempts


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
