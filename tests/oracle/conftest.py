"""The world of the oracle's tests: pods in namespaces x and y on two nodes, Services, and any policies."""

from collections.abc import Callable
from typing import Any

import pytest

from netpol_harness.model.objects import World

Build = Callable[..., World]
NODES = {"n1": "192.0.2.1", "n2": "192.0.2.2"}


def pod(name: str, address: str, *, node: str = "n1", host_port: int = 0, **spec: Any) -> dict[str, Any]:
    namespace, own = name.split("/")
    ports = [
        {"containerPort": 80, "name": "web", "hostPort": host_port},
        {"containerPort": 53, "name": "dns", "protocol": "UDP"},
    ]
    return {
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": own, "labels": {"pod": own}},
        "spec": {"containers": [{"ports": ports}], "nodeName": node, **spec},
        "status": {"podIPs": [{"ip": address}] if address else []},
    }


def service(name: str, **spec: Any) -> dict[str, Any]:
    ports = [{"port": 8080, "targetPort": 80}]
    metadata = {"namespace": "x", "name": name}
    return {"kind": "Service", "metadata": metadata, "spec": {"selector": {"pod": name}, "ports": ports, **spec}}


def policy(number: int, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"namespace": "x", "name": f"p{number}"}
    return {"kind": "NetworkPolicy", "metadata": metadata, "spec": {"podSelector": {}, **spec}}


@pytest.fixture(scope="session")
def world() -> Build:
    """Builds the world with these NetworkPolicy specs, all in namespace x; ``podSelector`` is empty by default."""

    def build(*specs: dict[str, Any]) -> World:
        spaces = [{"kind": "Namespace", "metadata": {"name": name, "labels": {"ns": name}}} for name in "xy"]
        pods = [
            pod("x/a", "10.0.1.1"),
            pod("x/b", "10.0.1.2", node="n2"),
            pod("x/unknown", "", node=""),
            pod("x/host", NODES["n1"], hostNetwork=True),
            pod("x/far", NODES["n2"], node="n2", hostNetwork=True),
            pod("x/host-port", "10.0.1.3", host_port=80),
            pod("y/a", "10.0.2.1"),
            {**pod("y/ended", "10.0.2.9"), "status": {"phase": "Failed", "podIPs": [{"ip": "10.0.2.9"}]}},
        ]
        services = [service("a", clusterIP="10.96.0.1"), service("headless", clusterIP="None")]
        return World.parse([*spaces, *pods, *services, *(policy(n, spec) for n, spec in enumerate(specs))])

    return build
