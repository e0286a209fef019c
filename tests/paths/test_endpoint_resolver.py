"""Where targets lead, by hand-written answers."""

from dataclasses import replace

import pytest

from netpol_harness.model.endpoint_slices import EndpointSlice, SliceEndpoint, SlicePort
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import ContainerPort, Pod, World
from netpol_harness.model.services import Service, ServicePort
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.endpoints import Endpoint, PodEndpoint
from netpol_harness.paths.ends import (
    AddressTarget,
    ClusterIPTarget,
    ExternalTarget,
    FqdnTarget,
    LoadBalancerTarget,
    NodePortTarget,
    PodTarget,
    ServiceTarget,
    Target,
)
from netpol_harness.wellknown import POD_NAME_LABEL


def name(text: str) -> NamespacedName:
    return NamespacedName("shop", text)


def tcp(number: int) -> Port:
    return Port(Protocol.TCP, number)


def pod(text: str, address: str, *, controller: str = "", http: int = 80) -> Pod:
    labels = {"app": controller or text}
    return Pod(name(text), labels, (ContainerPort(tcp(http), "http"),), (address,), controller=controller)


def service(text: str, app: str, *ports: ServicePort, address: str = "", headless: bool = False) -> Service:
    return Service(name(text), {"app": app}, ports, (address,) if address else (), headless)


def alias(text: str, of: str) -> Service:
    return Service(name(text), None, (), external_name=of)


def at(address: str) -> SliceEndpoint:
    return SliceEndpoint((address,))


def by_hand(service: str, number: int, *endpoints: SliceEndpoint, port: str = "") -> EndpointSlice:
    return EndpointSlice(
        name(f"{service}-{number}"), name(service), (SlicePort(port, Protocol.TCP, number),), endpoints
    )


WORLD = World(
    pods={
        p.ref: p
        for p in (
            pod("web-1", "10.0.0.1", controller="web"),
            pod("web-2", "10.0.0.2", controller="web", http=8080),
            replace(pod("web-3", "10.0.0.3", controller="web"), running=False),
            pod("db", "10.0.0.4"),
            replace(pod("edge", "10.0.0.6"), ports=(ContainerPort(tcp(80), "http", 18080),), node="n1"),
            replace(pod("far", "10.0.0.7"), ports=(ContainerPort(tcp(81), "http", 18080),), node="n2"),
            replace(pod("agent", "192.0.2.1"), host_network=True),
            replace(pod("proxy", "192.0.2.1"), host_network=True),
            Pod(NamespacedName("other", "web"), {"app": "web"}, (), ("10.0.0.5",)),
        )
    },
    services={
        s.ref: s
        for s in (
            service("web", "web", ServicePort(tcp(8000), "http", node_port=30080), address="10.96.0.1"),
            service("data", "db", ServicePort(tcp(33060), 3306), ServicePort(tcp(1), "no such name")),
            service("headless", "db", ServicePort(tcp(1), 2), headless=True),
            Service(
                name("by-hand"), None, (ServicePort(tcp(80), 80),), ("10.96.0.2",), external_ips=("203.0.113.200",)
            ),
            Service(name("nodes"), None, (ServicePort(tcp(80), 80),), headless=True),
            alias("alias", "web.shop.svc.cluster.local"),
            alias("alias-of-alias", "alias.shop.svc.cluster.local"),
            alias("loop", "loop.shop.svc.cluster.local"),
            alias("short", "web.shop.svc"),
            alias("away", "db.example.com"),
            alias("abroad", "mail.example.com"),
            alias("way-abroad", "abroad.shop.svc.cluster.local"),
        )
    },
    endpoint_slices=(
        by_hand("by-hand", 9, *map(at, ("10.0.0.4", "203.0.113.7", "198.51.100.9"))),
        by_hand("by-hand", 9, SliceEndpoint(("10.0.0.1",), ready=False)),
        by_hand("by-hand", 9, at("10.0.0.1"), port="other"),
        by_hand("nodes", 8, SliceEndpoint(("10.0.0.1", "10.0.0.4"))),
        by_hand("none", 9, at("10.0.0.1")),
    ),
)


def member(index: int) -> Pod:
    made = pod(f"ring-{index}", f"10.0.1.{index}", controller="ring")
    return replace(made, labels={POD_NAME_LABEL: f"ring-{index}"})


def test_a_replica_is_the_pod_of_this_index_whatever_others_run() -> None:
    random = [pod(f"web-{tail}", "10.0.0.9", controller="web") for tail in ("zz", "aa", "mm")]
    predicted = [pod(f"many/{index}", "10.0.2.9", controller="many") for index in range(12)]
    several = World(pods={p.ref: p for p in (*random, *predicted, member(4), member(6))})
    endpoints = EndpointResolver(several)

    def found(workload: str, replica: int) -> list[str]:
        return [each.ref.name for each in endpoints.pods_of(name(workload), replica)]

    assert [found("web", index) for index in range(4)] == [["web-aa"], ["web-mm"], ["web-zz"], []]
    assert [found("ring", index) for index in (0, 4, 5, 6)] == [[], ["ring-4"], [], ["ring-6"]]
    assert found("many", 10) == ["many/10"]


ENDPOINTS = EndpointResolver(WORLD, {"user": ("203.0.113.7",), "mail.example.com": ()})


@pytest.mark.parametrize(
    ("target", "arrivals"),
    [
        (PodTarget(name("web"), 1234), ["web-1:1234", "web-2:1234"]),
        (PodTarget(name("nothing"), 80), []),
        (ServiceTarget(name("web"), 8000), ["web-1:80", "web-2:8080"]),
        (FqdnTarget(name("data"), 33060), ["db:3306"]),
        (ClusterIPTarget(name("web"), 80), []),
        (LoadBalancerTarget(name("web"), 8000), ["web-1:80", "web-2:8080"]),
        (ServiceTarget(name("data"), 1), []),
        (ServiceTarget(name("headless"), 1), ["db:1"]),
        (ServiceTarget(name("headless"), 7), ["db:7"]),
        (ServiceTarget(name("by-hand"), 80), ["db:9", "user:9", "198.51.100.9:9"]),
        (ServiceTarget(name("by-hand"), 9), []),
        (ServiceTarget(name("nodes"), 7), ["web-1:7", "db:7"]),
        (ServiceTarget(name("alias"), 8000), ["web-1:80", "web-2:8080"]),
        (FqdnTarget(name("alias-of-alias"), 8000), ["web-1:80", "web-2:8080"]),
        (ServiceTarget(name("alias"), 80), []),
        (ServiceTarget(name("loop"), 80), []),
        (ServiceTarget(name("short"), 8000), []),
        (ServiceTarget(name("away"), 8000), []),
        (ServiceTarget(name("abroad"), 25), ["mail.example.com:25"]),
        (ServiceTarget(name("way-abroad"), 25), ["mail.example.com:25"]),
        (ServiceTarget(name("nothing"), 80), []),
        (NodePortTarget(name("db"), 30080), ["web-1:80", "web-2:8080"]),
        (NodePortTarget(name("db"), 8000), []),
        (NodePortTarget(name("edge"), 18080), ["edge:80"]),
        (NodePortTarget(name("db"), 18080), ["edge:80", "far:81"]),
        (ExternalTarget("user", 443), ["user:443"]),
        (AddressTarget("203.0.113.7", 443), ["user:443"]),
        (AddressTarget("10.0.0.2", 80), ["web-2:80"]),
        (AddressTarget("10.0.0.3", 80), []),
        (AddressTarget("10.96.0.1", 8000), ["web-1:80", "web-2:8080"]),
        (AddressTarget("10.96.0.1", 8001), []),
        (AddressTarget("203.0.113.200", 80), ["db:9", "user:9", "198.51.100.9:9"]),
        (AddressTarget("203.0.113.200", 81), []),
        (AddressTarget("192.0.2.1", 80), ["agent:80", "proxy:80"]),
        (AddressTarget("198.51.100.1", 80), []),
    ],
)
def test_where_a_target_leads(target: Target, arrivals: list[str]) -> None:
    assert [spelled(e) for e in ENDPOINTS.of_target(target, tcp(target.port))] == arrivals


def spelled(endpoint: Endpoint) -> str:
    own = endpoint.pod.ref.name if isinstance(endpoint, PodEndpoint) else endpoint.name
    return f"{own}:{endpoint.port.number}"


def test_pods_that_are_not_ready_are_endpoints_only_where_they_are_published() -> None:
    pods = (
        pod("web-1", "10.0.0.1", controller="web"),
        replace(pod("web-2", "10.0.0.2", controller="web"), ready=False),
    )
    plain = service("plain", "web", ServicePort(tcp(80), 80))
    published = replace(service("published", "web", ServicePort(tcp(80), 80)), publish_not_ready=True)
    world = World({}, {p.ref: p for p in pods}, {s.ref: s for s in (plain, published)})
    resolver = EndpointResolver(world)
    assert [spelled(e) for e in resolver.of_service(plain, tcp(80))] == ["web-1:80"]
    assert [spelled(e) for e in resolver.of_service(published, tcp(80))] == ["web-1:80", "web-2:80"]


def test_a_service_answers_its_own_protocol_alone() -> None:
    assert ENDPOINTS.of_target(ServiceTarget(name("web"), 8000), Port(Protocol.UDP, 8000)) == ()


@pytest.mark.parametrize(
    ("target", "workloads"),
    [
        (PodTarget(name("web"), 80), {"web"}),
        (ServiceTarget(name("web"), 9), {"web"}),
        (NodePortTarget(name("db"), 30080), {"web", "db"}),
        (ExternalTarget("user", 80), set()),
        (AddressTarget("10.0.0.1", 80), set()),
    ],
)
def test_what_may_answer_whatever_the_port_of_a_service(target: Target, workloads: set[str]) -> None:
    assert ENDPOINTS.workloads_behind(target, tcp(target.port)) == {name(text) for text in workloads}


def test_a_service_sends_to_the_first_of_the_ports_with_one_name() -> None:
    ports = tuple(ContainerPort(Port(Protocol.TCP, number), "http") for number in (9100, 8080))
    twice = Pod(name("twice"), {"app": "twice"}, ports)
    service = Service(name("twice"), {"app": "twice"}, (ServicePort(Port(Protocol.TCP, 80), "http"),))
    world = World(pods={twice.ref: twice}, services={service.ref: service})
    (endpoint,) = EndpointResolver(world, {}).of_service(service, Port(Protocol.TCP, 80))
    assert endpoint.port.number == 9100
