"""Replies to single attempts of a probe, and the evidence that they add up to for one question. Pure.

A denial is evidence only together with a liveness check: in the same round, what should have answered did answer when
probed from inside its own pod (the target's listener; the name server if a name did not resolve). Otherwise the
judgement is UNPROVEN.

If a path is probed while a pod starts, or throughout a change, every credible answer counts, not only the last one.
Connections that ``first`` expects to be allowed may become possible late: the API promises that a pod is isolated from
its first packet on, but that rules which allow traffic take effect later.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import dropwhile, groupby

from netpol_harness.paths.outcome import SILENT, Expected, Outcome
from netpol_harness.paths.path import ProbeMode
from netpol_harness.results.proof import Proof


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one attempt of one probe.

    ``detail`` is the tool's output in one line and ``tool`` its name. ``command`` is what ran in the pod, ready to
    paste. ``seconds`` is how long the attempt took, as measured in the pod. ``container`` is where the tool ran, empty
    if the pod has only one container.
    """

    outcome: Outcome
    detail: str = ""
    tool: str = ""
    command: str = ""
    seconds: float = 0.0
    container: str = ""

    @property
    def tool_and_container(self) -> str:
        """The tool, and the container that it ran in if the pod has several; empty if nothing ran."""
        return f"{self.tool} (container {self.container})" if self.tool and self.container else self.tool


@dataclass(frozen=True, slots=True)
class Identity:
    """The name that a source was told, empty for none, and those of the pods that should have answered."""

    answered: str
    listeners: frozenset[str]

    @property
    def is_foreign(self) -> bool:
        """Whether the answer did not come from the target."""
        return self.answered not in self.listeners


@dataclass(frozen=True, slots=True)
class Attempt:
    """One reply, ``at`` seconds after the last change of the cluster's state, and its liveness check of the same round.

    ``liveness`` is ``None`` if the round had no check; else the worst of the target's own answers (PROBE_FAILED before
    time-out before CONNECTED), so that one dead listener behind a Service is enough to withhold the proof.
    ``checked_from`` names the pod that had an answer from the target in the round, where the target's own pod could not
    be asked.

    ``negative_control`` is the reply of a port of the target on which nothing listens, ``identity`` who answered at the
    target's port. Both are ``None`` if that was not asked, or cannot be known.
    """

    at: float
    reply: Reply
    liveness: Reply | None = None
    checked_from: str = ""
    negative_control: Reply | None = None
    identity: Identity | None = None

    @property
    def is_intercepted(self) -> bool:
        """Whether an unused port of the target answered as well: something on the way accepts every connection."""
        control = self.negative_control
        return self.is_open and control is not None and control.outcome is Outcome.CONNECTED

    @property
    def is_foreign(self) -> bool:
        """Whether something else than the target answered."""
        return self.is_open and self.identity is not None and self.identity.is_foreign

    @property
    def is_genuine(self) -> bool:
        """Whether the path was open, and no control shows that something else than the target answered."""
        return self.is_open and not (self.is_intercepted or self.is_foreign)

    @property
    def proven(self) -> bool:
        """Whether the target was alive in the same round."""
        return self.liveness is not None and self.liveness.outcome is Outcome.CONNECTED

    @property
    def is_open(self) -> bool:
        """Whether the target answered."""
        return self.reply.outcome is Outcome.CONNECTED

    @property
    def denied(self) -> bool:
        """Whether a policy may be the cause: no answer, a refusal, or a name that does not resolve."""
        return self.reply.outcome not in (Outcome.CONNECTED, Outcome.NAME_WRONG, Outcome.PROBE_FAILED)

    @property
    def refuted(self) -> bool:
        """Whether the target did not answer even to its own pod, so that the network did not cause the denial.

        A name that did not resolve does not depend on the target's listener, and is never refuted.
        """
        denied = self.reply.outcome in (Outcome.TIMED_OUT, Outcome.REFUSED, Outcome.UNREACHABLE)
        checked = self.liveness is not None and self.liveness.outcome is not Outcome.PROBE_FAILED
        return denied and checked and not self.proven

    @property
    def credible(self) -> bool:
        """Whether this attempt shows what the network does: an explicit answer does, a time-out only if proven.

        A name that did not resolve has no proof of its own here: liveness checks are about targets, not about names.
        """
        explicit = self.reply.outcome in (Outcome.CONNECTED, Outcome.REFUSED, Outcome.UNREACHABLE)
        return explicit or (self.reply.outcome is Outcome.TIMED_OUT and self.proven)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All attempts at one question, oldest first; never empty. ``expected`` is the verdict that they must support.

    ``proof`` is what a denial must rest on. ``counterfactual`` is the attempt that this takes: the last one while
    policies were lifted, or one of an earlier state.

    ``silent_when_lifted``: an attempt that was silent under a lift, besides open ones: packets are lost.

    ``is_idle``: the target is a Service that has no ready endpoints, as the API says, and a refusal is expected.
    """

    expected: Expected
    attempts: tuple[Attempt, ...]
    mode: ProbeMode = ProbeMode.NEW
    counterfactual: Attempt | None = None
    proof: Proof = Proof.LISTENER
    silent_when_lifted: Attempt | None = None
    is_idle: bool = False

    @property
    def decisive(self) -> Attempt:
        """The attempt that decides the judgement: the first violation if there is one, else the last attempt."""
        return next(iter(self.violations), self.attempts[-1])

    @property
    def is_faked(self) -> bool:
        """Whether something else than the target answered."""
        return self.attempts[-1].is_open and not self.attempts[-1].is_genuine

    @property
    def is_refused_by_service(self) -> bool:
        """Whether the Service itself refuses, because nothing is behind it: no policy needs to be proven."""
        return self.is_idle and self.attempts[-1].reply.outcome is Outcome.REFUSED

    @property
    def stays_closed(self) -> bool:
        """Whether the path was not seen open even when no policy closed it."""
        opened = self.counterfactual is not None and self.counterfactual.is_genuine
        return self.proof is not Proof.LISTENER and not opened

    @property
    def shows_target_alive(self) -> bool:
        """Whether the target was alive: it answered its own pod in the last round.

        If no pod of the scenario serves it, it is alive if the same probe was open under the lift, between denials.
        """
        last = self.attempts[-1]
        lifted = self.proof is Proof.LIFT and not self.stays_closed
        return last.proven or (last.liveness is None and lifted)

    @property
    def violations(self) -> tuple[Attempt, ...]:
        """The credible attempts that contradict the expected verdict, in probe modes in which every attempt counts."""
        late = self.mode is ProbeMode.FIRST_PACKET and self.expected is Expected.ALLOWED
        if late or self.mode not in (ProbeMode.FIRST_PACKET, ProbeMode.CONTINUOUS):
            return ()
        return tuple(attempt for attempt in self.attempts if self._contradicts(attempt))

    @property
    def is_mostly_dead(self) -> bool:
        """Whether a path should be open throughout, and half of its attempts or more met a dead listener."""
        return self.mode is ProbeMode.CONTINUOUS and 2 * sum(map(self._is_dead, self.attempts)) >= len(self.attempts)

    def _contradicts(self, attempt: Attempt) -> bool:
        """Whether an attempt shows that the network does something else than expected."""
        return not self._matches(attempt) and attempt.credible and not self._is_dead(attempt)

    def _is_dead(self, attempt: Attempt) -> bool:
        """Whether a path should be open, and a dead listener explains why it is not.

        A reset of a dead listener where silence is expected did pass the network.
        """
        return attempt.refuted and self.expected is Expected.ALLOWED

    @property
    def has_gaps(self) -> bool:
        """Whether attempts are missing in a mode in which every one counts: the first packets, or more than half."""
        if self.mode is ProbeMode.FIRST_PACKET:
            return self.attempts[0].reply.outcome is Outcome.PROBE_FAILED
        observed = sum(attempt.reply.outcome is not Outcome.PROBE_FAILED for attempt in self.attempts)
        return self.mode is ProbeMode.CONTINUOUS and 2 * observed < len(self.attempts)

    @property
    def settled_after(self) -> float | None:
        """Seconds from the last change to the attempt since which all match; ``None`` if the last one does not."""
        settled = None
        for attempt in reversed(self.attempts):
            if not self._matches(attempt):
                break
            settled = attempt.at
        return settled

    @property
    def flapped(self) -> bool:
        """Whether an attempt matched and a later one credibly did not, even if a still later one matched again."""
        if self.mode is ProbeMode.FIRST_PACKET:
            return False
        matched = False
        for attempt in self.attempts:
            if matched and self._contradicts(attempt):
                return True
            matched |= self._matches(attempt)
        return False

    @property
    def lapsed(self) -> bool:
        """Whether it flapped by single silent attempts only, each between matches: one lost packet causes that too."""
        known = (attempt for attempt in self.attempts if attempt.credible or self._matches(attempt))
        runs = groupby(dropwhile(lambda attempt: not self._matches(attempt), known), self._matches)
        lapses = [tuple(run) for matches, run in runs if not matches]
        brief = all(len(run) == 1 and run[0].reply.outcome in SILENT for run in lapses)
        return self.flapped and brief and self._matches(self.attempts[-1])

    def _matches(self, attempt: Attempt) -> bool:
        return self.expected.admits(attempt.reply.outcome)


class Judgement(StrEnum):
    """The comparison of the expected verdict with the evidence.

    AGREES        the network does what the author expects, and the evidence suffices
    DISAGREES     it does something else (pytest: FAILED)
    FLAPPING      it did what the author expects and then did not (pytest: FAILED)
    UNPROVEN      a denial is expected and was observed, but the target was not found alive; or a denial was observed
                  that no policy causes: the target does not answer its own pod, or the path stays closed without
                  policies; or one that a lost packet may have caused (pytest: ERROR)
    BROKEN        no observation was made (pytest: ERROR)
    """

    AGREES = "agrees"
    DISAGREES = "disagrees"
    FLAPPING = "flapping"
    UNPROVEN = "unproven"
    BROKEN = "broken"


def judge_evidence(evidence: Evidence) -> Judgement:
    """Compare the expected verdict with the evidence.

    Checked in this order: violations, no observation, wrong outcome, missing proof.
    """
    if evidence.violations:
        return Judgement.DISAGREES
    last = evidence.attempts[-1]
    learned_nothing = last.reply.outcome in (Outcome.NAME_WRONG, Outcome.PROBE_FAILED)
    if learned_nothing or evidence.has_gaps or evidence.is_faked:
        return Judgement.BROKEN
    if evidence.is_mostly_dead:
        return Judgement.UNPROVEN
    if not evidence.expected.admits(last.reply.outcome):
        never_open = evidence.stays_closed and not any(attempt.is_open for attempt in evidence.attempts)
        if last.refuted or (last.denied and (never_open or evidence.silent_when_lifted)):
            return Judgement.UNPROVEN
        return Judgement.FLAPPING if evidence.flapped else Judgement.DISAGREES
    if evidence.flapped:
        return Judgement.UNPROVEN if evidence.lapsed or evidence.silent_when_lifted else Judgement.FLAPPING
    if evidence.is_refused_by_service or not evidence.expected.needs_proof:
        return Judgement.AGREES
    is_proven = evidence.shows_target_alive and not evidence.stays_closed
    return Judgement.AGREES if is_proven else Judgement.UNPROVEN
