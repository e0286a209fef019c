"""The rows of the canary alone on two nodes that enforce in part only, and over networks that are broken in part."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.select import BackendChoice
from netpol_harness.cli import main
from netpol_harness.lab import Lab, Settings
from netpol_harness.model.json_object import JsonMapping
from tests.liars.front import fronted
from tests.liars.network.wire import Wire

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
Rows = Mapping[tuple[str, str, str], str]
"""The results by direction, protocol and pairing."""

Weaken = Callable[[JsonMapping, str], JsonMapping]
"""What a webhook makes of the specification of a policy, given the addresses of the pods on the other node."""

EVERY_UDP = {"ports": [{"protocol": "UDP"}]}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(BackendChoice(EmbeddedBackend(nodes=2), "for a test"), Settings()) as lab:
        yield lab


def rows(capsys: pytest.CaptureFixture[str]) -> tuple[int, Rows, Mapping[str, Any]]:
    code = main(["canary", "--cluster", "kubeconfig", "-o", "json"])
    table = json.loads(capsys.readouterr().out)
    assert table["leftovers"] == []
    return code, {(r["direction"], r["protocol"], r["pods"]): r["result"] for r in table["rows"]}, table


def egress_open(spec: JsonMapping, _: str) -> JsonMapping:
    return {**spec, "egress": [{}]} if "Egress" in spec["policyTypes"] else spec


def udp_open(spec: JsonMapping, _: str) -> JsonMapping:
    return {**spec, **{d.lower(): [*spec.get(d.lower(), ()), EVERY_UDP] for d in spec["policyTypes"]}}


def ingress_open_between_nodes(spec: JsonMapping, others: str) -> JsonMapping:
    if "Ingress" not in spec["policyTypes"]:
        return spec
    return {**spec, "ingress": [*spec.get("ingress", ()), {"from": [{"ipBlock": {"cidr": others}}]}]}


@pytest.mark.parametrize(
    ("weaken", "is_open"),
    [
        (egress_open, lambda direction, protocol, pods: direction == "egress"),
        (udp_open, lambda direction, protocol, pods: protocol == "UDP"),
        (ingress_open_between_nodes, lambda direction, protocol, pods: (direction, pods) == ("ingress", "two nodes")),
    ],
    ids=["a-direction", "a-protocol", "a-pairing"],
)
def test_what_is_not_enforced_is_named_alone(
    weaken: Weaken,
    is_open: Callable[[str, str, str], bool],
    lab: Lab,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, second = (node["spec"]["podCIDR"] for node in lab.context.client.list("v1", "Node"))
    others: list[str] = []

    def change(data: JsonMapping) -> JsonMapping:
        """Weaken a policy. The guarded pod is created first, and is alone then: its node is known when one comes."""
        if data["kind"] != "NetworkPolicy":
            return data
        if not others:
            pods = lab.context.client.list("v1", "Pod", namespace=data["metadata"]["namespace"])
            (address,) = (p["status"]["podIP"] for p in pods if p["metadata"]["name"] == "canary-guarded")
            others.append(second if address.startswith(first.rpartition(".")[0]) else first)
        return {**data, "spec": weaken(data["spec"], others[0])}

    with fronted(lab.cluster.kubeconfig, tmp_path, change=change) as (own, _):
        monkeypatch.setenv("KUBECONFIG", str(own))
        code, found, table = rows(capsys)
    assert code == 1, table
    assert found == {name: "NOT ENFORCED" if is_open(*name) else "ENFORCED" for name in found}, table
    assert len(set(found.values())) == 2


def everything(wire: Wire) -> AbstractContextManager[None]:
    return wire.rules("drop")


def udp(wire: Wire) -> AbstractContextManager[None]:
    return wire.rules("udp dport 8081 drop")


@pytest.mark.parametrize(
    ("broken", "is_broken"),
    [
        (everything, lambda direction, protocol, pods: pods == "two nodes"),
        (udp, lambda direction, protocol, pods: (protocol, pods) == ("UDP", "two nodes")),
    ],
    ids=["between-nodes", "a-protocol-between-nodes"],
)
def test_what_a_broken_network_closes_is_inconclusive(
    broken: Callable[[Wire], AbstractContextManager[None]],
    is_broken: Callable[[str, str, str], bool],
    lab: Lab,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The cluster's process is in the namespace of the router between the nodes."""
    monkeypatch.setenv("KUBECONFIG", str(lab.cluster.kubeconfig))
    with broken(Wire(int((lab.directory / "embedded.pid").read_text()))):
        code, found, table = rows(capsys)
    assert code == 2, table
    assert found == {name: "INCONCLUSIVE" if is_broken(*name) else "ENFORCED" for name in found}, table
    assert len(set(found.values())) == 2
