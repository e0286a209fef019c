"""The nodes by which hosts outside of a cluster reach its Services' own addresses: external IPs and load balancers'.

A load balancer sends connections to nodes that pass its health check. Under ``externalTrafficPolicy: Local``, these are
the nodes with a ready endpoint. The first of them is taken, or the first of all if there is none. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address

from netpol_harness.emulator.address_plan import FamilyPlan, owner, plan_of
from netpol_harness.emulator.dataplane.rules import IpVersion
from netpol_harness.emulator.dataplane.service_endpoints import ServiceEndpoints
from netpol_harness.emulator.dataplane.snapshot import Snapshot
from netpol_harness.model.services import Service, TrafficPolicy


def entry_nodes(snapshot: Snapshot, nodes: Sequence[str], families: Sequence[FamilyPlan]) -> dict[str, str]:
    """Return the name of the node that each of the addresses leads to, as far as they are of the cluster's families.

    An address that the cluster uses otherwise, such as a node's, stays what it is.
    """
    services = [service for _, service in sorted(snapshot.world.services.items()) if service.outside_addresses]
    if not services:
        return {}
    by_node = {name: ServiceEndpoints(snapshot.world, snapshot.unready, name) for name in nodes}
    return {
        address: next((name for name in nodes if _is_healthy(service, address, by_node[name])), nodes[0])
        for service in services
        for address in _own(service.outside_addresses, families)
    }


def _own(addresses: Iterable[str], families: Sequence[FamilyPlan]) -> Iterator[str]:
    for address in map(ip_address, addresses):
        family = plan_of(str(address))
        if family in families and (owner(address) is None or address in family.load_balancers):
            yield str(address)


def _is_healthy(service: Service, address: str, endpoints: ServiceEndpoints) -> bool:
    family, policy = IpVersion.of(address), service.external_policy
    if policy is TrafficPolicy.CLUSTER:
        return True
    return any(endpoints.sockets(service, port, family, policy) for port in service.ports)
