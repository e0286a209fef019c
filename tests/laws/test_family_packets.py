"""Law: under any policies, packets of both IP families pass or not as the text of networking.k8s.io/v1 says.

Every pod has an address of each family, and blocks are of either. The text is read three times, as in
``test_policy_packets``; the reading by brute force sees the addresses of one family at a time.
"""

import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_harness.emulator.dataplane.ruleset import ruleset
from netpol_harness.emulator.dataplane.transaction import EMPTY, transaction
from netpol_harness.ip_family import IpFamily
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import World
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.profiles import EMBEDDED
from netpol_harness.oracle.verdict import Answer, Flow, Host
from tests.laws.reading import Reading
from tests.laws.small_clusters import NAMES, OUTSIDE, PATHS, PODS, PORTS, Cluster, Dict, Path, clusters
from tests.laws.test_policy_packets import OUTCOMES, law

PREFIXES = {"10.244.0.": "fd00:10:244::", "203.0.113.": "2001:db8:203:113::"}
WIDE = {"0.0.0.0/0": "::/0", "10.244.0.0/16": "fd00:10:244::/64", "172.16.0.0/12": "fd99::/16"}


def of_ipv6(address: str) -> str:
    """Return the IPv6 address of the same pod or host."""
    start, last = address[: address.rindex(".") + 1], address[address.rindex(".") + 1 :]
    return f"{PREFIXES[start]}{int(last):x}" if int(last) else PREFIXES[start]


def network_of_ipv6(cidr: str) -> str:
    """Return the IPv6 network that contains the same pods and hosts."""
    network, _, length = cidr.partition("/")
    return WIDE.get(cidr) or f"{of_ipv6(network)}/{96 + int(length)}"


ADDRESSES = {4: {address: address for address in (*PODS.values(), *OUTSIDE)}}
ADDRESSES[6] = {address: of_ipv6(address) for address in ADDRESSES[4]}
VERSIONS = (4, 6)


def with_both_families(objects: Cluster, chance: random.Random) -> Cluster:
    """Return the cluster with an IPv6 address for each pod, and IPv6 networks in some of the blocks."""
    for data in objects:
        if data["kind"] == "Pod":
            (entry,) = data["status"]["podIPs"]
            data["status"]["podIPs"] = [entry, {"ip": of_ipv6(entry["ip"])}]
        elif data["kind"] == "NetworkPolicy":
            data["spec"] = {**data["spec"], **{key: _rules(data["spec"][key], chance) for key in _kinds(data["spec"])}}
    return objects


def _kinds(spec: Dict) -> list[str]:
    return [key for key in ("ingress", "egress") if key in spec]


def _rules(rules: list[Dict], chance: random.Random) -> list[Dict]:
    return [{key: [_peer(entry, chance) for entry in entries] for key, entries in rule.items()} for rule in rules]


def _peer(entry: Dict, chance: random.Random) -> Dict:
    block = entry.get("ipBlock")
    if not block or ":" in block["cidr"] or chance.randrange(2):
        return entry
    excepts = {"except": [*map(network_of_ipv6, block["except"])]} if "except" in block else {}
    return {"ipBlock": {"cidr": network_of_ipv6(block["cidr"]), **excepts}}


def view(objects: Cluster, version: int) -> list[Dict]:
    """Return the objects as somebody sees them who knows one IP version only."""
    return [
        {**o, "status": {"podIPs": [{"ip": o["status"]["podIPs"][version == 6]["ip"]}]}} if o["kind"] == "Pod" else o
        for o in objects
    ]


@pytest.fixture(scope="module")
def hosts(new_lab: Any) -> Iterator[Any]:
    with new_lab(1, IpFamily.DUAL) as lab:
        lab.hosts([ADDRESSES[version][address] for version in VERSIONS for address in ADDRESSES[version]], PORTS)
        yield lab


def probe(path: Path, version: int) -> Path:
    """Return the path between the addresses of one IP version."""
    source, target, protocol, port = path
    return ADDRESSES[version][source], ADDRESSES[version][target], protocol, port


@pytest.mark.live
@settings(law, max_examples=75)
@given(clusters, st.integers(0, 999))
def test_packets_of_both_families_follow_the_policies(hosts: Any, objects: Cluster, seed: int) -> None:
    objects = with_both_families(objects, random.Random(seed))
    world = World.parse(objects)
    oracle = Oracle(world, EMBEDDED)
    hosts.flush()
    hosts.apply(transaction(EMPTY, ruleset(world)))
    expected: dict[Path, Answer] = {}
    for version in VERSIONS:
        reading = Reading(view(objects, version))
        read = {path: allowed(reading, path, version) for path in PATHS}
        assert {path: oracle.judge(flow(path, version)).answer for path in PATHS} == read
        expected |= {probe(path, version): answer for path, answer in read.items()}
    outcomes = hosts.probe([*expected], patience=0.05)
    doubtful = [path for path, outcome in outcomes.items() if outcome != OUTCOMES[expected[path]]]
    confirmed = hosts.probe(doubtful, patience=0.3) if doubtful else {}
    wrong = {path: outcome for path, outcome in confirmed.items() if outcome != OUTCOMES[expected[path]]}
    for path, outcome in islice(wrong.items(), 1):
        pytest.fail(f"{path} is {outcome}, and {len(wrong) - 1} more are wrong\n{objects.within('xyz')}", pytrace=False)


def allowed(reading: Reading, path: Path, version: int) -> Answer:
    source, target, protocol, port = path
    ends = [NAMES.get(address, ADDRESSES[version][address]) for address in (source, target)]
    return Answer.ALLOWED if reading.allows(ends[0], ends[1], protocol, port) else Answer.BLOCKED


def flow(path: Path, version: int) -> Flow:
    source, target, protocol, port = path
    return Flow(end(source, version), end(target, version), Port(Protocol(protocol), port), version=version)


def end(address: str, version: int) -> NamespacedName | Host:
    return NamespacedName(*NAMES[address]) if address in NAMES else Host(ADDRESSES[version][address])
