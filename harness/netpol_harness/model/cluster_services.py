"""The Services that every cluster has and no scenario makes: that of the API server, and that of the name server."""

from collections.abc import Iterable

from netpol_harness.model.endpoint_slices import EndpointSlice, SliceEndpoint, SlicePort
from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.services import Service, ServicePort

API_SERVER = NamespacedName("default", "kubernetes")
"""The Service of the API server, in this namespace on every cluster, wherever a scenario's own namespaces are."""

API_PORT = Port(Protocol.TCP, 443)
"""The port of that Service."""

_PORT_NAME = "https"
_UNKNOWN = (("", 6443), ("", 443))
"""No address, and the ports at which most API servers listen: those of clusters that are not known."""


def api_service(cluster_ips: tuple[str, ...] = ()) -> Service:
    """Return the Service of the API server. It selects no pods."""
    return Service(API_SERVER, None, (ServicePort(API_PORT, 6443, _PORT_NAME),), cluster_ips)


def api_slices(sockets: Iterable[tuple[str, int]]) -> tuple[EndpointSlice, ...]:
    """Return the endpoints of the API server: addresses and ports. Without any, the address is empty: not known."""
    return tuple(
        EndpointSlice(
            NamespacedName(API_SERVER.namespace, f"{API_SERVER.name}-{index}"),
            API_SERVER,
            (SlicePort(_PORT_NAME, Protocol.TCP, number),),
            (SliceEndpoint((address,)),),
        )
        for index, (address, number) in enumerate(tuple(sockets) or _UNKNOWN)
    )


def cluster_services(server: NameServer) -> tuple[Service, ...]:
    """Return the Services of a cluster that has this name server."""
    return (api_service(), *(() if server.address else (server.front,)))
