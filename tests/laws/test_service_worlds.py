"""Law: under any Services and policies, packets go where the API text says, and pass if the policies there admit them.

Three readings are compared: that of ``small_services`` and ``reading``, by brute force; the resolver of paths with the
oracle; and the ruleset, by real packets.
"""

from itertools import islice
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings

from netpol_harness.emulator.dataplane.ruleset import ruleset
from netpol_harness.emulator.dataplane.transaction import EMPTY, transaction
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import World
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.profiles import EMBEDDED
from netpol_harness.oracle.verdict import Answer, Flow, Host
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.endpoints import Endpoint, PodEndpoint
from netpol_harness.paths.ends import AddressTarget, NodePortTarget
from tests.laws.reading import Reading
from tests.laws.small_clusters import NAMES, OUTSIDE, PODS, PORTS
from tests.laws.small_services import NODE, Front, fronts, worlds

Dict = dict[str, Any]
SOURCES = (*PODS.values(), *OUTSIDE)
OUTCOMES = {Answer.ALLOWED: "connected", Answer.BLOCKED: "silent"}


@pytest.fixture(scope="module")
def hosts(lab: Any) -> Any:
    lab.hosts([*PODS.values(), *OUTSIDE], PORTS)
    return lab


@pytest.mark.live
@settings(
    max_examples=40,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(objects=worlds())
def test_packets_to_services_follow_the_api_and_the_policies(hosts: Any, objects: list[Dict]) -> None:
    world = World.parse(objects)
    hosts.flush()
    hosts.apply(transaction(EMPTY, ruleset(world)))
    reading, resolver, oracle = Reading(objects), EndpointResolver(world, _outside()), Oracle(world, EMBEDDED)
    known = [*fronts(objects)]
    for front in known:
        assert {_socket(end) for end in _resolved(resolver, front)} == front.endpoints
    expected = {_probe(source, front): _outcomes(reading, source, front) for front in known for source in SOURCES}
    predicted = {
        _probe(source, front): _predicted(oracle, resolver, source, front) for front in known for source in SOURCES
    }
    assert predicted == expected
    outcomes = hosts.probe([*expected], patience=0.05)
    doubtful = [probe for probe, outcome in outcomes.items() if outcome not in expected[probe]]
    confirmed = hosts.probe(doubtful, patience=0.3) if doubtful else {}
    wrong = {probe: outcome for probe, outcome in confirmed.items() if outcome not in expected[probe]}
    for probe, outcome in islice(wrong.items(), 1):
        pytest.fail(f"{probe} is {outcome}, not {expected[probe]}\n{yaml.safe_dump_all(objects)}", pytrace=False)


def _outside() -> dict[str, tuple[str]]:
    return {f"host-{number}": (address,) for number, address in enumerate(OUTSIDE)}


def _probe(source: str, front: Front) -> tuple[str, str, str, int]:
    return source, front.address, front.protocol, front.port


def _outcomes(reading: Reading, source: str, front: Front) -> frozenset[str]:
    """Return what a client may observe: the answer of one endpoint, or a refusal if there is none."""
    if not front.endpoints:
        return frozenset({"refused"})
    answers = (
        reading.allows(NAMES.get(source, source), NAMES.get(a, a), front.protocol, number, virtual=front.address)
        for a, number in front.endpoints
    )
    return frozenset("connected" if answer else "silent" for answer in answers)


def _predicted(oracle: Oracle, resolver: EndpointResolver, source: str, front: Front) -> frozenset[str]:
    endpoints = _resolved(resolver, front)
    if not endpoints:
        return frozenset({"refused"})
    origin = NamespacedName(*NAMES[source]) if source in NAMES else Host(source)
    ends = ((e.pod.ref if isinstance(e, PodEndpoint) else Host(e.address), e.port) for e in endpoints)
    flows = (Flow(origin, end, port, virtual=front.address, forwarded=True) for end, port in ends)
    return frozenset(OUTCOMES[oracle.judge(flow).answer] for flow in flows)


def _resolved(resolver: EndpointResolver, front: Front) -> tuple[Endpoint, ...]:
    port = Port(Protocol(front.protocol), front.port)
    if front.address == NODE:
        return resolver.of_target(NodePortTarget(NamespacedName(*next(iter(PODS))), front.port), port)
    return resolver.of_target(AddressTarget(front.address, front.port), port)


def _socket(endpoint: Endpoint) -> tuple[str, int]:
    address = endpoint.pod.addresses[0] if isinstance(endpoint, PodEndpoint) else endpoint.address
    return address, endpoint.port.number
