"""Findings and truth tables as text that stands alone. Knows nothing of pytest."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from netpol_harness.analysis.explain import Explanation, ExplanationLine, explain_path
from netpol_harness.analysis.predict import Predictor, contradicts
from netpol_harness.errors import HarnessError
from netpol_harness.escape import escaped
from netpol_harness.oracle.points import SPECIFICATION, Profile
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import KnownAddresses
from netpol_harness.results.evidence import Evidence, Judgement, Proof
from netpol_harness.results.table import PathResult, PodPairResult
from netpol_harness.scenario.scenario import Manifest, Step
from netpol_harness.scenario.unused_policies import unused_policies

if TYPE_CHECKING:
    from netpol_harness.runner.run import ScenarioRun


WIDE = 16
"""Columns above which a table shows only the rows and columns that hold a wrong cell."""

_MEANING = {
    Outcome.CONNECTED: "the target answered",
    Outcome.REFUSED: "the connection was refused",
    Outcome.TIMED_OUT: "silence, as when packets are dropped",
    Outcome.UNREACHABLE: "the network said that it cannot deliver",
    Outcome.NAME_FAILED: "the name did not resolve",
    Outcome.PROBE_FAILED: "the probe itself failed, so nothing was learnt",
}


@dataclass(frozen=True, slots=True)
class Story:
    """All that is to be told of something wrong: ``summary`` in one line without its name, ``text`` standing alone.

    Lines of ``text`` are as long as they are: whoever shows them folds them. Neither does anything to a terminal.
    """

    summary: str
    text: str

    def __post_init__(self) -> None:
        """Escape what names and pods have brought along."""
        object.__setattr__(self, "summary", escaped(self.summary))
        object.__setattr__(self, "text", escaped(self.text))

    def __str__(self) -> str:
        return self.text

    def adding(self, *lines: ExplanationLine) -> "Story":
        """The same with more lines."""
        return replace(self, text="\n".join([self.text, *map(str, lines)]))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a failure message needs beyond the finding: where it was written, and what the policies in force say.

    ``lost`` are the policies that should be in force and that somebody has taken from the cluster.
    """

    where: str
    step: str
    dataplane: str
    kubeconfig: Path
    context: str = ""
    explanation: Explanation | None = None
    lost: Sequence[str] = ()
    profile: str = SPECIFICATION.name


class Scene:
    """What was in force in a step. The cluster and the files are asked once, however many stories are told of it."""

    def __init__(
        self,
        scenario_run: "ScenarioRun",
        step: Step,
        *,
        predictor: Predictor | None = None,
        profile: Profile = SPECIFICATION,
    ) -> None:
        self.scenario_run = scenario_run
        self.step = step
        self._given = predictor
        self._profile = profile

    def story(self, path_result: PathResult) -> Story:
        """The story of one finding in the step."""
        return story_of(path_result, self.around(path_result))

    def around(self, path_result: PathResult) -> Surroundings:
        """What was in force for a path of the step, by the specification and by the pods' real addresses."""
        expectation, cluster, scenario = (
            path_result.expectation,
            self.scenario_run.context.cluster,
            self.scenario_run.scenario,
        )
        return Surroundings(
            where=f"{scenario.name}/{expectation.where}",
            step=self.step.name,
            dataplane=cluster.dataplane,
            kubeconfig=cluster.kubeconfig,
            context=cluster.context,
            explanation=explain_path(self._predictor, expectation.path, self._unused_policies),
            lost=self._lost,
            profile=self._predictor.profile.name,
        )

    @cached_property
    def _predictor(self) -> Predictor:
        return self._given or Predictor(self.scenario_run.scenario, self.step, self._profile, self._addresses)

    @cached_property
    def _unused_policies(self) -> tuple[Manifest, ...]:
        return unused_policies(self.scenario_run.scenario)

    @cached_property
    def _lost(self) -> Sequence[str]:
        """What somebody has taken from the cluster, as far as it tells, and while it is in the step."""
        try:
            is_current = self.scenario_run.current_step.name == self.step.name
            return self.scenario_run.applied.lost_policies() if is_current else ()
        except HarnessError:
            return ()

    @property
    def _addresses(self) -> KnownAddresses:
        """The addresses of pods and hosts, as far as the cluster tells."""
        try:
            return self.scenario_run.snapshot().addresses
        except HarnessError:
            return KnownAddresses()


def surroundings(scenario_run: "ScenarioRun", step: Step, path_result: PathResult) -> Surroundings:
    """What was in force for a path of ``step``, for a single story."""
    return Scene(scenario_run, step).around(path_result)


def describe(path_result: PathResult, around: Surroundings) -> str:
    """Why a path does not agree: expectation, observation, evidence, policies, and the command to repeat it by hand."""
    return story_of(path_result, around).text


def story_of(path_result: PathResult, around: Surroundings) -> Story:
    """The same with its summary."""
    worst = path_result.worst
    lines = [
        ExplanationLine("expected", f"{path_result.expected}  ({around.where}, step {around.step})"),
        ExplanationLine("observed", f"{path_result.outcome}: {_seen(worst.evidence)}"),
        ExplanationLine("evidence", _evidence(worst.evidence)),
        *_proof(worst.evidence),
        ExplanationLine("asked", f"{worst.source} -> {worst.target}{_others(path_result)}"),
        *_reasoning(path_result, around),
        *(
            ExplanationLine("lost", f"{name} is not on the cluster any more, though it should be in force")
            for name in around.lost
        ),
        ExplanationLine("dataplane", around.dataplane),
        ExplanationLine("repeat", repeat(worst, around)),
    ]
    said = verdict(path_result)
    return Story(said, f"{path_result}: {said}").adding(*lines)


def verdict(path_result: PathResult) -> str:
    """What a finding comes to, in one line without the path."""
    match path_result.judgement:
        case Judgement.DISAGREES:
            return f"expected {path_result.expected}, observed {path_result.outcome}"
        case Judgement.FLAPPING:
            return f"flapping: it was {path_result.expected} for a while, and then {_flap(path_result)}"
        case Judgement.UNPROVEN:
            return f"UNPROVEN: {_doubt(path_result)}"
        case Judgement.BROKEN if path_result.worst.evidence.attempts[-1].faked:
            return "something on the way accepts every connection: an unused port of the target answered as well"
        case Judgement.BROKEN if path_result.worst.evidence.is_faked and path_result.worst.evidence.identity:
            identity = path_result.worst.evidence.identity
            listeners = " or ".join(sorted(identity.listeners))
            return f"not {listeners} answered, but {identity.answered or 'a server that does not tell its name'}"
        case Judgement.BROKEN:
            return "the probe failed, so nothing is known about this path"
        case Judgement.AGREES:
            return f"{path_result.expected}, as expected"


def _doubt(path_result: PathResult) -> str:
    evidence = path_result.worst.evidence
    if evidence.decisive.proven and evidence.stays_closed:
        seen = evidence.counterfactual
        if evidence.proof is Proof.BASELINE:
            return "the path was never seen open in this run, so it may not be a policy that closes it"
        if seen is not None and seen.reply.outcome is not Outcome.PROBE_FAILED:
            return "not a policy: the path stays closed with every policy lifted"
        return "whether the path is open with every policy lifted could not be asked"
    return f"{path_result.outcome} shows nothing, since what should have answered was not seen alive"


def _flap(path_result: PathResult) -> str:
    unexpected = [
        a.reply.outcome for a in path_result.worst.evidence.attempts if not path_result.expected.admits(a.reply.outcome)
    ]
    return f"{unexpected[-1]}" if unexpected else "not"


def _seen(evidence: Evidence) -> str:
    detail, meaning = detail_of(evidence), _MEANING[evidence.decisive.reply.outcome]
    return f"{detail} ({meaning})" if detail else meaning


def detail_of(evidence: Evidence) -> str:
    """Return what the tool reported on the decisive attempt, with the times of all violations where there are any."""
    violations, detail = evidence.violations, evidence.decisive.reply.detail
    if not violations:
        return detail
    times = f"{violations[0].at:.2f} s after the first change"
    if violations[1:]:
        times += f", and {len(violations) - 1} more until {violations[-1].at:.2f} s"
    return f"{times}; {detail}" if detail else times


def _evidence(evidence: Evidence) -> str:
    """``3 attempts with nc in 1.52 s: TIMED_OUT x3``."""
    attempts = evidence.attempts
    runs: list[tuple[str, int]] = []
    for attempt in attempts:
        if runs and runs[-1][0] == attempt.reply.outcome:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((attempt.reply.outcome, 1))
    story = ", ".join(outcome if count == 1 else f"{outcome} x{count}" for outcome, count in runs)
    tool = f" with {attempts[-1].reply.tool_and_container}" if attempts[-1].reply.tool_and_container else ""
    plural = "" if len(attempts) == 1 else "s"
    return f"{len(attempts)} attempt{plural}{tool} within {attempts[-1].at:.2f} s of the last change: {story}"


def _proof(evidence: Evidence) -> list[ExplanationLine]:
    liveness, checked_from = evidence.decisive.liveness, evidence.decisive.checked_from
    if liveness is None:
        missing = ExplanationLine("proof", "none: no pod of the scenario is known to serve this target")
        return [missing] if evidence.expected.needs_proof else []
    alive = liveness.outcome is Outcome.CONNECTED
    told = f"{liveness.outcome}" + (f": {liveness.detail}" if liveness.detail and not alive else "")
    name = "name server" if evidence.expected is Expected.UNRESOLVED else "listener"
    where = f"asked from {checked_from}" if checked_from else "asked inside its own pod"
    return [ExplanationLine("proof", f"{name} {where}: {told}"), *_counterfactual(evidence)]


def _counterfactual(evidence: Evidence) -> list[ExplanationLine]:
    if evidence.proof is Proof.LISTENER or not evidence.decisive.denied:
        return []
    where = "every policy lifted" if evidence.proof is Proof.LIFT else "an earlier state of the run"
    if evidence.counterfactual is None:
        return [ExplanationLine(evidence.proof, f"the same probe was not seen open in {where}")]
    reply = evidence.counterfactual.reply
    detail = f": {reply.detail}" if reply.detail and reply.outcome is not Outcome.CONNECTED else ""
    return [ExplanationLine(evidence.proof, f"the same probe with {where}: {reply.outcome}{detail}")]


def _others(path_result: PathResult) -> str:
    return f"  (the worst of {len(path_result.pairs)} pairs of pods)" if len(path_result.pairs) > 1 else ""


def _reasoning(path_result: PathResult, around: Surroundings) -> Iterator[ExplanationLine]:
    """What the policies say of the path, what the oracle makes of it, and typical causes where it saw this coming."""
    explanation = around.explanation
    if explanation is None:
        return
    yield from explanation.lines
    by = "" if around.profile == SPECIFICATION.name else f" (profile {around.profile})"
    yield ExplanationLine("oracle", f"{explanation.verdict}{by}{_opinion(path_result, explanation.verdict)}")
    if explanation.verdict is Expected.UNDEFINED or explanation.verdict.admits(path_result.outcome):
        yield from (ExplanationLine("cause", cause) for cause in explanation.causes)


def _opinion(path_result: PathResult, word: Expected) -> str:
    if word is Expected.UNDEFINED:
        return ": the specification leaves this open, or cannot know it"
    seen = word.admits(path_result.outcome)
    if not contradicts(word, path_result.expected):
        ending = "" if seen else ", and the network does something else"
        return f", as the scenario expects{ending}"
    if seen:
        return ", as observed: the policies in force do not say what the scenario expects"
    return ", which is neither what the scenario expects nor what was observed"


def repeat(asked: PodPairResult, around: Surroundings) -> str:
    """The ``kubectl exec`` line that asks the same question by hand."""
    namespace, _, pod = asked.source.partition("/")
    context = ["--context", around.context] if around.context else []
    reply = asked.evidence.decisive.reply
    container = ["-c", reply.container] if reply.container else []
    kubectl = ["kubectl", "--kubeconfig", str(around.kubeconfig), *context, "-n", namespace]
    return f"{shlex.join([*kubectl, 'exec', pod, *container, '--'])} {reply.command}".rstrip()
