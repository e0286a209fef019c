"""Findings and truth tables as text that stands alone. Knows nothing of pytest."""

import io
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.escape import escaped, one_line
from harness.matrix.evidence import Attempt, Evidence, Judgement
from harness.matrix.outcome import Expected, Outcome
from harness.matrix.table import Asked, Finding, TruthTable
from harness.reasoning.derive import contradicts
from harness.reasoning.explain import COLUMNS, Explanation, Line, explain
from harness.reasoning.world import Addresses
from harness.scenario.scenario import Step
from harness.scenario.strays import strays

if TYPE_CHECKING:
    from harness.stage.stage import Stage

WIDE = 16
"""Columns above which a table shows only the rows and columns that hold a wrong cell."""

MOST = 20
"""Wrong cells that one message lists."""

_MEANING = {
    Outcome.CONNECTED: "the target answered",
    Outcome.REFUSED: "the connection was refused",
    Outcome.TIMED_OUT: "silence, as when packets are dropped",
    Outcome.UNREACHABLE: "the network said that it cannot deliver",
    Outcome.NAME_FAILED: "the name did not resolve",
    Outcome.PROBE_FAILED: "the probe itself failed, so nothing was learnt",
}


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


def surroundings(stage: "Stage", step: Step, finding: Finding) -> Surroundings:
    """What was in force for a path of ``step``, by the specification alone, and by the pods' real addresses."""
    path, cluster, scenario = finding.expectation.path, stage.ground.cluster, stage.scenario
    return Surroundings(
        where=f"{scenario.name}/{finding.expectation.where}",
        step=step.name,
        dataplane=cluster.dataplane,
        kubeconfig=cluster.kubeconfig,
        context=cluster.context,
        explanation=explain(scenario, step, path, addresses=_addresses(stage), spare=strays(scenario)),
        lost=_lost_policies(stage),
    )


def _lost_policies(stage: "Stage") -> Sequence[str]:
    """What somebody has taken from the cluster, as far as it tells."""
    try:
        return stage.lost_policies()
    except HarnessError:
        return ()


def _addresses(stage: "Stage") -> Addresses:
    """The addresses of pods and hosts, as far as the cluster tells."""
    try:
        return stage.census().addresses
    except HarnessError:
        return {}


def describe(finding: Finding, around: Surroundings) -> str:
    """Why a path does not agree: expectation, observation, evidence, policies, and the command to repeat it by hand."""
    worst = finding.worst
    lines = [
        f"{finding}: {_verdict(finding)}",
        f"  expected   {finding.expected}  ({around.where}, step {around.step})",
        f"  observed   {finding.outcome}: {_seen(worst.evidence.last)}",
        f"  evidence   {_evidence(worst.evidence)}",
        *(f"  {line}" for line in _proof(worst.evidence)),
        f"  asked      {worst.source} -> {worst.target}{_others(finding)}",
        *(line.wrapped(COLUMNS) for line in _reasoning(finding, around.explanation)),
        *(f"  lost       {name} is not on the cluster any more, though it should be in force" for name in around.lost),
        f"  dataplane  {around.dataplane}",
        f"  repeat     {repeat(worst, around)}",
    ]
    return escaped("\n".join(lines))


def _verdict(finding: Finding) -> str:
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


def _proof(evidence: Evidence) -> list[str]:
    witness = evidence.last.witness
    if witness is None:
        missing = "proof      none: no pod of the scenario is known to serve this target"
        return [missing] if evidence.expected.needs_proof else []
    alive = witness.outcome is Outcome.CONNECTED
    told = f"{witness.outcome}" + (f": {witness.detail}" if witness.detail and not alive else "")
    name = "name server" if evidence.expected is Expected.UNRESOLVED else "listener"
    where = f"asked from {evidence.last.voucher}" if evidence.last.voucher else "asked inside its own pod"
    return [f"proof      {name} {where}: {told}"]


def _others(finding: Finding) -> str:
    return f"  (the worst of {len(finding.asked)} pairs of pods)" if len(finding.asked) > 1 else ""


def _reasoning(finding: Finding, explanation: Explanation | None) -> Iterator[Line]:
    """What the policies say of the path, what the oracle makes of it, and typical causes where it saw this coming."""
    if explanation is None:
        return
    yield from explanation.lines
    yield Line("oracle", _opinion(finding, explanation.word))
    if explanation.word is Expected.UNDEFINED or explanation.word.admits(finding.outcome):
        yield from (Line("cause", cause) for cause in explanation.causes)


def _opinion(finding: Finding, word: Expected) -> str:
    if word is Expected.UNDEFINED:
        return "undefined: the specification leaves this open, or cannot know it"
    seen = word.admits(finding.outcome)
    if not contradicts(word, finding.expected):
        ending = "" if seen else ", and the network does something else"
        return f"{word}, as the scenario expects{ending}"
    if seen:
        return f"{word}, as observed: the policies in force do not say what the scenario expects"
    return f"{word}, which is neither what the scenario expects nor what was observed"


def repeat(asked: Asked, around: Surroundings) -> str:
    """The ``kubectl exec`` line that asks the same question by hand."""
    namespace, _, pod = asked.source.partition("/")
    context = ["--context", around.context] if around.context else []
    reply = asked.evidence.last.reply
    container = ["-c", reply.container] if reply.container else []
    kubectl = ["kubectl", "--kubeconfig", str(around.kubeconfig), *context, "-n", namespace]
    return f"{shlex.join([*kubectl, 'exec', pod, *container, '--'])} {reply.command}".rstrip()


def describe_table(findings: Sequence[Finding], stories: Sequence[str]) -> str:
    """What is wrong with a closed world: its wrong cells, and ``stories``, the whole evidence of some of them."""
    wrong = TruthTable.of(findings).wrong
    cells = [f"  {finding}: {_verdict(finding)}" for finding in wrong[:MOST]]
    rest = [f"  ... and {len(wrong) - MOST} more"] if len(wrong) > MOST else []
    head = f"{len(wrong)} of the {len(findings)} other paths are not {findings[0].expected}:"
    return escaped("\n".join([head, *cells, *rest, "", *stories]))


def render(table: TruthTable, width: int = 200) -> str:
    """The table as aligned text, at most ``width`` characters wide. ``.≠X`` is observed allowed, expected blocked."""
    shown = table.narrowed() if len(table.columns) > WIDE and table.wrong else table
    return grid(shown.rows, shown.columns, shown.glyph, width)


def grid(rows: Iterable[str], columns: Sequence[str], glyph: Callable[[str, str], str], width: int = 200) -> str:
    """Aligned text with a glyph for each row and column, at most ``width`` characters wide."""
    from rich import box  # rich takes 50 ms to import and is needed only where a table is shown
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    table.add_column("from \\ to", no_wrap=True)
    for column in columns:
        table.add_column(one_line(column), justify="center", overflow="fold")
    for row in rows:
        table.add_row(one_line(row), *(glyph(row, column) for column in columns))
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, highlight=False, markup=False, emoji=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n") if line.strip())


LEGEND = ". allowed   X blocked   ! probe failed   ? not asked   .≠X observed allowed, expected blocked   X? unproven"
