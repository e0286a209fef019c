"""Whether the host ports of a pod are free on its node: the scheduler's plugin NodePorts. Pure."""

from collections.abc import Iterable, Iterator

from netpol_harness.emulator.kubelet import podspec
from netpol_harness.model.json_object import JsonMapping

EVENT = "FailedScheduling"
NO_FREE_PORTS = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."

HostPort = tuple[str, str, int]
"""Address of the node (empty for all), protocol and number."""


class NoFreePorts(Exception):
    """A host port of the pod belongs to another pod of the node."""


def require_free_ports(pod: JsonMapping, others: Iterable[JsonMapping]) -> None:
    """Raise ``NoFreePorts`` if a host port of the pod is one of the others'. Two addresses do not conflict."""
    wanted = set(_host_ports(pod))
    taken = {port for other in others for port in _host_ports(other)} if wanted else set()
    if any(_conflict(one, other) for one in wanted for other in taken):
        raise NoFreePorts(NO_FREE_PORTS)


def _host_ports(pod: JsonMapping) -> Iterator[HostPort]:
    for container in podspec.serving_containers(pod):
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                address = port.get("hostIP") or ""
                yield "" if address in ("0.0.0.0", "::") else address, port.get("protocol") or "TCP", port["hostPort"]


def _conflict(one: HostPort, other: HostPort) -> bool:
    return one[1:] == other[1:] and (one[0] == other[0] or "" in (one[0], other[0]))
