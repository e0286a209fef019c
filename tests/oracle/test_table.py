from collections.abc import Callable
from typing import Any

import pytest

from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import World
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.verdict import Answer, Flow

Build = Callable[..., World]
WEB, DNS = Port(Protocol.TCP, 80), Port(Protocol.UDP, 53)
HOST_PORT = NamespacedName("x", "host-port")
A, B, OTHER = NamespacedName("x", "a"), NamespacedName("x", "b"), NamespacedName("y", "a")
SPECS: list[dict[str, Any]] = [
    {"podSelector": {"matchLabels": {"pod": "a"}}, "ingress": [{"from": [{"podSelector": {}}]}]},
    {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": "web"}]}], "policyTypes": ["Egress"]},
]


def test_rows_destinations_and_counts_agree(world: Build) -> None:
    table = Oracle(world(*SPECS)).table([WEB, DNS])
    assert table.ports == (WEB, DNS)
    assert table.answer(OTHER, A, WEB) is Answer.BLOCKED
    assert table.answer(B, A, WEB) is Answer.UNDEFINED
    assert table.answer(B, B, WEB) is Answer.ALLOWED
    for port in table.ports:
        by_answer = {
            answer: [(source, target) for source in table.pods for target in table.destinations(source, port, answer)]
            for answer in Answer
        }
        assert {answer: len(cells) for answer, cells in by_answer.items()} == table.counts(port)
        assert sum(table.counts(port).values()) == len(table.pods) ** 2
        assert all(table.answer(*cell, port) is answer for answer, cells in by_answer.items() for cell in cells)


def test_every_cell_equals_the_verdict(world: Build) -> None:
    oracle = Oracle(world(*SPECS))
    table = oracle.table([WEB])
    for source in table.pods:
        for target in table.pods:
            assert table.answer(source, target, WEB) is oracle.judge(Flow(source, target, WEB)).answer


def test_a_port_that_the_node_has_too_keeps_its_name(world: Build) -> None:
    oracle = Oracle(world({"ingress": [{"ports": [{"port": "web"}]}]}))
    assert oracle.judge(Flow(OTHER, HOST_PORT, WEB)).answer is Answer.ALLOWED
    assert oracle.table([WEB]).answer(OTHER, HOST_PORT, WEB) is Answer.ALLOWED
    assert oracle.table([DNS]).answer(OTHER, HOST_PORT, DNS) is Answer.BLOCKED


def test_pods_that_have_ended_are_not_in_the_table(world: Build) -> None:
    table = Oracle(world()).table([WEB])
    assert NamespacedName("y", "ended") not in table.pods
    with pytest.raises(KeyError):
        table.answer(NamespacedName("y", "ended"), A, WEB)


def test_an_empty_world_has_an_empty_table() -> None:
    table = Oracle(World()).table([WEB])
    assert table.pods == ()
    assert set(table.counts(WEB).values()) == {0}
