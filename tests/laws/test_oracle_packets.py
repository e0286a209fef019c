"""Law: packets under the embedded dataplane do what the oracle says of them, under the profile of that dataplane.

Oracle and ruleset read the specification apart from each other; here they meet, on real packets.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from harness.cluster.embedded.ruleset.table import ruleset
from harness.cluster.embedded.ruleset.transaction import EMPTY, transaction
from harness.model.flow import PodRef, Port, Protocol
from harness.model.objects import World
from harness.model.oracle.oracle import Oracle
from harness.model.oracle.profiles import EMBEDDED
from harness.model.oracle.verdict import Answer, Flow, Outside
from tests.laws.small_clusters import NAMES, OUTSIDE, PATHS, PODS, PORTS, Cluster, Path, clusters

SEEN_AS = {Answer.ALLOWED: "connected", Answer.BLOCKED: "silent"}


@pytest.fixture(scope="module")
def hosts(lab: Any) -> Any:
    lab.hosts([*PODS.values(), *OUTSIDE], PORTS)
    return lab


@pytest.mark.live
@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(objects=clusters)
def test_packets_do_what_the_oracle_says(hosts: Any, objects: Cluster) -> None:
    world = World.parse(objects)
    hosts.forget()
    hosts.apply(transaction(EMPTY, ruleset(world)))
    oracle = Oracle(world, EMBEDDED)
    expected = {path: SEEN_AS[oracle.judge(flow(path)).answer] for path in PATHS}
    wrong = [path for path, outcome in hosts.probe(PATHS, patience=0.03).items() if outcome != expected[path]]
    confirmed = hosts.probe(wrong, patience=0.3) if wrong else {}
    surprises = [path for path, outcome in confirmed.items() if outcome != expected[path]]
    for path in surprises[:1]:
        pytest.fail(f"{oracle.judge(flow(path))}, but {confirmed[path]}\n{objects.around(path)}", pytrace=False)


def flow(path: Path) -> Flow:
    source, target, protocol, port = path
    return Flow(end(source), end(target), Port(Protocol(protocol), port))


def end(address: str) -> PodRef | Outside:
    return PodRef(*NAMES[address]) if address in NAMES else Outside(address)
