"""What was seen: replies of single attempts, and the evidence that they add up to for one question.

A denial is evidence only together with a witness: what should have answered, asked from inside its own pod in the same
round, did answer (the target's listener; the name server where a name did not resolve). Else the verdict is UNPROVEN.

Where a path is asked as a pod starts, or throughout a change, every credible answer counts and not the last alone. Only
what ``first`` allows may come late: the API promises isolation from a pod's first packet on, allowing rules later.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import ProbeMode


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one attempt of one probe.

    ``detail`` is what the tool said, in one line; ``tool`` its name; ``command`` what was typed in the pod, ready to
    paste; ``seconds`` how long the attempt took as far as the pod could tell; ``container`` the one it was typed in,
    empty where the pod has no other.
    """

    outcome: Outcome
    detail: str = ""
    tool: str = ""
    command: str = ""
    seconds: float = 0.0
    container: str = ""

    @property
    def tool_and_container(self) -> str:
        """The tool, and the container that it ran in where that must be said; empty where nothing ran."""
        return f"{self.tool} (container {self.container})" if self.tool and self.container else self.tool


@dataclass(frozen=True, slots=True)
class Attempt:
    """One reply, ``at`` seconds after the last change of the cluster's state, and its witness of the same round.

    ``liveness`` is ``None`` where the round asked none; else the worst of the target's own answers (PROBE_FAILED before
    silence before CONNECTED), so that one dead listener behind a Service is enough to withhold the proof.
    ``checked_from`` names the pod that had an answer from the target in the round, where the target's own pod could not
    be asked.
    """

    at: float
    reply: Reply
    liveness: Reply | None = None
    checked_from: str = ""

    @property
    def proven(self) -> bool:
        """Whether what should have answered was seen alive in the same round."""
        return self.liveness is not None and self.liveness.outcome is Outcome.CONNECTED

    @property
    def denied(self) -> bool:
        """Whether the answer is one that a policy may give: silence, refusal, or a name that does not resolve."""
        return self.reply.outcome not in (Outcome.CONNECTED, Outcome.PROBE_FAILED)

    @property
    def refuted(self) -> bool:
        """Whether what should have answered did not, even to its own pod: then a denial is not the network's.

        A name that did not resolve is another matter than the target's listener.
        """
        denied = self.reply.outcome in (Outcome.TIMED_OUT, Outcome.REFUSED, Outcome.UNREACHABLE)
        heard = self.liveness is not None and self.liveness.outcome is not Outcome.PROBE_FAILED
        return denied and heard and not self.proven

    @property
    def credible(self) -> bool:
        """Whether this attempt shows something of the network: an explicit answer does, silence only with its proof.

        A name that did not resolve has no proof of its own here: the witness speaks for the target, not for the names.
        """
        explicit = self.reply.outcome in (Outcome.CONNECTED, Outcome.REFUSED, Outcome.UNREACHABLE)
        return explicit or (self.reply.outcome is Outcome.TIMED_OUT and self.proven)


class Proof(StrEnum):
    """What a denial must rest on, beside a listener that is alive.

    LIFT      the same probe was open while a policy admitted everything, and denied before and after
    BASELINE  the same probe was open earlier in the run, between the same pods
    LISTENER  nothing more
    """

    LIFT = "lift"
    BASELINE = "baseline"
    LISTENER = "listener"


@dataclass(frozen=True, slots=True)
class Evidence:
    """All attempts at one question, oldest first; never empty.

    ``proof`` is what a denial must rest on; ``counterfactual`` is the attempt that this takes: the last one while
    policies were lifted, or one of an earlier state.
    """

    expected: Expected
    attempts: tuple[Attempt, ...]
    mode: ProbeMode = ProbeMode.NEW
    counterfactual: Attempt | None = None
    proof: Proof = Proof.LISTENER

    @property
    def last(self) -> Attempt:
        """The attempt that speaks for all: the last one, or the first stray, which then says when it was."""
        if not (strays := self.strays):
            return self.attempts[-1]
        when = f"{strays[0].at:.2f} s after the first change"
        several = f", and {len(strays) - 1} more until {strays[-1].at:.2f} s" if strays[1:] else ""
        detail = "; ".join(filter(None, [f"{when}{several}", strays[0].reply.detail]))
        return replace(strays[0], reply=replace(strays[0].reply, detail=detail))

    @property
    def stays_closed(self) -> bool:
        """Whether the path was not seen open either when no policy closed it."""
        opened = self.counterfactual is not None and self.counterfactual.reply.outcome is Outcome.CONNECTED
        return self.proof is not Proof.LISTENER and not opened

    @property
    def strays(self) -> tuple[Attempt, ...]:
        """The credible answers that the word does not admit, where every answer counts."""
        late = self.mode is ProbeMode.FIRST_PACKET and self.expected is Expected.ALLOWED
        if late or self.mode not in (ProbeMode.FIRST_PACKET, ProbeMode.CONTINUOUS):
            return ()
        return tuple(a for a in self.attempts if a.credible and not self.expected.admits(a.reply.outcome))

    @property
    def has_gaps(self) -> bool:
        """Whether too little was seen where every answer counts: not the first packets, or half of the time nothing."""
        if self.mode is ProbeMode.FIRST_PACKET:
            return self.attempts[0].reply.outcome is Outcome.PROBE_FAILED
        seen = sum(attempt.reply.outcome is not Outcome.PROBE_FAILED for attempt in self.attempts)
        return self.mode is ProbeMode.CONTINUOUS and 2 * seen < len(self.attempts)

    @property
    def settled_after(self) -> float | None:
        """Seconds from the last change to the first attempt of the closing run of matches; ``None`` if none matches."""
        settled = None
        for attempt in reversed(self.attempts):
            if not self.expected.admits(attempt.reply.outcome):
                break
            settled = attempt.at
        return settled

    @property
    def flapped(self) -> bool:
        """Whether the question matched once and then credibly did not, even if it matched again later."""
        if self.mode is ProbeMode.FIRST_PACKET:
            return False
        matched = False
        for attempt in self.attempts:
            matches = self.expected.admits(attempt.reply.outcome)
            if matched and not matches and attempt.credible:
                return True
            matched |= matches
        return False


class Judgement(StrEnum):
    """The comparison of what was expected with what was seen.

    AGREES        the network does what the author expects, and the evidence suffices
    DISAGREES     it does something else (pytest: FAILED)
    FLAPPING      it did what the author expects and then did not (pytest: FAILED)
    UNPROVEN      silence or refusal, but what should have answered was not seen alive (pytest: ERROR); whatever the
                  word is, where it was seen not to answer
    BROKEN        no observation was made (pytest: ERROR)
    """

    AGREES = "agrees"
    DISAGREES = "disagrees"
    FLAPPING = "flapping"
    UNPROVEN = "unproven"
    BROKEN = "broken"


def judge_evidence(evidence: Evidence) -> Judgement:
    """Compare. The order is the order of doubt: no observation, then disagreement, then lack of proof."""
    if evidence.strays:
        return Judgement.DISAGREES
    last = evidence.last
    if last.reply.outcome is Outcome.PROBE_FAILED or evidence.has_gaps:
        return Judgement.BROKEN
    if not evidence.expected.admits(last.reply.outcome):
        if last.refuted or (last.denied and evidence.stays_closed):
            return Judgement.UNPROVEN
        return Judgement.FLAPPING if evidence.flapped else Judgement.DISAGREES
    if evidence.flapped:
        return Judgement.FLAPPING
    if evidence.expected.needs_proof and (not last.proven or evidence.stays_closed):
        return Judgement.UNPROVEN
    return Judgement.AGREES
