"""A small town for tests of names and paths."""

from dataclasses import replace

import pytest

from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import ContainerPort
from netpol_harness.model.services import Service, ServicePort
from netpol_harness.paths.path import ExternalHost, Inventory, Workload


def _workload(namespace: str, name: str, *ports: str, kind: str = "Pod", replicas: int = 1) -> Workload:
    return Workload(NamespacedName(namespace, name), kind, {"app": name}, tuple(map(_port, ports)), replicas)


def _port(text: str) -> ContainerPort:
    number, _, rest = text.partition("/")
    protocol, _, name = rest.partition(":")
    return ContainerPort(Port(Protocol(protocol or "TCP"), int(number)), name)


def _service(namespace: str, name: str, app: str, *ports: ServicePort, headless: bool = False) -> Service:
    return Service(NamespacedName(namespace, name), {"app": app}, ports, headless=headless)


def _served(number: int, target: int | str, *, protocol: Protocol = Protocol.TCP, node_port: int = 0) -> ServicePort:
    return ServicePort(Port(protocol, number), target, node_port=node_port)


@pytest.fixture
def town() -> Inventory:
    """Pods web, app, db (default), db and lone (shop), a Deployment api, Services in front, and two external hosts."""
    workloads = [
        replace(
            _workload("default", "web", "80/TCP:http", "53/UDP"), containers=("c", "side"), init_containers=("wait",)
        ),
        _workload("default", "app", "5000"),
        _workload("default", "db", "3306"),
        _workload("shop", "db", "5432"),
        _workload("shop", "lone", "80"),
        _workload("default", "api", "8080", kind="Deployment", replicas=3),
        _workload("default", "idle", "80", kind="Deployment", replicas=0),
        _workload("default", "both", "80"),
    ]
    services = [
        _service("default", "web-service", "web", _served(8080, "http", node_port=30080)),
        _service("default", "db-service", "db", _served(33060, 3306)),
        _service("default", "api-headless", "api", headless=True),
        _service("default", "both", "both", _served(80, 80)),
        _service("shop", "till", "lone", _served(80, 80)),
        replace(_service("shop", "edge", "lone", _served(443, 80)), balanced=True),
    ]
    externals = [ExternalHost("user", "203.0.113.7", (_port("443"),)), ExternalHost("silent")]
    return Inventory(
        {w.ref: w for w in workloads}, {s.ref: s for s in services}, {host.name: host for host in externals}
    )


@pytest.fixture
def city(town: Inventory) -> Inventory:
    """The town with a StatefulSet ring, whose pods are ring-4 and ring-5, and a pod that is called 0."""
    ring = replace(_workload("default", "ring", "7000", kind="StatefulSet", replicas=2), first_index=4)
    zero = _workload("default", "0", "1")
    return replace(town, workloads={**town.workloads, ring.ref: ring, zero.ref: zero})
