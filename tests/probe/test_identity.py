"""Who answered: what servers tell of themselves, inside their pod and to others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.converge import Convergence
from netpol_harness.probe.identity import SILENCES, Identification, named
from netpol_harness.probe.plan.question import PodProbe, Probe, Question
from netpol_harness.probe.pod_prober import ProbeMethod
from netpol_harness.probe.prober import Load
from netpol_harness.results.evidence import Attempt, Identity, Reply
from netpol_harness.timeouts import Timeouts

CLIENT, SERVER, OTHER, DNS = (NamespacedName("shop", name) for name in ("client", "server", "other", "dns"))
PROBE = Probe(Scheme.TCP, "10.0.0.1", 80, source_port=4000)
LISTENER = (SERVER, Probe(Scheme.TCP, "10.0.0.1", 80))
QUESTION = Question(CLIENT, PROBE, Expected.ALLOWED, (LISTENER,))
SILENT = Reply(Outcome.TIMED_OUT, "no answer")
NO_TOOL = Reply(Outcome.PROBE_FAILED, "no tool for TCP in the container")
QUICK = Timeouts(probe=0.2, settle=0.0, interval=0.001, exec=5, ready=1, cluster=1)


def reply(name: str) -> Reply:
    return Reply(Outcome.CONNECTED, name, "curl")


@dataclass
class Names:
    """A prober of open paths that is told these names in these pods, one after the other, the last for ever."""

    names: Mapping[NamespacedName, list[Reply]]
    rounds: list[list[PodProbe]] = field(default_factory=list)
    load = Load(1, 1)

    def observe(self, batches: Mapping[NamespacedName, list[Probe]], *_: Any) -> Mapping[PodProbe, Reply]:
        pairs = [(pod, probe) for pod, probes in batches.items() for probe in probes]
        self.rounds += [pairs] if pairs else []
        return {pair: self._next(pair[0]) if pair[1].asks_name else reply("") for pair in dict.fromkeys(pairs)}

    def prepare(self, pods: Any) -> None: ...

    def asked(self, pod: NamespacedName) -> int:
        """In how many rounds this pod has asked for a name."""
        return sum(any(asker == pod and probe.asks_name for asker, probe in pairs) for pairs in self.rounds)

    def _next(self, pod: NamespacedName) -> Reply:
        names = self.names[pod]
        return names.pop(0) if len(names) > 1 else names[0]


def last_attempts(
    names: Names,
    *questions: Question,
    identification: Identification | None = None,
    method: ProbeMethod = ProbeMethod.CLI,
) -> Sequence[Attempt]:
    identification = identification or Identification()
    convergence = Convergence(names, questions, QUICK, method=method, identification=identification)  # type: ignore[arg-type]
    convergence.settle()
    evidence = convergence.confirm()
    return [evidence[question].attempts[-1] for question in questions]


def answer(attempt: Attempt) -> str:
    if attempt.identity is None:
        return "unknown"
    return "another" if attempt.is_foreign else "the target"


@pytest.mark.parametrize(
    ("inside", "outside", "expected"),
    [
        (reply("server"), [reply("server")], "the target"),
        (reply("server"), [SILENT, reply("server")], "the target"),
        (reply("server"), [reply("other")], "another"),
        (reply("server"), [reply("")], "another"),
        (reply("server"), [SILENT], "another"),
        (reply("server"), [NO_TOOL], "unknown"),
        (reply(""), [reply("other")], "unknown"),
        (reply("something"), [reply("something")], "unknown"),
        (SILENT, [reply("other")], "unknown"),
    ],
)
def test_who_answers_others_must_be_who_answers_inside(inside: Reply, outside: list[Reply], expected: str) -> None:
    (attempt,) = last_attempts(Names({SERVER: [inside], CLIENT: outside}), QUESTION)
    assert answer(attempt) == expected


def test_names_cost_no_round() -> None:
    names = Names({SERVER: [reply("server")], CLIENT: [reply("server")]})
    last_attempts(names, QUESTION)
    assert len(names.rounds) == 2
    assert (names.asked(SERVER), names.asked(CLIENT)) == (1, 1)


def test_behind_a_service_each_of_its_pods_may_answer_if_all_tell_their_names() -> None:
    both = Question(CLIENT, PROBE, Expected.ALLOWED, (LISTENER, (OTHER, LISTENER[1])))
    for inside, expected in (("other", "the target"), ("", "unknown")):
        names = Names({SERVER: [reply("server")], OTHER: [reply(inside)], CLIENT: [reply("other")]})
        (attempt,) = last_attempts(names, both)
        assert answer(attempt) == expected


def test_a_listener_that_is_known_is_not_asked_again() -> None:
    names, identification = Names({SERVER: [reply("server")], CLIENT: [reply("server")]}), Identification()
    for _ in range(3):
        last_attempts(names, QUESTION, identification=identification)
    assert names.asked(SERVER) == 1


def test_a_listener_that_was_slow_is_asked_again_and_one_that_stays_silent_is_left_alone() -> None:
    names, identification = Names({SERVER: [SILENT, reply("server")], CLIENT: [reply("other")]}), Identification()
    (attempt,) = last_attempts(names, QUESTION, identification=identification)
    assert answer(attempt) == "another"
    names, identification = Names({SERVER: [SILENT], CLIENT: [reply("other")]}), Identification()
    for _ in range(SILENCES):
        (attempt,) = last_attempts(names, QUESTION, identification=identification)
    assert answer(attempt) == "unknown"
    assert names.asked(SERVER) == SILENCES


def test_held_connections_name_servers_and_other_schemes_are_not_identified() -> None:
    held = replace(QUESTION, probe=Probe(Scheme.TCP, "10.0.0.1", 80, connection="held"))
    ping = replace(QUESTION, probe=Probe(Scheme.ICMP, "10.0.0.1", 0))
    unresolved = Question(CLIENT, Probe(Scheme.TCP, "svc", 80), Expected.UNRESOLVED, ((DNS, LISTENER[1]),))
    questions = (held, ping, unresolved)
    requests = Identification().requests(questions, questions, per_pod=False)
    assert list(requests.pairs) == []


def test_tcp_and_http_share_a_request_whatever_port_they_come_from() -> None:
    http = Probe(Scheme.HTTP, "10.0.0.1", 80, addresses=frozenset({"10.0.0.1"}))
    assert named((CLIENT, PROBE)) == named((CLIENT, http))
    assert named((CLIENT, replace(http, scheme=Scheme.UDP))) != named((CLIENT, http))


def test_in_a_large_table_one_port_of_a_pod_stands_for_all_of_its_ports() -> None:
    def question(port: int, scheme: Scheme = Scheme.TCP) -> Question:
        probe = Probe(scheme, "10.0.0.1", port)
        return Question(CLIENT, probe, Expected.ALLOWED, ((SERVER, probe),))

    questions = [question(80), question(81), question(82, Scheme.UDP)]
    names = Names({SERVER: [reply("server")], CLIENT: [reply("decoy")]})
    attempts = last_attempts(names, *questions, method=ProbeMethod.PYTHON)
    assert {attempt.identity for attempt in attempts} == {Identity("decoy", frozenset({"server"}))}
    assert [probe.port for pod, probe in names.rounds[1] if pod == CLIENT and probe.asks_name] == [80, 82]


def test_a_port_that_is_denied_does_not_speak_for_the_others() -> None:
    identification = Identification()
    first, second = (replace(QUESTION, probe=Probe(Scheme.TCP, "10.0.0.1", port)) for port in (80, 81))
    requests = identification.requests([first, second], [], per_pod=True)
    identification.identities(requests, {listener: reply("server") for listener in requests.listeners})
    requests = identification.requests([first, second], [first, second], per_pod=True)
    pair = named((CLIENT, first.probe))
    replies = {(CLIENT, first.probe): SILENT, (CLIENT, second.probe): reply(""), pair: SILENT}
    assert set(identification.identities(requests, replies)) == {first}


def test_datagrams_of_an_old_flow_are_not_identified_by_a_new_one() -> None:
    probe = Probe(Scheme.UDP, "10.0.0.1", 53, source_port=4000)
    listener = (SERVER, Probe(Scheme.UDP, "10.0.0.1", 53))
    question = Question(CLIENT, probe, Expected.UNDEFINED, (listener,))
    assert not list(Identification().requests([question], [question], per_pod=False).pairs)
    new_flow = replace(question, probe=replace(probe, source_port=0))
    assert list(Identification().requests([new_flow], [new_flow], per_pod=False).pairs)
