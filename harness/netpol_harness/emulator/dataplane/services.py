"""Services and host ports as destination NAT: what kube-proxy and the plugin portmap do.

A packet to an address of a Service, or to a node port, goes to the chain of that Service port, which picks a ready
endpoint at random, or the one that the client had before if the Service has ``sessionAffinity: ClientIP``. Without a
ready endpoint, and on any other port of a ClusterIP, it is refused at once. NAT chains see the first packet of a
connection only; conntrack repeats the translation for the rest. So an open UDP flow keeps its endpoint until that
endpoint is removed and its flows are flushed (``conntrack``).

Implements core/v1 Service: ClusterIP, NodePort, LoadBalancer with its source ranges, externalIPs, traffic policies; and
``hostPort`` of a container. With one node, clients keep their addresses, except a pod that reaches itself. With
several, kube-proxy's rules apply: a node replaces the address of a client that is not a pod by its own, and
that of every client that comes by a node port, unless the traffic policy is Local. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from ipaddress import ip_address

from netpol_harness.emulator.dataplane.rules import Chain, IpVersion, NamedSet, Ruleset, digest, identifier, members
from netpol_harness.emulator.dataplane.service_endpoints import ServiceEndpoints, Socket
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import World
from netpol_harness.model.services import Service, ServicePort, TrafficPolicy

_REFUSED, _DROPPED = "refused", "dropped"
_BASES = {
    "nat/prerouting": "type nat hook prerouting priority -100; policy accept;",
    "nat/output": "type nat hook output priority -100; policy accept;",
}
_MARK = "ct mark set ct mark or 0x4000"
"""The node replaces the client's address by its own in this connection."""
_MASQUERADE = "ct mark and 0x4000 != 0 ct status dnat masquerade"
_SOURCE = "type nat hook postrouting priority 100; policy accept;"


def service_rules(world: World, unready: Set[NamespacedName], node: str = "") -> Ruleset:
    """Return the chains, sets and maps of all Services and host ports on a node. An empty ``node`` is the only one."""
    endpoints, among_others = ServiceEndpoints(world, unready, node), node != ""
    routes = [route for _, service in sorted(world.services.items()) for route in _routes(service, endpoints)]
    host_ports = [port for port in _host_ports(world) if node in ("", port.node)]
    chains = {name: Chain(("jump services",), hook) for name, hook in _BASES.items()}
    itself = (f"ct status dnat {f.header} saddr . {f.header} daddr @{_name('itself', f)} masquerade" for f in IpVersion)
    chains["nat/postrouting"] = Chain((*itself, *([_MASQUERADE] if among_others else ())), _SOURCE)
    outsiders = _masquerade_outsiders() if among_others else ()
    chains["services"] = Chain((*outsiders, *(rule for family in IpVersion for rule in _dispatch(family))))
    chains[_REFUSED] = Chain(("meta l4proto tcp reject with tcp reset", "reject"))
    chains[_DROPPED] = Chain(("drop",))
    sets = {name: s for family in IpVersion for name, s in _sets(family, routes, host_ports).items()}
    rules = Ruleset(chains, {**sets, **(_pod_sets(world, node) if among_others else {})})
    for part in (*(route.rules for route in routes), *(port.rules for port in host_ports)):
        rules |= part
    return rules


@dataclass(frozen=True, slots=True)
class _Route:
    """One port of a Service in one address family: its endpoints, all of them and those near the client.

    ``among_others``: the node is one of several.
    """

    service: Service
    port: ServicePort
    family: IpVersion
    everywhere: tuple[Socket, ...]
    local: tuple[Socket, ...]
    among_others: bool

    @property
    def protocol(self) -> str:
        return self.port.port.protocol.lower()

    @property
    def internal(self) -> str:
        """The chain of connections to a ClusterIP."""
        return self._chain(self.service.internal_policy)

    @property
    def external(self) -> str:
        """The chain of connections to a node's port or to an external IP."""
        return self._identifier("external") if self.among_others else self._chain(self.service.external_policy)

    @property
    def balanced(self) -> str:
        """The chain of connections to the load balancer."""
        return self._identifier("balanced") if self.service.source_ranges else self.external

    @property
    def sockets(self) -> tuple[Socket, ...]:
        """The endpoints that some client may reach."""
        return self.everywhere

    @property
    def rules(self) -> Ruleset:
        """The chains, and the sets of clients that keep an endpoint."""
        rules = self._choice(TrafficPolicy.CLUSTER, self.everywhere)
        if self.local != self.everywhere:
            rules |= self._choice(TrafficPolicy.LOCAL, self.local)
        if self.among_others:
            rules |= Ruleset({self.external: Chain(tuple(self._from_outside()))})
        if self.service.source_ranges:
            rules |= Ruleset({self.balanced: Chain((*self._admitted_clients(), f"goto {_DROPPED}"))})
        return rules

    def addresses(self, addresses: Iterable[str]) -> tuple[str, ...]:
        """Return those of this family, in canonical text."""
        return tuple(str(ip_address(address)) for address in addresses if IpVersion.of(address) is self.family)

    def _admitted_clients(self) -> Iterator[str]:
        for network in self.service.source_ranges:
            if network.version == self.family.version:
                yield f"{self.family.header} saddr {network} goto {self.external}"

    def _from_outside(self) -> Iterator[str]:
        """Yield kube-proxy's rules for node ports: under Local, the node and its pods still reach all endpoints."""
        everywhere = self._chain(TrafficPolicy.CLUSTER)
        if self.service.external_policy is TrafficPolicy.CLUSTER:
            yield from (_MARK, f"goto {everywhere}")
            return
        yield f"{self.family.header} saddr @{_name('own-pods', self.family)} goto {everywhere}"
        yield f"fib saddr type local {_MARK} goto {everywhere}"
        yield f"goto {self._chain(TrafficPolicy.LOCAL)}"

    def _chain(self, policy: TrafficPolicy) -> str:
        is_local = policy is TrafficPolicy.LOCAL and self.local != self.everywhere
        return self._identifier("local" if is_local else "service")

    def _choice(self, policy: TrafficPolicy, sockets: Sequence[Socket]) -> Ruleset:
        name = self._chain(policy)
        if not sockets:
            return Ruleset({name: Chain((f"goto {_DROPPED if self.everywhere else _REFUSED}",))})
        if not self.service.affinity_seconds:
            choice = ", ".join(f"{i} : {address} . {number}" for i, (address, number) in enumerate(sockets))
            pick = f"numgen random mod {len(sockets)} map {{ {choice} }}"
            return Ruleset({name: Chain((f"meta l4proto {self.protocol} dnat {self.family.header} to {pick}",))})
        return self._sticky_choice(name, sockets)

    def _sticky_choice(self, name: str, sockets: Sequence[Socket]) -> Ruleset:
        """Return a chain that sends a known client to its endpoint, and the chains that remember a client."""
        header, seconds = self.family.header, self.service.affinity_seconds
        ends = {socket: digest(name, socket, seconds) for socket in sockets}
        known = (f"{header} saddr @clients/{end} goto endpoint/{end}" for end in ends.values())
        choice = ", ".join(f"{i} : goto endpoint/{end}" for i, end in enumerate(ends.values()))
        chains = {name: Chain((*known, f"numgen random mod {len(sockets)} vmap {{ {choice} }}"))}
        for (address, number), end in ends.items():
            translate = f"meta l4proto {self.protocol} dnat {header} to {_socket(address, number)}"
            chains[f"endpoint/{end}"] = Chain((f"update @clients/{end} {{ {header} saddr }}", translate))
        clients = NamedSet(self.family.address_type, flags="dynamic,timeout", timeout=seconds)
        return Ruleset(chains, {f"clients/{end}": clients for end in ends.values()})

    def _identifier(self, kind: str) -> str:
        ref, number = self.service.ref, str(self.port.port.number)
        return identifier(f"{kind}-{self.family.header}", ref.namespace, ref.name, self.protocol, number)


@dataclass(frozen=True, slots=True)
class _HostPort:
    """A port of the node that leads to a pod, at one address of the node or at all (empty)."""

    address: str
    protocol: str
    number: int
    family: IpVersion
    target: Socket
    node: str

    @property
    def chain(self) -> str:
        address, number = self.target
        parts = (self.address or "any", self.protocol, str(self.number), address, str(number))
        return identifier(f"host-port-{self.family.header}", *parts)

    @property
    def rules(self) -> Ruleset:
        translate = f"meta l4proto {self.protocol} dnat {self.family.header} to {_socket(*self.target)}"
        return Ruleset({self.chain: Chain((translate,))})


def _routes(service: Service, endpoints: ServiceEndpoints) -> Iterator[_Route]:
    for family in IpVersion:
        if any(IpVersion.of(address) is family for address in service.cluster_ips):
            for port in service.ports:
                everywhere, local = (endpoints.sockets(service, port, family, policy) for policy in TrafficPolicy)
                yield _Route(service, port, family, everywhere, local, endpoints.node != "")


def _host_ports(world: World) -> Iterator[_HostPort]:
    """Yield the host ports of all pods, one for each address of a pod. Pods on the node's network need none."""
    for _, pod in sorted(world.pods.items()):
        for declared in pod.ports if pod.running and not pod.host_network else ():
            for address in map(ip_address, pod.addresses if declared.host_port else ()):
                family, protocol = IpVersion.of(str(address)), declared.port.protocol.lower()
                host_ip = str(ip_address(declared.host_ip)) if declared.host_ip else ""
                if not host_ip or IpVersion.of(host_ip) is family:
                    target = str(address), declared.port.number
                    yield _HostPort(host_ip, protocol, declared.host_port, family, target, pod.node)


def _socket(address: str, number: int) -> str:
    return f"[{address}]:{number}" if ":" in address else f"{address}:{number}"


def _masquerade_outsiders() -> Iterator[str]:
    """Yield the rules for clients of ClusterIPs that are not pods: replies must come back through this node."""
    for family in IpVersion:
        pods, header = _name("all-pods", family), family.header
        yield f"{header} daddr @{_name('cluster-ips', family)} {header} saddr != @{pods} {_MARK}"


def _pod_sets(world: World, node: str) -> dict[str, NamedSet]:
    """Return the addresses of all pods, and of those on a node."""
    pods = [pod for pod in world.pods.values() if pod.running and not pod.host_network]
    groups = {"all-pods": pods, "own-pods": [pod for pod in pods if pod.node == node]}
    return {
        _name(name, family): NamedSet(
            family.address_type,
            members(str(ip_address(a)) for pod in group for a in pod.addresses if IpVersion.of(a) is family),
        )
        for name, group in groups.items()
        for family in IpVersion
    }


def _dispatch(family: IpVersion) -> Iterator[str]:
    """Yield the rules that lead from a packet to the chain of its Service port or host port."""
    header = family.header
    protocol = {IpVersion.IPV4: "ipv4", IpVersion.IPV6: "ipv6"}[family]
    yield f"{header} daddr . meta l4proto . th dport vmap @{_name('service-ports', family)}"
    yield f"{header} daddr @{_name('cluster-ips', family)} goto {_REFUSED}"
    for kind in ("node-ports", "host-ports"):
        yield f"meta nfproto {protocol} fib daddr type local meta l4proto . th dport vmap @{_name(kind, family)}"


def _sets(family: IpVersion, all_routes: Sequence[_Route], all_ports: Sequence[_HostPort]) -> dict[str, NamedSet]:
    routes = [route for route in all_routes if route.family is family]
    host_ports = [port for port in all_ports if port.family is family]
    address = family.address_type
    at_nodes = "inet_proto . inet_service : verdict"
    translated = (*(socket[0] for r in routes for socket in r.sockets), *(port.target[0] for port in host_ports))
    return {
        _name("service-ports", family): NamedSet(
            f"{address} . {at_nodes}", {**_one_address_of_the_node(host_ports), **_service_addresses(routes)}
        ),
        _name("cluster-ips", family): NamedSet(
            address, members(ip for r in routes for ip in r.addresses(r.service.cluster_ips))
        ),
        _name("node-ports", family): NamedSet(
            at_nodes, {f"{r.protocol} . {r.port.node_port}": f"goto {r.external}" for r in routes if r.port.node_port}
        ),
        _name("host-ports", family): NamedSet(
            at_nodes, {f"{p.protocol} . {p.number}": f"goto {p.chain}" for p in host_ports if not p.address}
        ),
        _name("itself", family): NamedSet(f"{address} . {address}", members(f"{own} . {own}" for own in translated)),
    }


def _service_addresses(routes: Iterable[_Route]) -> dict[str, str]:
    """Return the elements that lead from addresses of Services to their chains."""
    elements: dict[str, str] = {}
    for route in routes:
        service = route.service
        for addresses, chain in (
            (service.external_ips, route.external),
            (service.load_balancer_ips, route.balanced),
            (service.cluster_ips, route.internal),
        ):
            for ip in route.addresses(addresses):
                elements[f"{ip} . {route.protocol} . {route.port.port.number}"] = f"goto {chain}"
    return elements


def _one_address_of_the_node(host_ports: Iterable[_HostPort]) -> dict[str, str]:
    return {f"{p.address} . {p.protocol} . {p.number}": f"goto {p.chain}" for p in host_ports if p.address}


def _name(name: str, family: IpVersion) -> str:
    return f"{name}/{family.header}"
