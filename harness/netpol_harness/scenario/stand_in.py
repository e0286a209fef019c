"""The spec of a pod that serves given ports on every backend, in place of a real program. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netpol_harness.model.names import Protocol
from netpol_harness.model.objects import ContainerPort
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


def stand_in_spec(name: str, ports: Sequence[ContainerPort], *, host_network: bool = False) -> Mapping[str, Any]:
    """Return a pod spec that serves ports; its servers of streams answer with ``name``, which identifies them.

    On a node's network no sysctl can be set, so that ports below 1024 are served there only if the node allows it.
    """
    low = not host_network and any(entry.port.number < 1024 for entry in ports)
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        **({"hostNetwork": True} if host_network else {}),
        "containers": [*_containers(name, ports)],
        **({"securityContext": _LOW_PORTS} if low else {}),
    }


def _containers(name: str, ports: Sequence[ContainerPort]) -> Iterator[Mapping[str, Any]]:
    """Yield one server for all TCP and SCTP ports, if there are any, and one for each UDP port; at least one.

    A name that several ports have needs a container for each: within one container it is unique.
    """
    datagrams = [entry for entry in ports if entry.port.protocol is Protocol.UDP]
    streams = [*dict.fromkeys(entry for entry in ports if entry.port.protocol is not Protocol.UDP)]
    if streams or not datagrams:
        for number, group in enumerate(_with_unique_names(streams)):
            environment = [{"name": _variable(entry), "value": name} for entry in group]
            container = "streams" if number == 0 else f"streams-{number + 1}"
            yield _container(container, ["porter" if group else "pause"], group, environment)
    for number in dict.fromkeys(entry.port.number for entry in datagrams):
        arguments = ["netexec", "--http-port=0", f"--udp-port={number}"]
        entries = dict.fromkeys(entry for entry in datagrams if entry.port.number == number)
        yield _container(f"udp-{number}", arguments, [*entries], [])


def _with_unique_names(entries: Sequence[ContainerPort]) -> Sequence[Sequence[ContainerPort]]:
    groups: list[list[ContainerPort]] = [[]]
    for entry in entries:
        free = (group for group in groups if not entry.name or entry.name not in {each.name for each in group})
        group = next(free, None)
        if group is None:
            groups.append(group := [])
        group.append(entry)
    return groups


def _variable(entry: ContainerPort) -> str:
    """Return the variable by which agnhost's ``porter`` is told to serve a port."""
    protocol = "" if entry.port.protocol is Protocol.TCP else f"{entry.port.protocol}_"
    return f"SERVE_{protocol}PORT_{entry.port.number}"


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
    optional = {"name": entry.name, "hostPort": entry.host_port, "hostIP": entry.host_ip}
    given = {key: value for key, value in optional.items() if value}
    return {"containerPort": entry.port.number, "protocol": entry.port.protocol.value, **given}
