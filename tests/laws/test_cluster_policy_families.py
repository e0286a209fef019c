"""Law: with ClusterNetworkPolicies, packets over IPv6 alone and of both IP families pass or not as the API says.

The three readings are those of ``test_cluster_policy_packets``; the one by brute force sees the addresses of one IP
version at a time.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from netpol_harness.emulator.dataplane.ruleset import ruleset
from netpol_harness.emulator.dataplane.transaction import EMPTY, transaction
from netpol_harness.ip_family import IpFamily
from netpol_harness.model.objects import World
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.verdict import Answer
from tests.laws.cluster_policies import DOMAIN_NAMES, with_tiers
from tests.laws.cluster_reading import TieredReading
from tests.laws.dense_clusters import NODES, from_seed, usual
from tests.laws.small_clusters import NAMES, PATHS, PORTS, Cluster, Dict, Path
from tests.laws.test_cluster_policy_packets import ANSWERS, LEARNING, OUTCOMES, is_open, packets
from tests.laws.test_family_packets import ADDRESSES, flow, network_of_ipv6, probe, view, with_both_families

NODES_OF_IPV6 = {address: f"2001:db8:ffff::{number}" for number, address in enumerate(NODES.values(), start=1)}
NAMES_OF_BOTH = {name: (*addresses, ADDRESSES[6][addresses[0]]) for name, addresses in DOMAIN_NAMES.items()}
"""What name servers answer: not every host has a record of each IP version."""


def drawn(random: Random) -> Cluster:
    """Draw a cluster of both IP families, with networks of either in its policies."""
    objects = with_both_families(with_tiers(random, usual(random), misplaced=0.1), random)
    for data in objects:
        if data["kind"] == "Node":
            addresses = data["status"]["addresses"]
            other = [{**a, "address": NODES_OF_IPV6[a["address"]]} for a in addresses if a["type"] == "InternalIP"]
            data["status"]["addresses"] = [*addresses, *other]
        elif data["kind"] == "ClusterNetworkPolicy":
            for rule in data["spec"].get("egress", []):
                rule["to"] = [_peer(entry, random) for entry in rule["to"]]
    return objects


def _peer(entry: Dict, random: Random) -> Dict:
    if "networks" not in entry:
        return entry
    networks = entry["networks"]
    return {"networks": [n if ":" in n or random.random() < 0.5 else network_of_ipv6(n) for n in networks]}


def only_ipv6(objects: Cluster) -> Cluster:
    """Return the cluster as it is where pods and nodes have no IPv4 address."""
    return Cluster(map(_node_of_ipv6, view(objects, 6)))


def _node_of_ipv6(data: Dict) -> Dict:
    if data["kind"] != "Node":
        return data
    left = [address for address in data["status"]["addresses"] if address["address"] not in NODES_OF_IPV6]
    return {**data, "status": {"addresses": left}}


@pytest.fixture(scope="module", params=[IpFamily.IPV6, IpFamily.DUAL], ids=lambda family: family.value)
def hosts_of(request: pytest.FixtureRequest, new_lab: Callable[..., Any]) -> Iterator[tuple[Any, IpFamily]]:
    family: IpFamily = request.param
    with new_lab(1, family) as lab:
        lab.hosts([address for version in family.versions for address in ADDRESSES[version].values()], PORTS)
        yield lab, family


@pytest.mark.live
@settings(packets, max_examples=20)
@given(objects=from_seed(drawn))
def test_packets_of_each_family_follow_the_tiers(hosts_of: tuple[Any, IpFamily], objects: Cluster) -> None:
    hosts, family = hosts_of
    objects = objects if family is IpFamily.DUAL else only_ipv6(objects)
    world = replace(World.parse(objects), domain_names=NAMES_OF_BOTH)
    oracle = Oracle(world, LEARNING)
    hosts.flush()
    hosts.apply(transaction(EMPTY, ruleset(world)))
    expected: dict[Path, Answer] = {}
    for version in family.versions:
        seen = view(objects, version) if family is IpFamily.DUAL else objects
        reading = TieredReading(seen, ANSWERS, NAMES_OF_BOTH)
        read = {path: allowed(reading, path, version) for path in PATHS}
        verdicts = {path: oracle.judge(flow(path, version)) for path in PATHS}
        definite = {path: verdict.answer for path, verdict in verdicts.items() if not is_open(verdict)}
        assert definite == {path: read[path] for path in definite}
        expected |= {probe(path, version): answer for path, answer in read.items()}
    first = hosts.probe([*expected], patience=0.05)
    doubtful = [path for path, outcome in first.items() if outcome != OUTCOMES[expected[path]]]
    confirmed = hosts.probe(doubtful, patience=0.3) if doubtful else {}
    wrong = {path: outcome for path, outcome in confirmed.items() if outcome != OUTCOMES[expected[path]]}
    if wrong:
        path, outcome = next(iter(wrong.items()))
        pytest.fail(f"{path} is {outcome}, and {len(wrong) - 1} more are wrong\n{[*objects]}", pytrace=False)


def allowed(reading: TieredReading, path: Path, version: int) -> Answer:
    source, target, protocol, port = path
    ends = [NAMES.get(address, ADDRESSES[version][address]) for address in (source, target)]
    return Answer.ALLOWED if reading.allows(ends[0], ends[1], protocol, port) else Answer.BLOCKED
