"""Findings and truth tables as text that stands alone. Knows nothing of pytest."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from netpol_harness.analysis.explain import Explanation, Line, explained
from netpol_harness.analysis.predict import Outlook, contradicts
from netpol_harness.analysis.world import Addresses
from netpol_harness.errors import HarnessError
from netpol_harness.escape import escaped
from netpol_harness.oracle.points import SPECIFICATION, Profile
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.results.evidence import Attempt, Evidence, Judgement
from netpol_harness.results.table import Asked, Finding
from netpol_harness.scenario.scenario import Manifest, Step
from netpol_harness.scenario.strays import strays

if TYPE_CHECKING:
    from netpol_harness.runner.run import Stage

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

    def adding(self, *lines: Line) -> "Story":
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
        self, stage: "Stage", step: Step, *, outlook: Outlook | None = None, profile: Profile = SPECIFICATION
    ) -> None:
        self.stage = stage
        self.step = step
        self._given = outlook
        self._profile = profile

    def story(self, finding: Finding) -> Story:
        """The story of one finding in the step."""
        return story_of(finding, self.around(finding))

    def around(self, finding: Finding) -> Surroundings:
        """What was in force for a path of the step, by the specification and by the pods' real addresses."""
        expectation, cluster, scenario = finding.expectation, self.stage.ground.cluster, self.stage.scenario
        return Surroundings(
            where=f"{scenario.name}/{expectation.where}",
            step=self.step.name,
            dataplane=cluster.dataplane,
            kubeconfig=cluster.kubeconfig,
            context=cluster.context,
            explanation=explained(self._outlook, expectation.path, self._strays),
            lost=self._lost,
            profile=self._outlook.profile.name,
        )

    @cached_property
    def _outlook(self) -> Outlook:
        return self._given or Outlook(self.stage.scenario, self.step, self._profile, self._addresses)

    @cached_property
    def _strays(self) -> tuple[Manifest, ...]:
        return strays(self.stage.scenario)

    @cached_property
    def _lost(self) -> Sequence[str]:
        """What somebody has taken from the cluster, as far as it tells, and while it is in the step."""
        try:
            return self.stage.lost_policies() if self.stage.present.name == self.step.name else ()
        except HarnessError:
            return ()

    @property
    def _addresses(self) -> Addresses:
        """The addresses of pods and hosts, as far as the cluster tells."""
        try:
            return self.stage.census().addresses
        except HarnessError:
            return {}


def surroundings(stage: "Stage", step: Step, finding: Finding) -> Surroundings:
    """What was in force for a path of ``step``, for a single story."""
    return Scene(stage, step).around(finding)


def describe(finding: Finding, around: Surroundings) -> str:
    """Why a path does not agree: expectation, observation, evidence, policies, and the command to repeat it by hand."""
    return story_of(finding, around).text


def story_of(finding: Finding, around: Surroundings) -> Story:
    """The same with its summary."""
    worst = finding.worst
    lines = [
        Line("expected", f"{finding.expected}  ({around.where}, step {around.step})"),
        Line("observed", f"{finding.outcome}: {_seen(worst.evidence.last)}"),
        Line("evidence", _evidence(worst.evidence)),
        *_proof(worst.evidence),
        Line("asked", f"{worst.source} -> {worst.target}{_others(finding)}"),
        *_reasoning(finding, around),
        *(Line("lost", f"{name} is not on the cluster any more, though it should be in force") for name in around.lost),
        Line("dataplane", around.dataplane),
        Line("repeat", repeat(worst, around)),
    ]
    said = verdict(finding)
    return Story(said, f"{finding}: {said}").adding(*lines)


def verdict(finding: Finding) -> str:
    """What a finding comes to, in one line without the path."""
    match finding.judgement:
        case Judgement.DISAGREES:
            return f"expected {finding.expected}, observed {finding.outcome}"
        case Judgement.FLAPPING:
            return f"flapping: it was {finding.expected} for a while, and then {_flap(finding)}"
        case Judgement.UNPROVEN:
            return f"UNPROVEN: {finding.outcome} shows nothing, since what should have answered was not seen alive"
        case Judgement.BROKEN:
            return "the probe failed, so nothing is known about this path"
        case Judgement.AGREES:
            return f"{finding.expected}, as expected"


def _flap(finding: Finding) -> str:
    strays = [a.reply.outcome for a in finding.worst.evidence.attempts if not finding.expected.admits(a.reply.outcome)]
    return f"{strays[-1]}" if strays else "not"


def _seen(attempt: Attempt) -> str:
    reply = attempt.reply
    return f"{reply.detail} ({_MEANING[reply.outcome]})" if reply.detail else _MEANING[reply.outcome]


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
    tool = f" with {attempts[-1].reply.means}" if attempts[-1].reply.means else ""
    plural = "" if len(attempts) == 1 else "s"
    return f"{len(attempts)} attempt{plural}{tool} within {attempts[-1].at:.2f} s of the last change: {story}"


def _proof(evidence: Evidence) -> list[Line]:
    witness = evidence.last.witness
    if witness is None:
        missing = Line("proof", "none: no pod of the scenario is known to serve this target")
        return [missing] if evidence.expected.needs_proof else []
    alive = witness.outcome is Outcome.CONNECTED
    told = f"{witness.outcome}" + (f": {witness.detail}" if witness.detail and not alive else "")
    name = "name server" if evidence.expected is Expected.UNRESOLVED else "listener"
    where = f"asked from {evidence.last.voucher}" if evidence.last.voucher else "asked inside its own pod"
    return [Line("proof", f"{name} {where}: {told}")]


def _others(finding: Finding) -> str:
    return f"  (the worst of {len(finding.asked)} pairs of pods)" if len(finding.asked) > 1 else ""


def _reasoning(finding: Finding, around: Surroundings) -> Iterator[Line]:
    """What the policies say of the path, what the oracle makes of it, and typical causes where it saw this coming."""
    explanation = around.explanation
    if explanation is None:
        return
    yield from explanation.lines
    by = "" if around.profile == SPECIFICATION.name else f" (profile {around.profile})"
    yield Line("oracle", f"{explanation.word}{by}{_opinion(finding, explanation.word)}")
    if explanation.word is Expected.UNDEFINED or explanation.word.admits(finding.outcome):
        yield from (Line("cause", cause) for cause in explanation.causes)


def _opinion(finding: Finding, word: Expected) -> str:
    if word is Expected.UNDEFINED:
        return ": the specification leaves this open, or cannot know it"
    seen = word.admits(finding.outcome)
    if not contradicts(word, finding.expected):
        ending = "" if seen else ", and the network does something else"
        return f", as the scenario expects{ending}"
    if seen:
        return ", as observed: the policies in force do not say what the scenario expects"
    return ", which is neither what the scenario expects nor what was observed"


def repeat(asked: Asked, around: Surroundings) -> str:
    """The ``kubectl exec`` line that asks the same question by hand."""
    namespace, _, pod = asked.source.partition("/")
    context = ["--context", around.context] if around.context else []
    reply = asked.evidence.last.reply
    container = ["-c", reply.container] if reply.container else []
    kubectl = ["kubectl", "--kubeconfig", str(around.kubeconfig), *context, "-n", namespace]
    return f"{shlex.join([*kubectl, 'exec', pod, *container, '--'])} {reply.command}".rstrip()
