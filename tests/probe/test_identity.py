"""Who answered: what servers tell of themselves, inside their pod and to others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from netpol_harness.deadline import Deadline
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.identity import Identification
from netpol_harness.probe.plan.question import Probe, Question
from netpol_harness.results.evidence import Identity, Reply

CLIENT, SERVER, OTHER = (NamespacedName("shop", name) for name in ("client", "server", "other"))
PROBE = Probe(Scheme.TCP, "10.0.0.1", 80, source_port=4000)
QUESTION = Question(CLIENT, PROBE, Expected.ALLOWED, ((SERVER, Probe(Scheme.TCP, "10.0.0.1", 80)),))


@dataclass
class Names:
    """A prober that is told these names in these pods, one after the other, the last for ever."""

    names: Mapping[NamespacedName, list[str]]
    asked: list[tuple[NamespacedName, Probe]] = field(default_factory=list)

    def observe(self, batches: Mapping[NamespacedName, list[Probe]], *_: Any) -> Any:
        pairs = [(pod, probe) for pod, probes in batches.items() for probe in probes]
        self.asked += pairs
        return {pair: Reply(Outcome.CONNECTED, self._next(pair[0])) for pair in pairs}

    def _next(self, pod: NamespacedName) -> str:
        names = self.names[pod]
        return names.pop(0) if len(names) > 1 else names[0]


def _answer(found: Mapping[Question, Identity], question: Question) -> str:
    if question not in found:
        return "unknown"
    return "another" if found[question].is_foreign else "the target"


@pytest.mark.parametrize(
    ("inside", "outside", "answer"),
    [
        ("server", ["server"], "the target"),
        ("server", ["", "server"], "the target"),
        ("server", ["other"], "another"),
        ("server", [""], "another"),
        ("", ["other"], "unknown"),
        ("something", ["something"], "unknown"),
    ],
)
def test_who_answers_others_must_be_who_answers_inside(inside: str, outside: list[str], answer: str) -> None:
    names = Names({SERVER: [inside], CLIENT: outside})
    found = Identification(names).of([QUESTION], Deadline(0.05), 0.001)  # type: ignore[arg-type]
    assert _answer(found, QUESTION) == answer


def test_behind_a_service_each_of_its_pods_may_answer_if_all_tell_their_names() -> None:
    both = Question(CLIENT, PROBE, Expected.ALLOWED, ((SERVER, PROBE), (OTHER, PROBE)))
    for inside, answer in (("other", "the target"), ("", "unknown")):
        names = Names({SERVER: ["server"], OTHER: [inside], CLIENT: ["other"]})
        found = Identification(names).of([both], Deadline(0.05), 0.001)  # type: ignore[arg-type]
        assert _answer(found, both) == answer


def test_a_listener_is_asked_once_a_run_and_connections_that_stay_open_are_not() -> None:
    names = Names({SERVER: ["server"], CLIENT: ["server"]})
    identification = Identification(names)  # type: ignore[arg-type]
    held = Question(CLIENT, Probe(Scheme.TCP, "10.0.0.1", 80, connection="held"), Expected.ALLOWED, ((SERVER, PROBE),))
    for _ in range(3):
        assert held not in identification.of([QUESTION, held], Deadline(0.05), 0.001)
    assert [pod for pod, _ in names.asked].count(SERVER) == 1
    assert {(probe.asks_name, probe.source_port) for _, probe in names.asked} == {(True, 0)}
