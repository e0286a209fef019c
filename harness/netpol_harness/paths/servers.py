"""The servers behind targets, with the ports that they serve: pods, nodes and Services. Pure."""

from operator import attrgetter

from netpol_harness.model.names import Port
from netpol_harness.model.objects import ContainerPort
from netpol_harness.model.services import Service
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.path import Inventory, Workload
from netpol_harness.paths.served_ports import Server

_REMEDY = "use a port that it has"


def pod_server(workload: Workload) -> Server:
    """Return the ports of a workload's pods."""
    return Server(f"{workload.kind} {workload.ref}", workload.ports, "declare it as a containerPort in its manifest")


def node_server(inventory: Inventory) -> Server:
    """Return the ports that lead from a node to pods."""
    ports = [port for service in inventory.services.values() for port in service.ports if port.node_port]
    declared = [port for other in inventory.workloads.values() for port in other.ports if port.host_port]
    offered = {ContainerPort(Port(port.port.protocol, port.node_port), port.name) for port in ports}
    offered |= {ContainerPort(Port(port.port.protocol, port.host_port), port.name) for port in declared}
    return Server(
        "a node (by the Services' nodePorts and the containers' hostPorts)",
        sorted(offered, key=lambda entry: str(entry.port)),
        "write nodePort or hostPort in the manifest",
    )


def service_server(named: Service, endpoints: EndpointResolver) -> Server:
    """Return the ports of a Service.

    The name of a headless one stands for its endpoints, at their own ports; that of an ExternalName for the Service
    that it names.
    """
    description, service = f"Service {named.ref}", endpoints.alias(named)
    if service is None:
        return Server(description, (), unknown=True)
    if service.headless:
        return Server(description, _ports_of_endpoints(service, endpoints), _REMEDY)
    behind: dict[int, list[str]] = {}
    for port in service.ports:
        if isinstance(port.target, int):
            behind.setdefault(port.target, []).append(str(port.port))
    hints = {number: f"{number} is its targetPort: use {' or '.join(ports)}" for number, ports in behind.items()}
    served = [ContainerPort(port.port, port.name) for port in service.ports]
    return Server(description, served, _REMEDY, hints, unknown=not served)


def _ports_of_endpoints(service: Service, endpoints: EndpointResolver) -> list[ContainerPort]:
    pods = sorted(endpoints.backing(service), key=attrgetter("ref"))
    written = (port for part in endpoints.written_slices(service) for port in part.ports)
    return [
        *(port for pod in pods for port in pod.ports),
        *(ContainerPort(Port(port.protocol, port.number), port.name) for port in written),
    ]
