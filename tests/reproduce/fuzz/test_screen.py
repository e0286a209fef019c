"""Screening: one round if all is right at once, else until it is right, and then everything once more."""

from collections.abc import Mapping

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.question import Probe, Question
from netpol_harness.reproduce.fuzz.screen import attempts_at
from netpol_harness.results.evidence import Attempt, Reply

ONE, OTHER = (
    Question(NamespacedName("x", "a"), Probe(Scheme.TCP, "10.244.0.1", port), Expected.ALLOWED) for port in (80, 81)
)


class Network:
    """A network that opens the port 81 after some rounds, and closes the port 80 after as many."""

    def __init__(self, late: int) -> None:
        self.rounds: list[tuple[Question, ...]] = []
        self._late = late

    def probe(self, questions: tuple[Question, ...]) -> Mapping[Question, Attempt]:
        self.rounds.append(questions)
        is_late = len(self.rounds) <= self._late
        return {q: _attempt(is_open=is_late if q is ONE else not is_late) for q in questions}


def _attempt(*, is_open: bool) -> Attempt:
    return Attempt(0.0, Reply(Outcome.CONNECTED if is_open else Outcome.TIMED_OUT))


def test_what_is_right_at_once_is_not_probed_again() -> None:
    network = Network(late=1)
    assert attempts_at((ONE,), network.probe, 60)[ONE].is_open
    assert network.rounds == [(ONE,)]


def test_a_late_dataplane_is_probed_once_more_when_it_has_caught_up() -> None:
    network = Network(late=2)
    attempts = attempts_at((ONE, OTHER), network.probe, 60)
    assert network.rounds == [(ONE, OTHER), (OTHER,), (OTHER,), (ONE, OTHER)]
    assert (attempts[ONE].is_open, attempts[OTHER].is_open) == (False, True)


def test_patience_ends() -> None:
    network = Network(late=1000)
    assert not attempts_at((OTHER,), network.probe, 0.0)[OTHER].is_open
    assert len(network.rounds) <= 3
