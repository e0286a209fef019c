"""Asking the same questions again and again while something else goes on: a window of a moment is not missed.

Invariant: rounds begin one after the other, ``PERIOD`` seconds apart, whether or not the round before has ended (a
silent target takes its whole time-out), but no more than ``LANES`` at once. What is asked may change on the way, and is
told from what was asked before by its position.
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
from netpol_harness.probe.converge import ask
from netpol_harness.probe.prober import Prober
from netpol_harness.probe.question import Question
from netpol_harness.results.evidence import Attempt

log = logging.getLogger("netpol_harness.probe")

PERIOD = 0.05
LANES = 4
LONGEST = 3600.0  # seconds; who watches ends the watch long before

Look = Callable[[], Sequence[Question]]
"""What to ask now, by position; may be empty as long as there is nothing to ask. Raises ``HarnessError`` likewise."""


@dataclass(frozen=True, slots=True)
class _Round:
    at: float
    questions: tuple[Question, ...]
    answers: Future[Mapping[Question, Attempt]]


class ContinuousProbe:
    """A watch that has begun. ``since``: the monotonic moment from which the times of attempts are counted."""

    def __init__(self, prober: Prober, look: Look, *, since: float) -> None:
        self._prober = prober
        self._look = look
        self._since = since
        self._over = Event()
        self._rounds: list[_Round] = []
        self._thread = Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def wait(self, deadline: Deadline) -> None:
        """Return once the first round has been answered, or the deadline has passed."""
        for _ in deadline.ticks(PERIOD / 5):
            if self._rounds and self._rounds[0].answers.done():
                return

    def end(self) -> tuple[tuple[Attempt, ...], ...]:
        """Stop asking; all attempts by position, oldest first. May be called again."""
        self._over.set()
        self._thread.join()
        positions = max((len(one.questions) for one in self._rounds), default=0)
        attempts: list[list[Attempt]] = [[] for _ in range(positions)]
        for one in self._rounds:
            answers = one.answers.result()
            for position, question in enumerate(one.questions):
                attempts[position].append(replace(answers[question], at=one.at))
        return tuple(map(tuple, attempts))

    def _run(self) -> None:
        with ThreadPoolExecutor(LANES, thread_name_prefix="watch") as pool:
            for _ in Deadline(LONGEST).ticks(PERIOD):
                if self._over.is_set():
                    return
                under_way = sum(not one.answers.done() for one in self._rounds[-LANES:])
                if under_way < LANES:
                    self._begin_round(pool, under_way)

    def _begin_round(self, pool: ThreadPoolExecutor, under_way: int) -> None:
        questions: tuple[Question, ...] = ()
        with suppress(HarnessError):
            questions = tuple(self._look())
        narrow = any(question.probe.source_port for question in questions)
        if questions and not (narrow and under_way):  # a source port is one probe's at a time
            at = time.monotonic() - self._since
            log.debug("continuous round at %.3f s: %d paths", at, len(questions))
            self._rounds.append(_Round(at, questions, pool.submit(ask, self._prober, questions)))
