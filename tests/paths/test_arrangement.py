"""The order of ends in a table."""

from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.services import Service, ServicePort
from netpol_harness.paths.arrangement import OUTSIDE, Arrangement
from netpol_harness.paths.ends import (
    AddressTarget,
    ClusterIPTarget,
    ExternalSource,
    ExternalTarget,
    LoadBalancerTarget,
    NodePortTarget,
    PodSource,
    PodTarget,
    ServiceTarget,
    Source,
    Target,
)
from netpol_harness.paths.path import ExternalHost, Inventory, Workload


def ref(name: str) -> NamespacedName:
    namespace, _, bare = name.partition("/")
    return NamespacedName(namespace, bare)


def workload(name: str, app: str) -> Workload:
    return Workload(ref(name), "Deployment", {"app": app}, ())


def service(name: str, app: str) -> Service:
    return Service(ref(name), {"app": app} if app else None, (ServicePort(Port(Protocol.TCP, 80), 80),))


def inventory(workloads: dict[str, str], services: dict[str, str]) -> Inventory:
    """Workloads and Services with their labels, and two hosts."""
    return Inventory(
        {ref(name): workload(name, app) for name, app in workloads.items()},
        {ref(name): service(name, app) for name, app in services.items()},
        {"user": ExternalHost("user"), "partner": ExternalHost("partner")},
    )


def ordered(found: Inventory, *targets: Target) -> list[Target]:
    return sorted(targets, key=Arrangement(found).of_target)


def test_each_service_stands_before_the_workloads_behind_it() -> None:
    found = inventory(
        {"a/one": "x", "a/two": "y", "a/three": "x", "a/alone": "z"}, {"a/late": "", "a/svc": "x", "a/again": "x"}
    )
    wanted: list[Target] = [
        ServiceTarget(ref("a/svc"), 80),
        LoadBalancerTarget(ref("a/again"), 80),
        PodTarget(ref("a/one"), 80),
        PodTarget(ref("a/three"), 80),
        PodTarget(ref("a/two"), 80),
        PodTarget(ref("a/alone"), 80),
        ServiceTarget(ref("a/late"), 80),
    ]
    assert ordered(found, *reversed(wanted)) == wanted


def test_namespaces_stay_together_the_default_one_first_and_the_outside_last() -> None:
    found = inventory({"b/one": "", "a/two": "", "default/three": "", "b/four": ""}, {})
    wanted: list[Target] = [
        PodTarget(ref("default/three"), 1),
        NodePortTarget(ref("b/one"), 30000),
        PodTarget(ref("b/four"), 1),
        PodTarget(ref("a/two"), 1),
        ClusterIPTarget(ref("kube-system/kube-dns"), 53),
        ExternalTarget("user", 1),
        ExternalTarget("partner", 1),
        AddressTarget("192.0.2.1", 1),
    ]
    assert ordered(found, *reversed(wanted)) == wanted
    slots = [Arrangement(found).of_target(target) for target in wanted]
    assert [slot.group for slot in slots] == ["default", "b", "b", "a", "kube-system", *[OUTSIDE] * 3]


def test_ports_ascend() -> None:
    found = inventory({"a/one": ""}, {})
    assert ordered(found, PodTarget(ref("a/one"), 8080), PodTarget(ref("a/one"), 443))[0].port == 443


def test_sources_are_in_the_order_of_their_targets() -> None:
    found = inventory({"b/one": "x", "a/two": "y", "b/three": "z"}, {"b/svc": "z"})
    sources: list[Source] = [
        PodSource(ref("b/one")),
        PodSource(ref("b/three")),
        PodSource(ref("a/two")),
        ExternalSource("user"),
    ]
    assert sorted(reversed(sources), key=Arrangement(found).of_source) == sources
