"""The ports on which a pod listens without declaring them. Pure.

They are the target ports of the Services that select it, and the ports of its probes: a Service or a probe would not
work otherwise. Declaring a port is not required ("Not specifying a port here DOES NOT prevent that port from being
exposed", core/v1 Container). Only declared ports have names.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from netpol_harness.model.labels import Labels
from netpol_harness.model.names import Port, Protocol
from netpol_harness.model.services import Service

_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
_HANDLERS = ("httpGet", "tcpSocket", "grpc")


def probed_ports(container: Mapping[str, Any]) -> Iterator[Port]:
    """Yield the port numbers of a container's probes.

    A probe by the name of a port adds none, since the name is that of a declared port. A probe of another host says
    nothing about the pod.
    """
    probes = [container.get(name) or {} for name in _PROBES]
    for handler in (probe.get(name) or {} for probe in probes for name in _HANDLERS):
        number = handler.get("port")
        if isinstance(number, int) and 0 < number < 65536 and not handler.get("host"):
            yield Port(Protocol.TCP, number)


def target_ports(namespace: str, labels: Labels, services: Iterable[Service]) -> Iterator[Port]:
    """Yield the port numbers to which the Services send that select pods with these labels."""
    for service in services:
        if service.selects(namespace, labels):
            yield from (Port(own.port.protocol, own.target) for own in service.ports if isinstance(own.target, int))
