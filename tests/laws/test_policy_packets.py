"""Law: under any policies, packets pass or not as the text of networking.k8s.io/v1 says.

The text is read three times, independently: by brute force in ``reading``, by the oracle under the profile of this
dataplane, and by the ruleset, which real packets compare with the other two.
"""

from itertools import islice
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from netpol_harness.emulator.dataplane.ruleset import ruleset
from netpol_harness.emulator.dataplane.transaction import EMPTY, transaction
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import World
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.profiles import EMBEDDED
from netpol_harness.oracle.verdict import Answer, Flow, Host
from tests.laws.reading import Reading
from tests.laws.small_clusters import NAMES, OUTSIDE, PATHS, PODS, PORTS, Cluster, Path, clusters

OUTCOMES = {Answer.ALLOWED: "connected", Answer.BLOCKED: "silent"}


@pytest.fixture(scope="module")
def hosts(lab: Any) -> Any:
    lab.hosts([*PODS.values(), *OUTSIDE], PORTS)
    return lab


@pytest.mark.live
@settings(
    max_examples=150,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(objects=clusters)
def test_packets_follow_the_policies(hosts: Any, objects: Cluster) -> None:
    world = World.parse(objects)
    hosts.flush()
    hosts.apply(transaction(EMPTY, ruleset(world)))
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
