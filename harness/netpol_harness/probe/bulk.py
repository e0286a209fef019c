"""Closed-world tables: many questions by the python script, and a sample of them by command-line tools as a check.

Invariant: a table counts only if the command-line tools agree with the python script about each cell of the sample. The
sample is drawn by a seed, so that a run can be repeated, and from a few source pods, so that it is cheap: what could be
wrong is the script, which is the same in every pod.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from netpol_harness.errors import Unproven
from netpol_harness.model.names import NamespacedName
from netpol_harness.probe.converge import Convergence
from netpol_harness.probe.identity import Identification
from netpol_harness.probe.plan.question import Probe, Question
from netpol_harness.probe.plan.toolbox import Tool
from netpol_harness.probe.pod_prober import ProbeMethod
from netpol_harness.probe.prober import Prober
from netpol_harness.results.evidence import Evidence, Reply
from netpol_harness.timeouts import Timeouts

BULK_THRESHOLD = 64
"""From this number of questions on, starting Python in every pod costs less than a process for each question."""
SAMPLED_ONE_IN = 20
MIN_SAMPLE, MAX_SAMPLE = 4, 32
MAX_PODS = 3
TRIES = 3


class BulkConvergence(Convergence):
    """``Convergence`` by the python script, with a sample that is probed by command-line tools too."""

    def __init__(
        self,
        prober: Prober,
        questions: Iterable[Question],
        timeouts: Timeouts,
        *,
        since: float | None = None,
        identification: Identification | None = None,
        seed: int = 0,
    ) -> None:
        distinct = tuple(dict.fromkeys(questions))
        self._prober = prober
        self._sampled = sample(distinct, seed)
        method = ProbeMethod.PYTHON
        super().__init__(prober, distinct, timeouts, since=since, method=method, identification=identification)

    def confirm(self) -> Mapping[Question, Evidence]:
        """Do what ``Convergence.confirm`` does. Raises ``Unproven`` if the tools do not agree about the sample."""
        with ThreadPoolExecutor(1, thread_name_prefix="sample") as pool:
            by_tools = pool.submit(_replies, self._prober, self._sampled, ProbeMethod.CLI)
            evidence = super().confirm()
        by_python = {
            q: evidence[q].decisive.reply for q in self._sampled if evidence[q].decisive.reply.tool == Tool.PYTHON
        }
        differing = _differing(self._prober, by_python, by_tools.result())
        if differing:
            raise Unproven("\n".join([f"{len(differing)} cells of the table cannot be trusted:", *differing]))
        return evidence


def bulk_probe(prober: Prober, questions: Iterable[Question], timeouts: Timeouts) -> Mapping[Question, Evidence]:
    """Settle and confirm without a lift. Raises ``Unproven`` if command-line tools disagree about a sample."""
    convergence = BulkConvergence(prober, questions, timeouts, identification=Identification())
    convergence.settle()
    return convergence.confirm()


def sample(questions: Sequence[Question], seed: int) -> tuple[Question, ...]:
    """Draw one question in ``SAMPLED_ONE_IN``, from at most ``MAX_PODS`` source pods.

    The sample has at least ``MIN_SAMPLE`` questions (or all of those pods), at most ``MAX_SAMPLE``.
    """
    draw = random.Random(seed)
    pods = sorted({question.source for question in questions})
    chosen = set(draw.sample(pods, min(MAX_PODS, len(pods))))
    candidates = [question for question in questions if question.source in chosen]
    size = min(MAX_SAMPLE, max(MIN_SAMPLE, -(-len(questions) // SAMPLED_ONE_IN)))
    return tuple(draw.sample(candidates, min(size, len(candidates))))


def _differing(
    prober: Prober, by_python: Mapping[Question, Reply], by_tools: Mapping[Question, Reply]
) -> tuple[str, ...]:
    """Return a line for each cell on which the methods differ in each of several tries: networks do change."""
    for retries in reversed(range(TRIES)):
        differing = [q for q in by_python if by_python[q].outcome is not by_tools[q].outcome]
        if not differing or not retries:
            break
        by_python, by_tools = (_replies(prober, differing, method) for method in (ProbeMethod.PYTHON, ProbeMethod.CLI))
    return tuple(_line(question, by_python[question], by_tools[question]) for question in differing)


def _replies(prober: Prober, questions: Sequence[Question], method: ProbeMethod) -> dict[Question, Reply]:
    """Return one reply for each question, without liveness checks: this compares methods, and judges no network."""
    batches: dict[NamespacedName, list[Probe]] = {}
    for question in questions:
        batches.setdefault(question.source, []).append(question.probe)
    replies = prober.observe(batches, method)
    return {question: replies[question.source, question.probe] for question in questions}


def _line(question: Question, by_python: Reply, by_tools: Reply) -> str:
    return (
        f"{question}: the python script says {by_python.outcome} ({by_python.detail}), "
        f"{by_tools.tool or 'the command-line tool'} says {by_tools.outcome} ({by_tools.detail})"
    )
