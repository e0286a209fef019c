"""Asking until the answers match or time runs out, and then once more: questions become evidence.

Invariants: a round asks all open questions and their witnesses at once; a question stays open until its
last attempt satisfies it; nothing ends without a round that asks *all* questions, allowed ones too, since what matched
before a policy landed must not stay green. So everything is asked at least twice, however late it is. The last attempt
counts, and a match that did not last is kept, as flapping.

Times are seconds from ``since``, the monotonic moment of the last change, to the start of the attempt's round.
"""

import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from netpol_harness.deadline import Deadline
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Outcome
from netpol_harness.probe.pod_prober import ProbeMethod
from netpol_harness.probe.prober import Prober, Replies
from netpol_harness.probe.question import Probe, Question
from netpol_harness.results.evidence import Attempt, Evidence, Reply
from netpol_harness.timeouts import Timeouts

log = logging.getLogger("netpol_harness.probe")


class Convergence:
    """Questions on their way to evidence: ``settle``, then ``ask_lifted`` if policies can be lifted, then ``confirm``.

    Of ``timeouts``, settle and interval count. One thread at a time. No method raises for a broken pod.
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
        self._closing: dict[Question, Attempt | None] = {}
        self._settle_time = timeouts.settle
        if method is ProbeMethod.CLI:
            prober.prepare(pod for question in self._attempts for pod in question.pods)
        self._rounds = _Rounds(prober, timeouts.interval, method, time.monotonic() if since is None else since)
        self._deadline = Deadline(timeouts.settle)

    @property
    def denied(self) -> tuple[Question, ...]:
        """The questions whose last answer was a denial that only policies can make."""
        return tuple(q for q, seen in self._attempts.items() if seen and seen[-1].denied and q.only_policies_close_it)

    def settle(self) -> None:
        """Ask until every answer is as expected or the settle time has passed."""
        self._settle(tuple(self._attempts))

    def ask_lifted(self) -> None:
        """While policies are lifted: ask what was denied, until it is open or the settle time has passed."""
        pending, deadline = self.denied, Deadline(self._settle_time)
        self._closing = dict.fromkeys(pending)
        while pending:
            self._lifted |= self._rounds.ask(pending)
            pending = tuple(q for q in pending if self._lifted[q].reply.outcome is not Outcome.CONNECTED)
            if deadline.passed:
                break
        self._deadline = Deadline(self._settle_time)

    def confirm(self) -> Mapping[Question, Evidence]:
        """Ask everything again, until every answer is as expected or the settle time has passed."""
        while pending := self._ask(tuple(self._attempts), controlled=True):
            if self._deadline.passed:
                break
            self._settle(pending)
        return self.evidence

    @property
    def evidence(self) -> Mapping[Question, Evidence]:
        """All attempts so far, by question."""
        return {
            question: Evidence(
                question.expected, (*seen, *self._still_open(question)), counterfactual=self._lifted.get(question)
            )
            for question, seen in self._attempts.items()
        }

    def _settle(self, pending: tuple[Question, ...]) -> None:
        while pending:
            pending = self._ask(pending)
            if self._deadline.passed:
                break

    def _ask(self, asked: tuple[Question, ...], *, controlled: bool = False) -> tuple[Question, ...]:
        """Ask all of them once; return those whose answer is not as expected.

        ``controlled``: with the negative control of those that were open the last time.

        A denial may take its time to come back after a lift. Until then, an open path is not evidence of the step.
        """
        controls = [q for q in asked if controlled and self._attempts[q] and self._attempts[q][-1].is_open]
        for question, attempt in self._rounds.ask(asked, controls).items():
            if question in self._closing and attempt.reply.outcome is Outcome.CONNECTED:
                self._closing[question] = attempt
            else:
                self._closing.pop(question, None)
                self._attempts[question].append(attempt)
        return tuple(q for q in asked if q in self._closing or not satisfied(q, self._attempts[q][-1]))

    def _still_open(self, question: Question) -> tuple[Attempt, ...]:
        """The last answer of a path whose denial did not come back."""
        attempt = self._closing.get(question)
        return (attempt,) if attempt is not None else ()


def converge(
    prober: Prober,
    questions: Iterable[Question],
    timeouts: Timeouts,
    *,
    since: float | None = None,
    method: ProbeMethod = ProbeMethod.CLI,
) -> Mapping[Question, Evidence]:
    """Evidence for every question (each asked under its own words). Of ``timeouts``, settle and interval count.

    Returns after the settle deadline at the latest, give or take two rounds; never raises for a broken pod.
    """
    convergence = Convergence(prober, questions, timeouts, since=since, method=method)
    convergence.settle()
    return convergence.confirm()


def ask(
    prober: Prober,
    questions: Sequence[Question],
    method: ProbeMethod = ProbeMethod.CLI,
    controls: Collection[Question] = (),
) -> Mapping[Question, Attempt]:
    """One attempt at each question with its witnesses, in one round; ``at`` is zero."""
    batches: dict[NamespacedName, list[Probe]] = {}
    for question in questions:
        batches.setdefault(question.source, []).append(question.probe)
        for pod, probe in question.liveness_checks:
            batches.setdefault(pod, []).append(probe)
    for question in controls:
        if question.negative_control is not None:
            batches[question.source].append(question.negative_control)
    replies = prober.observe(batches, method)
    vouched = _vouched(prober, questions, replies)
    return {question: _attempt(question, replies, vouched) for question in questions}


def satisfied(question: Question, attempt: Attempt) -> bool:
    """Whether this attempt alone is what the author expects, with the proof that it needs."""
    matches = question.expected.admits(attempt.reply.outcome)
    return matches and (attempt.proven or not question.expected.needs_proof)


class _Rounds:
    """Rounds of questions, at least ``interval`` seconds apart."""

    def __init__(self, prober: Prober, interval: float, method: ProbeMethod, origin: float) -> None:
        self._prober = prober
        self._interval = interval
        self._method = method
        self._origin = origin
        self._next = Deadline(0.0)
        self._number = 0

    def ask(self, asked: tuple[Question, ...], controls: Collection[Question] = ()) -> Mapping[Question, Attempt]:
        """Ask all of them once, and the negative controls of ``controls``."""
        if not self._next.passed:
            self._next.pause(self._interval)
        self._next = Deadline(self._interval)
        at = time.monotonic() - self._origin
        attempts = {
            q: replace(attempt, at=at) for q, attempt in ask(self._prober, asked, self._method, controls).items()
        }
        self._number += 1
        differing = sum(not satisfied(question, attempt) for question, attempt in attempts.items())
        log.debug(
            "round %d at %.3f s: %d of %d paths differ; %s",
            *(self._number, at, differing, len(asked), self._prober.load),
        )
        return attempts


def _vouched(
    prober: Prober, questions: Sequence[Question], replies: Replies
) -> Mapping[tuple[NamespacedName, Probe], tuple[NamespacedName, Reply]]:
    """For witnesses that could not be asked: a pod that had an answer from the same listener, and the answer."""
    mute = [
        (question, liveness)
        for question in questions
        for liveness in question.liveness_checks
        if question.proxy_pods and replies.get(liveness, NOT_ASKED).outcome is Outcome.PROBE_FAILED
    ]
    batches: dict[NamespacedName, list[Probe]] = {}
    for question, (_, probe) in mute:
        for pod in question.proxy_pods:
            batches.setdefault(pod, []).append(probe)
    heard = {key: reply for key, reply in prober.observe(batches).items() if reply.outcome is Outcome.CONNECTED}
    return {
        liveness: (pod, heard[pod, liveness[1]])
        for question, liveness in mute
        for pod in question.proxy_pods
        if (pod, liveness[1]) in heard
    }


def _attempt(
    question: Question, replies: Replies, vouched: Mapping[tuple[NamespacedName, Probe], tuple[NamespacedName, Reply]]
) -> Attempt:
    """The reply and the worst of the witnesses: one that was not heard, before one that is silent, before life."""
    reply = replies.get((question.source, question.probe), NOT_ASKED)
    seen = [
        (str(vouched[liveness][0]), vouched[liveness][1])
        if liveness in vouched
        else ("", replies.get(liveness, NOT_ASKED))
        for liveness in question.liveness_checks
    ]
    checked_from, worst = min(seen, key=lambda entry: _worth(entry[1]), default=("", None))
    unused = question.negative_control
    control = replies.get((question.source, unused)) if unused is not None else None
    return Attempt(0.0, reply, worst, checked_from, control)


def _worth(liveness: Reply) -> int:
    return {Outcome.PROBE_FAILED: 0, Outcome.CONNECTED: 2}.get(liveness.outcome, 1)


NOT_ASKED = Reply(Outcome.PROBE_FAILED, "no reply was given for this probe")
"""Stands for a reply that is not there: a probe that was not answered is broken, never blocked."""
