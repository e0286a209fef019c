import pytest

from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import Namespace, Pod, World
from netpol_harness.model.services import Service

POD = {
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {
        "containers": [{"ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 53, "protocol": "UDP"}]}],
        "initContainers": [
            {"restartPolicy": "Always", "ports": [{"containerPort": 9090, "name": "http"}]},
            {"ports": [{"containerPort": 1}]},
        ],
    },
    "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}]},
}
SERVICE = {
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"selector": {"app": "web"}, "clusterIP": "10.96.0.7", "ports": [{"port": 8080, "targetPort": "http"}]},
}


def test_a_pod_serves_its_containers_and_sidecars_ports() -> None:
    pod = Pod.parse(POD)
    assert {str(p.port) for p in pod.ports} == {"80/TCP", "53/UDP", "9090/TCP"}
    assert pod.numbers("http", Protocol.TCP) == {80, 9090}
    assert pod.numbers("http", Protocol.UDP) == frozenset()
    assert pod.numbers("", Protocol.UDP) == frozenset()


def test_a_finished_pod_no_longer_owns_its_address() -> None:
    assert not Pod.parse({**POD, "status": {"phase": "Succeeded"}}).running


@pytest.mark.parametrize(
    ("conditions", "ready"),
    [([], True), ([{"type": "Ready", "status": "True"}], True), ([{"type": "Ready", "status": "False"}], False)],
)
def test_a_pod_is_ready_unless_it_says_otherwise(conditions: list[dict[str, str]], *, ready: bool) -> None:
    assert Pod.parse({**POD, "status": {"phase": "Running", "conditions": conditions}}).ready is ready


def test_services_target_numbers_or_names() -> None:
    service = Service.parse(SERVICE)
    (port,) = service.ports
    assert (port.port, port.target) == (Port(Protocol.TCP, 8080), "http")
    assert service.cluster_ips == ("10.96.0.7",)
    assert service.selects("shop", Pod.parse(POD).labels)


def test_headless_and_selectorless_services() -> None:
    headless = Service.parse({"metadata": {"name": "x"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]}})
    assert headless.headless
    assert headless.cluster_ips == ()
    assert headless.selector is None
    assert headless.ports[0].target == 80
    assert not headless.selects("shop", Pod.parse(POD).labels)


def test_every_namespace_carries_its_name_as_a_label() -> None:
    assert Namespace.parse({"metadata": {"name": "shop"}}).labels == {"kubernetes.io/metadata.name": "shop"}


def test_a_world_takes_what_matters_and_passes_over_the_rest() -> None:
    world = World.parse([POD, SERVICE, {"kind": "ConfigMap"}, {"kind": "Namespace", "metadata": {"name": "shop"}}])
    assert list(world.pods) == list(world.services) == [NamespacedName("shop", "web")]
    assert list(world.namespaces) == ["shop"]


@pytest.mark.parametrize(
    ("labels", "owner", "workload"),
    [
        ({"pod-template-hash": "5d4f"}, {"kind": "ReplicaSet", "name": "web-app-5d4f", "controller": True}, "web-app"),
        ({}, {"kind": "ReplicaSet", "name": "web-app", "controller": True}, "web-app"),
        ({}, {"kind": "StatefulSet", "name": "db", "controller": True}, "db"),
        ({}, {"kind": "ReplicationController", "name": "web-1", "controller": True}, "web-1"),
        ({"deploymentconfig": "web"}, {"kind": "ReplicationController", "name": "web-1", "controller": True}, "web"),
        ({}, {"kind": "ConfigMap", "name": "owner"}, "pod-1"),
    ],
)
def test_a_pod_belongs_to_the_workload_that_a_manifest_names(
    labels: dict[str, str], owner: dict[str, object], workload: str
) -> None:
    metadata = {"name": "pod-1", "namespace": "shop", "labels": labels, "ownerReferences": [owner]}
    assert Pod.parse({"metadata": metadata, "spec": {}}).workload == NamespacedName("shop", workload)
