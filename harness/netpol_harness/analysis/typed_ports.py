"""The numbers of a Service's ports that clients type, in place of those that policies see. Pure."""

from netpol_harness.model.objects import World
from netpol_harness.oracle.verdict import Flow
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.endpoints import Endpoint, PodEndpoint
from netpol_harness.paths.ends import AnyServiceTarget, Target


def typed_ports(flow: Flow, target: Target, world: World) -> frozenset[int]:
    """Return the numbers, other than the flow's own, that lead to its destination's port on the path's way.

    They are those of the Service that the flow came through, and of the one that the path names.
    """
    endpoints = EndpointResolver(world)
    refs = [flow.through, target.ref if isinstance(target, AnyServiceTarget) else None]
    services = [world.services[ref] for ref in refs if ref is not None and ref in world.services]
    typed = [(service, port.port) for service in services for port in service.ports]
    return frozenset(port.number for service, port in typed if _leads_to(flow, endpoints.of_service(service, port))) - {
        flow.port.number
    }


def _leads_to(flow: Flow, endpoints: tuple[Endpoint, ...]) -> bool:
    pods = (endpoint for endpoint in endpoints if isinstance(endpoint, PodEndpoint))
    return any(endpoint.pod.ref == flow.destination and endpoint.port == flow.port for endpoint in pods)
