"""Failure messages for paths: each stands alone, with the evidence, the reasons and the command to repeat the probe."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from netpol_harness.analysis.broken_part import Controls
from netpol_harness.analysis.explain import Explanation, ExplanationLine
from netpol_harness.analysis.impostor import impostor
from netpol_harness.analysis.predict import contradicts
from netpol_harness.escape import escaped
from netpol_harness.oracle.points import SPECIFICATION
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.results.evidence import Attempt, Evidence, Judgement
from netpol_harness.results.proof import Proof
from netpol_harness.results.table import PathResult, PodPairResult

_MEANING = {
    Outcome.CONNECTED: "the target answered",
    Outcome.REFUSED: "the connection was refused",
    Outcome.TIMED_OUT: "silence, as when packets are dropped",
    Outcome.UNREACHABLE: "the network reported that it cannot deliver",
    Outcome.NAME_FAILED: "the name did not resolve",
    Outcome.NAME_WRONG: "the name resolved to an address that is not the target's",
    Outcome.PROBE_FAILED: "the probe itself failed, so nothing is known",
}


@dataclass(frozen=True, slots=True)
class FailureMessage:
    """A failure in one line (``summary``, without the name of what failed) and in full (``text``).

    Both are escaped for a terminal. The lines of ``text`` have any length: the renderer folds them.
    """

    summary: str
    text: str

    def __post_init__(self) -> None:
        """Escape the names and the output of pods that the texts quote."""
        object.__setattr__(self, "summary", escaped(self.summary))
        object.__setattr__(self, "text", escaped(self.text))

    def __str__(self) -> str:
        return self.text

    def adding(self, *lines: ExplanationLine) -> "FailureMessage":
        """Return the message with more lines."""
        return replace(self, text="\n".join([self.text, *map(str, lines)]))


@dataclass(frozen=True, slots=True)
class PathContext:
    """What a failure message says beside the result: where the path is written, the cluster, and the oracle's view.

    ``lost`` names the policies that should be in force and are not on the cluster any more; ``context`` is that of the
    kubeconfig, empty for its current one. ``controls`` are those of a path that stays closed without the policies.
    """

    where: str
    step: str
    dataplane: str
    kubeconfig: Path
    context: str = ""
    explanation: Explanation | None = None
    lost: Sequence[str] = ()
    profile: str = SPECIFICATION.name
    controls: Controls | None = None


def message_for(path_result: PathResult, context: PathContext) -> FailureMessage:
    """Return the message for a result that does not agree."""
    worst = path_result.worst
    evidence = worst.evidence
    lines = [
        ExplanationLine("expected", f"{path_result.expected}  ({context.where}, step {context.step})"),
        ExplanationLine("observed", f"{path_result.outcome}: {_observation(evidence)}"),
        ExplanationLine("evidence", _attempts(evidence)),
        *_proof(evidence),
        *(context.controls.lines if context.controls else ()),
        ExplanationLine("probed", f"{worst.source} -> {worst.target}{_pair_count(path_result)}"),
        *_reasons(path_result, context),
        *(ExplanationLine("missing", f"{name} is not on the cluster any more") for name in context.lost),
        ExplanationLine("dataplane", context.dataplane),
        ExplanationLine("repeat", repeat_command(worst, context)),
    ]
    broken = context.controls.conclusion if context.controls and path_result.judgement is Judgement.UNPROVEN else ""
    summary = verdict(path_result) + (f"; {broken}" if broken else "")
    return FailureMessage(summary, f"{path_result}: {summary}").adding(*lines)


def verdict(path_result: PathResult) -> str:
    """Return the judgement of a result in one line, without its path."""
    match path_result.judgement:
        case Judgement.DISAGREES:
            return f"expected {path_result.expected}, observed {path_result.outcome}"
        case Judgement.FLAPPING:
            return f"flapping: it was {path_result.expected} for a while, and then {_last_mismatch(path_result)}"
        case Judgement.UNPROVEN:
            return f"UNPROVEN: {_missing_proof(path_result)}"
        case Judgement.BROKEN:
            return _breakage(path_result.worst.evidence)
        case Judgement.AGREES:
            return f"{path_result.expected}, as expected"


def _breakage(evidence: Evidence) -> str:
    """Say why an answer, or the lack of one, says nothing about the path."""
    if evidence.is_faked:
        return impostor(evidence.attempts[-1])
    if evidence.attempts[-1].reply.outcome is Outcome.NAME_WRONG:
        return "the name resolved to an address that is not the target's, so the target was not probed"
    return "the probe failed, so nothing is known about this path"


def _missing_proof(path_result: PathResult) -> str:
    """Say which proof a denial lacks: of a live target, or of an open path without the policies."""
    evidence = path_result.worst.evidence
    if evidence.silent_when_lifted is not None:
        return "packets are lost: with every policy lifted, the same probe was open and then silent"
    if evidence.lapsed:
        return "silent once and open again: a lost packet causes that as well as a policy"
    if not (evidence.decisive.proven and evidence.stays_closed):
        return f"{path_result.outcome} proves nothing, because the target was not seen alive"
    if evidence.counterfactual is not None and evidence.counterfactual.is_open:
        return f"with every policy lifted, {impostor(evidence.counterfactual)}"
    if evidence.proof is Proof.BASELINE:
        if evidence.counterfactual is not None:
            return "not a policy of the scenario: the path was closed before they were applied"
        return "the path was never seen open in this run, so it may not be a policy that closes it"
    if evidence.counterfactual is not None and evidence.counterfactual.reply.outcome is not Outcome.PROBE_FAILED:
        return "not a policy: the path stays closed with every policy lifted"
    return "the path could not be probed with every policy lifted"


def _last_mismatch(path_result: PathResult) -> str:
    outcomes = [attempt.reply.outcome for attempt in path_result.worst.evidence.attempts]
    mismatches = [outcome for outcome in outcomes if not path_result.expected.admits(outcome)]
    return f"{mismatches[-1]}" if mismatches else "not"


def _observation(evidence: Evidence) -> str:
    detail, meaning = detail_of(evidence), _MEANING[evidence.decisive.reply.outcome]
    return f"{detail} ({meaning})" if detail else meaning


def detail_of(evidence: Evidence) -> str:
    """Return what the tool printed on the decisive attempt, with the times of all violations if there are any."""
    violations, detail = evidence.violations, evidence.decisive.reply.detail
    if not violations:
        return detail
    times = f"{violations[0].at:.2f} s after the first change"
    if violations[1:]:
        times += f", and {len(violations) - 1} more until {violations[-1].at:.2f} s"
    return f"{times}; {detail}" if detail else times


def _attempts(evidence: Evidence) -> str:
    """``3 attempts with nc within 1.52 s of the last change: TIMED_OUT x3``."""
    attempts = evidence.attempts
    runs = [(outcome, len([*run])) for outcome, run in groupby(attempt.reply.outcome for attempt in attempts)]
    outcomes = ", ".join(outcome if count == 1 else f"{outcome} x{count}" for outcome, count in runs)
    name = attempts[-1].reply.tool_and_container
    tool = f" with {name}" if name else ""
    plural = "" if len(attempts) == 1 else "s"
    return f"{len(attempts)} attempt{plural}{tool} within {attempts[-1].at:.2f} s of the last change: {outcomes}"


def _proof(evidence: Evidence) -> list[ExplanationLine]:
    """Say whether the target was seen alive, and from where."""
    liveness = evidence.decisive.liveness
    if liveness is None:
        missing = ExplanationLine("proof", "none: no pod of the scenario is known to serve this target")
        return [missing] if evidence.expected.needs_proof else []
    alive = liveness.outcome is Outcome.CONNECTED
    reply = f"{liveness.outcome}" + (f": {liveness.detail}" if liveness.detail and not alive else "")
    name = "name server" if evidence.expected is Expected.UNRESOLVED else "listener"
    where = f"from {evidence.decisive.checked_from}" if evidence.decisive.checked_from else "inside its own pod"
    return [ExplanationLine("proof", f"{name} probed {where}: {reply}"), *_counterfactual(evidence)]


def _counterfactual(evidence: Evidence) -> list[ExplanationLine]:
    """Say what the same probe has met without the policies, if a denial must rest on that."""
    if evidence.proof is Proof.LISTENER or not evidence.decisive.denied:
        return []
    if evidence.counterfactual is None:
        where = "with every policy lifted" if evidence.proof is Proof.LIFT else "in an earlier state of the run"
        return [ExplanationLine(evidence.proof, f"the same probe was not seen open {where}")]
    reply = evidence.counterfactual.reply
    where = "with every policy lifted" if evidence.proof is Proof.LIFT else _earlier_state(evidence.counterfactual)
    detail = f": {reply.detail}" if reply.detail and reply.outcome is not Outcome.CONNECTED else ""
    return [ExplanationLine(evidence.proof, f"the same probe {where}: {reply.outcome}{detail}")]


def _earlier_state(attempt: Attempt) -> str:
    return "in an earlier state of the run" if attempt.is_open else "before the scenario's policies were applied"


def _pair_count(path_result: PathResult) -> str:
    return f"  (the worst of {len(path_result.pairs)} pairs of pods)" if len(path_result.pairs) > 1 else ""


def _reasons(path_result: PathResult, context: PathContext) -> Iterator[ExplanationLine]:
    """Yield the oracle's explanation and verdict, and its advice if it predicts what was observed."""
    explanation = context.explanation
    if explanation is None:
        return
    yield from explanation.lines
    by = "" if context.profile == SPECIFICATION.name else f" (profile {context.profile})"
    yield ExplanationLine("oracle", f"{explanation.verdict}{by}{_opinion(path_result, explanation.verdict)}")
    if explanation.verdict is Expected.UNDEFINED or explanation.verdict.admits(path_result.outcome):
        yield from explanation.advice


def _opinion(path_result: PathResult, predicted: Expected) -> str:
    """Compare the oracle's verdict with the expectation and with the observation."""
    if predicted is Expected.UNDEFINED:
        return ": the specification leaves this open, or does not determine it"
    is_observed = predicted.admits(path_result.outcome)
    if not contradicts(predicted, path_result.expected):
        return ", as the scenario expects" + ("" if is_observed else ", and the network does something else")
    if is_observed:
        return ", as observed: the policies in force do not say what the scenario expects"
    return ", which is neither what the scenario expects nor what was observed"


def repeat_command(pair: PodPairResult, context: PathContext) -> str:
    """Return the ``kubectl exec`` command line that repeats the last probe by hand."""
    namespace, _, pod = pair.source.partition("/")
    kube_context = ["--context", context.context] if context.context else []
    reply = pair.evidence.decisive.reply
    container = ["-c", reply.container] if reply.container else []
    kubectl = ["kubectl", "--kubeconfig", str(context.kubeconfig), *kube_context, "-n", namespace]
    return f"{shlex.join([*kubectl, 'exec', pod, *container, '--'])} {reply.command}".rstrip()
