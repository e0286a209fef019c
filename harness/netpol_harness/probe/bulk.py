"""Closed-world tables: many questions through the agent, and a sample of them asked again with what a user would type.

Invariant: a table counts only if the typed tools, asked about a part of its cells, agree with the agent about each.
The sample is drawn by a seed, so that a run can be repeated, and from a few source pods, so that it stays cheap: what
could lie is the agent's one program, which is the same in every pod.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from netpol_harness.errors import Unproven
from netpol_harness.model.names import NamespacedName
from netpol_harness.probe.converge import Convergence
from netpol_harness.probe.pod_prober import ProbeMethod
from netpol_harness.probe.prober import Prober
from netpol_harness.probe.question import Probe, Question
from netpol_harness.probe.toolbox import Tool
from netpol_harness.results.evidence import Evidence, Reply
from netpol_harness.timeouts import Timeouts

BULK_THRESHOLD = 64
"""Questions from which on starting a Python in every pod costs less than a process for each question."""
SHARE = 20
FEWEST, MOST = 4, 32
MOST_PODS = 3
TRIES = 3


class BulkConvergence(Convergence):
    """``Convergence`` by the python script, of which a sample is asked with the typed tools too."""

    def __init__(
        self,
        prober: Prober,
        questions: Iterable[Question],
        timeouts: Timeouts,
        *,
        since: float | None = None,
        seed: int = 0,
    ) -> None:
        distinct = tuple(dict.fromkeys(questions))
        self._prober = prober
        self._sampled = sample(distinct, seed)
        super().__init__(prober, distinct, timeouts, since=since, method=ProbeMethod.PYTHON)

    def confirm(self) -> Mapping[Question, Evidence]:
        """Raises ``Unproven`` if the typed tools do not agree about the sample."""
        with ThreadPoolExecutor(1, thread_name_prefix="sample") as pool:
            typed = pool.submit(_replies, self._prober, self._sampled, ProbeMethod.CLI)
            evidence = super().confirm()
        by_agent = {
            q: evidence[q].decisive.reply for q in self._sampled if evidence[q].decisive.reply.tool == Tool.PYTHON
        }
        differing = _differing(self._prober, by_agent, typed.result())
        if differing:
            raise Unproven("\n".join([f"{len(differing)} cells of the table cannot be trusted:", *differing]))
        return evidence


def bulk_probe(
    prober: Prober, questions: Iterable[Question], timeouts: Timeouts, *, since: float | None = None, seed: int = 0
) -> Mapping[Question, Evidence]:
    """Settle and confirm without a lift. Raises ``Unproven`` if the typed tools do not agree about a sample."""
    convergence = BulkConvergence(prober, questions, timeouts, since=since, seed=seed)
    convergence.settle()
    return convergence.confirm()


def sample(questions: Sequence[Question], seed: int) -> tuple[Question, ...]:
    """One question in ``SHARE``, ``FEWEST`` (or all) to ``MOST`` of them, from at most ``MOST_PODS`` source pods."""
    draw = random.Random(seed)
    pods = sorted({question.source for question in questions})
    chosen = set(draw.sample(pods, min(MOST_PODS, len(pods))))
    candidates = [question for question in questions if question.source in chosen]
    wanted = min(MOST, max(FEWEST, -(-len(questions) // SHARE)))
    return tuple(draw.sample(candidates, min(wanted, len(candidates))))


def _differing(prober: Prober, by_agent: Mapping[Question, Reply], typed: Mapping[Question, Reply]) -> tuple[str, ...]:
    """One line for each cell on which the two means differ, as often as they are asked: networks do change."""
    for left in reversed(range(TRIES)):
        differing = [question for question in by_agent if by_agent[question].outcome is not typed[question].outcome]
        if not differing or not left:
            break
        by_agent, typed = (_replies(prober, differing, method) for method in (ProbeMethod.PYTHON, ProbeMethod.CLI))
    return tuple(_line(question, by_agent[question], typed[question]) for question in differing)


def _replies(prober: Prober, questions: Sequence[Question], method: ProbeMethod) -> dict[Question, Reply]:
    """One reply to each question, without its witnesses: what is compared here are the means, not the network."""
    batches: dict[NamespacedName, list[Probe]] = {}
    for question in questions:
        batches.setdefault(question.source, []).append(question.probe)
    replies = prober.observe(batches, method)
    return {question: replies[question.source, question.probe] for question in questions}


def _line(question: Question, by_agent: Reply, typed: Reply) -> str:
    return (
        f"{question}: the agent says {by_agent.outcome} ({by_agent.detail}), "
        f"{typed.tool or 'the typed tool'} says {typed.outcome} ({typed.detail})"
    )
