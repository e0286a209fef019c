"""The addresses of stand-ins: of both families, on as many nodes as they need, and in the blocks of policies."""

import json
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import pytest

from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod
from netpol_harness.reproduce.capture.addresses import (
    ADDRESSES_OF_A_NODE,
    MOST_NODES,
    Addresses,
    Block,
    given_addresses,
    nodes_for,
    stand_in_range,
)
from netpol_harness.reproduce.capture.capture import Capture, capture
from netpol_harness.reproduce.capture.inputs import ClusterInput
from netpol_harness.reproduce.capture.redact import redacted
from netpol_harness.wellknown import CALICO_ADDRESSES_ANNOTATION


def pods(count: int, *addresses: str) -> list[Pod]:
    """So many pods, with the addresses at which ``{}`` is their number."""
    return [
        Pod(NamespacedName("shop", f"p{n}"), {}, addresses=tuple(text.format(n) for text in addresses))
        for n in range(count)
    ]


def test_a_stand_in_has_an_address_of_each_family_of_its_pod() -> None:
    given = given_addresses(pods(2, "fd01::{}", "10.9.0.{}"))
    assert given[NamespacedName("shop", "p1")] == (("fd01::1", "fd00:10:244::fd"), ("10.9.0.1", "10.244.0.253"))


def test_many_stand_ins_have_the_addresses_of_several_nodes() -> None:
    count = 2 * ADDRESSES_OF_A_NODE + 1
    given = given_addresses(pods(count, "10.9.0.1", "fd01::1"))
    last = given[NamespacedName("shop", f"p{count - 1}")]
    assert [new for _, new in last] == ["10.244.2.254", "fd00:10:244:2::fe"]
    every = [new for pairs in given.values() for _, new in pairs]
    assert len(set(every)) == len(every) == 2 * count
    assert nodes_for(count) == 3
    assert all(ip_address(new) in stand_in_range(ip_address(new).version, 3) for new in every)


def test_more_pods_than_any_cluster_has_addresses_get_none() -> None:
    assert given_addresses(pods(ADDRESSES_OF_A_NODE * MOST_NODES + 1, "10.9.0.1")) == {}


@pytest.mark.parametrize("cidr", ["10.9.0.0/16", "0.0.0.0/1", "10.244.0.0/16", "10.244.1.0/24"])
def test_a_block_contains_the_stand_ins_of_the_pods_that_it_contained(cidr: str) -> None:
    given = given_addresses(pods(200, "10.9.{}.1"))
    addresses = Addresses(tuple(pair for pairs in given.values() for pair in pairs), nodes_for(len(given)))
    policy = {"spec": {"ingress": [{"from": [{"ipBlock": {"cidr": cidr}}]}]}}
    peers = addresses.rewritten(policy)[0]["spec"]["ingress"][0]["from"]
    assert [old for old, new in addresses.pairs if contained(peers, new)] == [
        old for old, _ in addresses.pairs if Block.parse(cidr).contains(old)
    ]


def contained(peers: Sequence[Any], address: str) -> bool:
    blocks = (Block.parse(peer["ipBlock"]["cidr"], peer["ipBlock"].get("except") or ()) for peer in peers)
    return any(block.contains(address) for block in blocks)


def test_networks_that_are_too_many_for_a_peer_become_several_peers() -> None:
    given = given_addresses(pods(60, "10.9.{}.1"))
    addresses = Addresses(tuple(pair for pairs in given.values() for pair in pairs))
    policy = {"spec": {"ingress": [{"action": "Accept", "from": [{"networks": ["10.9.0.0/16"]}]}]}}
    peers = addresses.rewritten(policy)[0]["spec"]["ingress"][0]["from"]
    assert [len(peer["networks"]) for peer in peers] == [25, 25, 11]
    assert sum(peer["networks"].count(f"{new}/32") for peer in peers for _, new in addresses.pairs) == 60


def dual(count: int) -> Capture:
    """A capture of so many pods of both families, of which the even ones are in the block of a policy."""
    items: list[JsonObject] = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"p{n}", "namespace": "shop", "labels": {"n": f"{n}"}},
            "spec": {"containers": [{"name": "main", "image": "i", "ports": [{"containerPort": 80}]}]},
            "status": {"phase": "Running", "podIPs": [{"ip": f"10.9.{n % 2}.{n // 2}"}, {"ip": f"fd01::{n:x}"}]},
        }
        for n in range(count)
    ]
    block = {"ipBlock": {"cidr": "10.9.0.0/24"}}
    items.append(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "even", "namespace": "shop"},
            "spec": {"podSelector": {"matchLabels": {"n": "1"}}, "ingress": [{"from": [block]}]},
        }
    )
    return capture(ClusterInput("a test", tuple(items)))


def test_a_capture_says_which_cluster_its_stand_ins_need() -> None:
    found = dual(200)
    assert not any("ipBlocks" in warning for warning in found.warnings)
    assert "the addresses are those of 2 nodes: run the capture with --netpol-nodes 2" in found.notes
    assert "stand-ins have addresses of both IP families: run the capture with --netpol-ip-family dual" in found.notes
    assert found.nodes == 2


def test_a_redacted_capture_keeps_the_addresses_of_stand_ins() -> None:
    found = redacted(dual(200), b"key")
    chosen = [
        address
        for manifest in (data for group in found.objects.values() for data in group if data["kind"] == "Pod")
        for address in json.loads(manifest["metadata"]["annotations"][CALICO_ADDRESSES_ANNOTATION])
    ]
    assert len(chosen) == 400
    (policy,) = (data for group in found.policies.values() for data in group)
    peers = policy["spec"]["ingress"][0]["from"]
    assert sum(contained(peers, address) for address in chosen) == 100
