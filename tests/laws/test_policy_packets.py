"""Law: under any policies, packets pass or not as the text of networking.k8s.io/v1 says.

It does not matter which pod is on which node. The text is read three times, independently: by brute force in
``reading``, by the oracle under the profile of this dataplane, and by the ruleset, which real packets compare with the
other two.
"""

import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from netpol_harness.emulator.address_plan import IPV4_ONLY
from netpol_harness.emulator.dataplane.ruleset import ruleset
from netpol_harness.emulator.dataplane.transaction import EMPTY, transaction
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import World
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.profiles import EMBEDDED
from netpol_harness.oracle.verdict import Answer, Flow, Host
from tests.laws.reading import Reading
from tests.laws.small_clusters import NAMES, OUTSIDE, PATHS, PODS, PORTS, Cluster, Path, clusters

NODES = tuple(IPV4_ONLY.node(index).name for index in range(3))
OUTCOMES = {Answer.ALLOWED: "connected", Answer.BLOCKED: "silent"}


@pytest.fixture(scope="module")
def hosts(lab: Any) -> Any:
    lab.hosts([*PODS.values(), *OUTSIDE], PORTS)
    return lab


@pytest.fixture(scope="module", params=["placement-1", "placement-2"])
def placed(request: pytest.FixtureRequest, new_lab: Any) -> Iterator[tuple[Any, dict[str, int]]]:
    """A lab with each pod on a node by chance, and hosts outside beside them; and the nodes of the pods' addresses."""
    chance = random.Random(request.param)
    places = {address: chance.randrange(len(NODES)) for address in PODS.values()}
    with new_lab(len(NODES)) as lab:
        for address, node in places.items():
            lab.hosts([address], PORTS, node=node)
        lab.hosts([*OUTSIDE], PORTS, node=None)
        yield lab, places


law = settings(
    max_examples=150,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.live
@law
@given(objects=clusters)
def test_packets_follow_the_policies(hosts: Any, objects: Cluster) -> None:
    world = World.parse(objects)
    hosts.flush()
    hosts.apply(transaction(EMPTY, ruleset(world)))
    check(hosts, world, objects)


@pytest.mark.live
@settings(law, max_examples=75)
@given(objects=clusters)
def test_packets_follow_the_policies_across_nodes(placed: tuple[Any, dict[str, int]], objects: Cluster) -> None:
    hosts, places = placed
    for data in objects:
        if data["kind"] == "Pod":
            data["spec"]["nodeName"] = NODES[places[data["status"]["podIPs"][0]["ip"]]]
    world = World.parse(objects)
    hosts.flush()
    for number, node in enumerate(NODES):
        hosts.apply(transaction(EMPTY, ruleset(world, node=node)), node=number)
    check(hosts, world, objects)


def check(hosts: Any, world: World, objects: Cluster) -> None:
    """Compare the three readings with the packets."""
    reading, oracle = Reading(objects), Oracle(world, EMBEDDED)
    expected = {path: allowed(reading, path) for path in PATHS}
    assert {path: predicted(oracle, path) for path in PATHS} == expected
    wrong = [path for path, outcome in hosts.probe(PATHS, patience=0.03).items() if outcome != OUTCOMES[expected[path]]]
    confirmed = hosts.probe(wrong, patience=0.3) if wrong else {}
    differences = {path: outcome for path, outcome in confirmed.items() if outcome != OUTCOMES[expected[path]]}
    for path, outcome in islice(differences.items(), 1):
        reasons = f"{oracle.judge(flow(path))}\n{objects.around(path)}"
        pytest.fail(f"{path} is {outcome}, and {len(differences) - 1} more are wrong\n{reasons}", pytrace=False)


def allowed(reading: Reading, path: Path) -> Answer:
    source, target, protocol, port = path
    passes = reading.allows(NAMES.get(source, source), NAMES.get(target, target), protocol, port)
    return Answer.ALLOWED if passes else Answer.BLOCKED


def predicted(oracle: Oracle, path: Path) -> Answer:
    return oracle.judge(flow(path)).answer


def flow(path: Path) -> Flow:
    source, target, protocol, port = path
    return Flow(end(source), end(target), Port(Protocol(protocol), port))


def end(address: str) -> NamespacedName | Host:
    return NamespacedName(*NAMES[address]) if address in NAMES else Host(address)
