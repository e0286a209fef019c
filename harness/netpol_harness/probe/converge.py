"""Rounds of probes until all results match or time runs out, and then one more: questions become evidence.

Invariants: a round probes all open questions and their liveness checks at once; a question stays open until its last
attempt satisfies it; nothing ends without a round that probes *all* questions, allowed ones too, since what matched
before a policy took effect must not stay green. So every question is probed at least twice, however late it is. The
last attempt decides, and a match that did not last is kept, as flapping.

Times are seconds from ``since``, the monotonic time of the last change, to the start of the attempt's round.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile

from netpol_harness.deadline import Deadline
from netpol_harness.paths.outcome import SILENT, Expected
from netpol_harness.probe.identity import Identification
from netpol_harness.probe.plan.question import Question
from netpol_harness.probe.pod_prober import ProbeMethod
from netpol_harness.probe.prober import Prober
from netpol_harness.probe.rounds import Rounds, is_satisfied
from netpol_harness.results.evidence import Attempt, Evidence, Judgement, judge_evidence
from netpol_harness.results.proof import Proof
from netpol_harness.timeouts import Timeouts

SURE_SILENCES, SURE_OPENINGS = 6, 8
"""How often in a row a path must be silent, and then open under a lift, before its silence counts as a denial.

Where packets are lost and one attempt in two is silent, both happen once in 16,000 times; where one in three is, once
in 19,000 times.
"""
SURE_OPENINGS_OF_FLAPPING = 32
"""The same for a path that is open again: its silence was shorter, so that rarer losses explain it as well."""


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
        identification: Identification | None = None,
    ) -> None:
        self._attempts: dict[Question, list[Attempt]] = {question: [] for question in questions}
        self._lifted: dict[Question, Attempt] = {}
        self._returning: dict[Question, Attempt | None] = {}
        self._silent_when_lifted: dict[Question, Attempt] = {}
        self._settle_time = timeouts.settle
        if method is ProbeMethod.CLI:
            prober.prepare(pod for question in self._attempts for pod in question.pods)
        origin = time.monotonic() if since is None else since
        self._rounds = Rounds(prober, timeouts.interval, method, origin, identification)
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
            self._lifted |= self._rounds.run(pending, pending)
            pending = tuple(q for q in pending if not self._lifted[q].is_genuine)
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
        self._identify_again()
        return self.evidence

    def _identify_again(self) -> None:
        """Ask for wrong and missing names until they are right or the settle time has passed: a packet may be lost."""
        deadline = Deadline(self._settle_time)
        while foreign := [q for q, attempts in self._attempts.items() if attempts and attempts[-1].is_foreign]:
            identities = self._rounds.identify(foreign)
            for question, identity in identities.items():
                self._attempts[question][-1] = replace(self._attempts[question][-1], identity=identity)
            if deadline.passed:
                break

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
                is_idle=question.is_idle,
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

        ``controlled``: with the controls of those that were open the last time, or should be open now.

        After a lift, policies may take a while to take effect, and a network plugin may close an open path for a
        moment. What differs from before the lift is evidence of the step only if it is so at the end.
        """
        controls = [q for q in questions if controlled and self._may_be_open(q)]
        for question, attempt in self._rounds.run(questions, controls).items():
            if question in self._returning and _differ(question, attempt, self._attempts[question][-1]):
                self._returning[question] = attempt
            else:
                self._returning |= {question: None} if question in self._returning else {}
                self._attempts[question].append(attempt)
        return tuple(q for q in questions if self._returning.get(q) or not is_satisfied(q, self._attempts[q][-1]))

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
