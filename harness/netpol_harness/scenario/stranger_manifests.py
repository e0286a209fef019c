"""The manifests of strangers: pods that serve their ports on every backend. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netpol_harness.model.labels import Labels
from netpol_harness.model.names import Port, Protocol
from netpol_harness.model.objects import ContainerPort
from netpol_harness.scenario.strangers import StrangerPod, Strangers
from netpol_harness.wellknown import TEST_IMAGE

_SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 65534,
    "runAsGroup": 65534,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What the pod security standard "restricted" demands of a container."""

_LOW_PORTS = {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]}
"""Lets a process that is not root listen below 1024; one of Kubernetes' safe sysctls."""


def stranger_manifests(strangers: Strangers) -> Iterator[Mapping[str, Any]]:
    """Yield the Namespaces that no manifest declares, and the Pods."""
    for name, labels in strangers.namespaces.items():
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **_labelled(labels)}}
    yield from map(_pod, strangers.pods)


def _pod(stranger: StrangerPod) -> Mapping[str, Any]:
    spec = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "containers": [*_containers(stranger.ref.name, stranger.ports)],
        **({"securityContext": _LOW_PORTS} if any(entry.port.number < 1024 for entry in stranger.ports) else {}),
    }
    metadata = {"name": stranger.ref.name, "namespace": stranger.ref.namespace, **_labelled(stranger.labels)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _labelled(labels: Labels) -> Mapping[str, Any]:
    return {"labels": dict(labels)} if labels else {}


def _containers(name: str, ports: Sequence[ContainerPort]) -> Iterator[Mapping[str, Any]]:
    """Yield one server for all TCP and SCTP ports, if there are any, and one for each UDP port; at least one.

    Servers of streams answer with the ``name`` of their pod, by which they are identified.
    """
    datagrams = [entry for entry in ports if entry.port.protocol is Protocol.UDP]
    streams = [entry for entry in ports if entry.port.protocol is not Protocol.UDP]
    if streams or not datagrams:
        environment = [{"name": _variable(entry.port), "value": name} for entry in streams]
        yield _container("streams", ["porter" if streams else "pause"], streams, environment)
    for entry in datagrams:
        arguments = ["netexec", "--http-port=0", f"--udp-port={entry.port.number}"]
        yield _container(f"udp-{entry.port.number}", arguments, [entry], [])


def _variable(port: Port) -> str:
    """Return the variable by which agnhost's ``porter`` is told to serve a port."""
    protocol = "" if port.protocol is Protocol.TCP else f"{port.protocol}_"
    return f"SERVE_{protocol}PORT_{port.number}"


def _container(
    name: str, arguments: Sequence[str], ports: Sequence[ContainerPort], environment: Sequence[Mapping[str, str]]
) -> Mapping[str, Any]:
    return {
        "name": name,
        "image": TEST_IMAGE,
        "args": [*arguments],
        "ports": [_port(entry) for entry in ports],
        "env": [*environment],
        "securityContext": _SECURITY,
    }


def _port(entry: ContainerPort) -> Mapping[str, Any]:
    named = {"name": entry.name} if entry.name else {}
    return {"containerPort": entry.port.number, "protocol": entry.port.protocol.value, **named}
