"""Continuous probing: rounds in the background while something else happens, so that a short gap is not missed.

Invariant: rounds start ``PERIOD`` seconds apart, whether or not the round before has ended (a silent target takes its
whole time-out), but at most ``AT_ONCE`` run at a time. The questions may change from round to round; a question is
identified by its position.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Event, Thread

from netpol_harness.deadline import Deadline
from netpol_harness.errors import HarnessError
from netpol_harness.probe.plan.question import Question
from netpol_harness.probe.prober import Prober
from netpol_harness.probe.rounds import run_round
from netpol_harness.results.evidence import Attempt

log = logging.getLogger("netpol_harness.probe")

PERIOD = 0.05
AT_ONCE = 4
LONGEST = 3600.0  # seconds; the caller ends the probing long before

QuestionSource = Callable[[], Sequence[Question]]
"""Returns the questions of the next round; none, or ``HarnessError``, while there is nothing to probe yet."""


@dataclass(frozen=True, slots=True)
class _Round:
    at: float
    questions: tuple[Question, ...]
    attempts: Future[tuple[Mapping[Question, Attempt], float]]


class ContinuousProbe:
    """Probing that has started. ``since``: the monotonic time from which the times of attempts are counted."""

    def __init__(self, prober: Prober, source: QuestionSource, *, since: float) -> None:
        self._prober = prober
        self._source = source
        self._since = since
        self._ended = Event()
        self._rounds: list[_Round] = []
        self._thread = Thread(target=self._run, name="continuous", daemon=True)
        self._thread.start()

    def wait(self, deadline: Deadline) -> None:
        """Wait until the first round has ended, or the deadline has passed."""
        for _ in deadline.ticks(PERIOD / 5):
            if self._rounds and self._rounds[0].attempts.done():
                return

    def end(self) -> tuple[tuple[Attempt, ...], ...]:
        """Stop probing, and return all attempts by position, oldest first. May be called repeatedly."""
        self._ended.set()
        self._thread.join()
        positions = max((len(past.questions) for past in self._rounds), default=0)
        attempts: list[list[Attempt]] = [[] for _ in range(positions)]
        for past in self._rounds:
            by_question, _ = past.attempts.result()
            for position, question in enumerate(past.questions):
                attempts[position].append(replace(by_question[question], at=past.at))
        return tuple(map(tuple, attempts))

    @property
    def spans(self) -> tuple[tuple[float, float], ...]:
        """When each round began and ended, in seconds; those that have ended, oldest first."""
        return tuple((past.at, past.attempts.result()[1]) for past in self._rounds if past.attempts.done())

    def _timed_round(self, questions: Sequence[Question]) -> tuple[Mapping[Question, Attempt], float]:
        return run_round(self._prober, questions), time.monotonic() - self._since

    def _run(self) -> None:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="continuous") as pool:
            for _ in Deadline(LONGEST).ticks(PERIOD):
                if self._ended.is_set():
                    return
                running = sum(not past.attempts.done() for past in self._rounds[-AT_ONCE:])
                if running < AT_ONCE:
                    self._start_round(pool, running)

    def _start_round(self, pool: ThreadPoolExecutor, running: int) -> None:
        questions: tuple[Question, ...] = ()
        with suppress(HarnessError):
            questions = tuple(self._source())
        exclusive = any(question.probe.source_port for question in questions)
        if questions and not (exclusive and running):  # only one probe at a time can use a source port
            at = time.monotonic() - self._since
            log.debug("continuous round at %.3f s: %d paths", at, len(questions))
            self._rounds.append(_Round(at, questions, pool.submit(self._timed_round, questions)))
