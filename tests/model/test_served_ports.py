"""The ports on which a pod listens: declared ones, those of probes, and the targets of Services."""

from typing import Any

import pytest

from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod, container_ports, with_target_ports
from netpol_harness.model.services import Service

WEB = [{"containerPort": 80, "name": "web"}]


def container(**fields: Any) -> dict[str, Any]:
    return {"containers": [{"name": "main", "image": "stand-in", **fields}]}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (container(), []),
        (container(ports=WEB), ["80/TCP web"]),
        (container(readinessProbe={"httpGet": {"path": "/", "port": 8081}}), ["8081/TCP "]),
        (container(ports=WEB, livenessProbe={"tcpSocket": {"port": 80}}), ["80/TCP web"]),
        (container(ports=WEB, livenessProbe={"tcpSocket": {"port": "web"}}), ["80/TCP web"]),
        (container(startupProbe={"grpc": {"port": 9000}}, readinessProbe={"exec": {"command": ["x"]}}), ["9000/TCP "]),
        (container(readinessProbe={"httpGet": {"host": "example.com", "port": 443}}), []),
        (container(readinessProbe=None, ports=None), []),
        ({"containers": [], "initContainers": [{"ports": WEB}]}, []),
        ({"containers": [], "initContainers": [{"ports": WEB, "restartPolicy": "Always"}]}, ["80/TCP web"]),
    ],
)
def test_ports_are_declared_or_probed(spec: dict[str, Any], expected: list[str]) -> None:
    assert [f"{entry.port} {entry.name}" for entry in container_ports(spec)] == expected


def service(**spec: Any) -> Service:
    return Service.parse({"metadata": {"name": "front", "namespace": "shop"}, "spec": spec})


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"selector": {"app": "web"}, "ports": [{"port": 81, "targetPort": 8080}]}, ["80/TCP", "8080/TCP"]),
        ({"selector": {"app": "web"}, "ports": [{"port": 81}]}, ["80/TCP", "81/TCP"]),
        ({"selector": {"app": "web"}, "ports": [{"port": 53, "protocol": "UDP"}]}, ["80/TCP", "53/UDP"]),
        ({"selector": {"app": "web"}, "ports": [{"port": 81, "targetPort": 80}]}, ["80/TCP"]),
        ({"selector": {"app": "web"}, "ports": [{"port": 81, "targetPort": "web"}]}, ["80/TCP"]),
        ({"selector": {"app": "web"}, "ports": [{"port": 81, "targetPort": "unknown"}]}, ["80/TCP"]),
        ({"selector": {"app": "other"}, "ports": [{"port": 81}]}, ["80/TCP"]),
        ({"ports": [{"port": 81}]}, ["80/TCP"]),
    ],
)
def test_a_pod_listens_where_its_services_send(spec: dict[str, Any], expected: list[str]) -> None:
    pod = Pod(NamespacedName("shop", "web"), {"app": "web", "more": "x"}, container_ports(container(ports=WEB)))
    assert [str(entry.port) for entry in with_target_ports(pod, [service(**spec)]).ports] == expected
    elsewhere = Pod(NamespacedName("other", "web"), pod.labels, pod.ports)
    assert with_target_ports(elsewhere, [service(**spec)]) == elsewhere
