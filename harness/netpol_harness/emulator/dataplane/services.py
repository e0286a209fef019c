"""Services as destination NAT: what kube-proxy does, with maps from virtual addresses to chains.

A packet to a ClusterIP or a node port goes to the chain of that Service port, which picks a ready endpoint at random.
Without a ready endpoint, and on any other port of a ClusterIP, it is refused at once. NAT chains see the first packet
of a connection only; conntrack repeats the translation for the rest. So an open UDP flow keeps its endpoint until that
endpoint is removed and its flows are flushed (``conntrack``).

Implements core/v1 Service: ClusterIP and NodePort, targetPort by number or name. Clients keep their addresses, except a
pod that reaches itself. sessionAffinity and traffic policies have no meaning on one node. Pure.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from ipaddress import ip_address

from netpol_harness.emulator.dataplane.rules import Chain, IpVersion, NamedSet, Ruleset, identifier, members
from netpol_harness.emulator.dataplane.selection import PodIndex
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Service, ServicePort, World

_REFUSED = "refused"
_BASES = {
    "nat/prerouting": "type nat hook prerouting priority -100; policy accept;",
    "nat/output": "type nat hook output priority -100; policy accept;",
}
_SOURCE = "type nat hook postrouting priority 100; policy accept;"


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """One address of a pod behind one port of a Service, with the number of the target port there."""

    address: str
    number: int
    pod: NamespacedName


def endpoints(service: Service, port: ServicePort, pods: PodIndex) -> tuple[Endpoint, ...]:
    """Return the endpoints of one port among these pods, sorted by address."""
    backing = backing_pods(service, pods)
    if isinstance(port.target, int):
        targets = {(pod, port.target) for pod in backing}
    else:
        targets = {(pod, number) for pod, number in pods.declaring(port.target, port.port.protocol) if pod in backing}
    return tuple(sorted(Endpoint(a, number, pod) for pod, number in targets for a in pods.addresses({pod})))


def backing_pods(service: Service, pods: PodIndex) -> frozenset[NamespacedName]:
    """Return the pods that the Service selects; none if it has no selector."""
    if service.selector is None:
        return frozenset()
    return pods.within(service.ref.namespace, LabelSelector.equal(service.selector))


def service_rules(world: World, unready: Set[NamespacedName]) -> Ruleset:
    """Return the chains, sets and maps of all Services."""
    pods = PodIndex(world, [pod for pod in world.pods.values() if pod.running and pod.ref not in unready])
    routes = [route for _, service in sorted(world.services.items()) for route in _routes(service, pods)]
    chains = {name: Chain(("jump services",), hook) for name, hook in _BASES.items()}
    chains["nat/postrouting"] = Chain(
        tuple(
            f"ct status dnat {f.header} saddr . {f.header} daddr @{_name('itself', f)} masquerade" for f in IpVersion
        ),
        _SOURCE,
    )
    chains["services"] = Chain(tuple(rule for family in IpVersion for rule in _dispatch(family)))
    chains[_REFUSED] = Chain(("meta l4proto tcp reject with tcp reset", "reject"))
    chains |= {route.chain: Chain((route.translation,)) for route in routes}
    return Ruleset(chains, {name: value for family in IpVersion for name, value in _sets(family, routes).items()})


@dataclass(frozen=True, slots=True)
class _Route:
    """One port of a Service in one address family."""

    service: NamespacedName
    port: ServicePort
    family: IpVersion
    cluster_ips: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]

    @property
    def chain(self) -> str:
        kind = f"service-{self.family.header}"
        return identifier(kind, self.service.namespace, self.service.name, self.protocol, str(self.port.port.number))

    @property
    def protocol(self) -> str:
        return self.port.port.protocol.lower()

    @property
    def translation(self) -> str:
        """The only rule of the chain."""
        if not self.endpoints:
            return f"goto {_REFUSED}"
        choice = ", ".join(f"{i} : {e.address} . {e.number}" for i, e in enumerate(self.endpoints))
        pick = f"numgen random mod {len(self.endpoints)} map {{ {choice} }}"
        return f"meta l4proto {self.protocol} dnat {self.family.header} to {pick}"


def _routes(service: Service, pods: PodIndex) -> Iterator[_Route]:
    for family in IpVersion:
        cluster_ips = tuple(str(ip_address(ip)) for ip in service.cluster_ips if IpVersion.of(ip) is family)
        for port in service.ports if cluster_ips else ():
            family_endpoints = tuple(e for e in endpoints(service, port, pods) if IpVersion.of(e.address) is family)
            yield _Route(service.ref, port, family, cluster_ips, family_endpoints)


def _dispatch(family: IpVersion) -> Iterator[str]:
    """Yield the rules that lead from a packet to the chain of its Service port."""
    header = family.header
    protocol = {IpVersion.IPV4: "ipv4", IpVersion.IPV6: "ipv6"}[family]
    yield f"{header} daddr . meta l4proto . th dport vmap @{_name('cluster-ports', family)}"
    yield f"{header} daddr @{_name('cluster-ips', family)} goto {_REFUSED}"
    yield f"meta nfproto {protocol} fib daddr type local meta l4proto . th dport vmap @{_name('node-ports', family)}"


def _sets(family: IpVersion, all_routes: Sequence[_Route]) -> dict[str, NamedSet]:
    routes = [route for route in all_routes if route.family is family]
    address = family.address_type
    return {
        _name("cluster-ports", family): NamedSet(
            f"{address} . inet_proto . inet_service : verdict",
            {f"{ip} . {r.protocol} . {r.port.port.number}": f"goto {r.chain}" for r in routes for ip in r.cluster_ips},
        ),
        _name("cluster-ips", family): NamedSet(address, members(ip for r in routes for ip in r.cluster_ips)),
        _name("node-ports", family): NamedSet(
            "inet_proto . inet_service : verdict",
            {f"{r.protocol} . {r.port.node_port}": f"goto {r.chain}" for r in routes if r.port.node_port},
        ),
        _name("itself", family): NamedSet(
            f"{address} . {address}", members(f"{e.address} . {e.address}" for r in routes for e in r.endpoints)
        ),
    }


def _name(name: str, family: IpVersion) -> str:
    return f"{name}/{family.header}"
