"""The flows that a path makes, as policies see them: after a Service's translation, name look-ups apart. Pure.

What is really asked ``runner.targets`` says; this is the same, without a cluster. An external host asks a Service's
pods at their own ports, as a load balancer in front of the Service would.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from netpol_harness.analysis.wording import listed
from netpol_harness.analysis.world import LOOKUP, NAME_SERVER
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import Service, World
from netpol_harness.oracle.verdict import End, Flow, Outside
from netpol_harness.paths.ends import (
    AddressTarget,
    AnyServiceTarget,
    ClusterIPTarget,
    DnsTarget,
    ExternalTarget,
    FqdnTarget,
    NodePortTarget,
    PodSource,
    PodTarget,
    ServiceTarget,
    Source,
)
from netpol_harness.paths.path import Inventory, KnownAddresses, Path
from netpol_harness.paths.reach import backends, landings
from netpol_harness.scenario.scenario import Scenario, Step

_CLUSTER_DNS = (None, "", "ClusterFirst")
_NO_WAY_IN = "to a ClusterIP an outsider comes through a node, which may put its own address in the place of theirs"


@dataclass(frozen=True, slots=True)
class Route:
    """The flows of a path.

    ``lookups`` go to the name servers, ``legs`` to what answers; ``balanced`` where one of the legs is taken by chance.
    ``nameless`` says that the name does not exist; ``doubt`` why the oracle cannot know the outcome, empty if it can.
    """

    lookups: tuple[Flow, ...] = ()
    legs: tuple[Flow, ...] = ()
    balanced: bool = False
    nameless: bool = False
    doubt: str = ""


class Router:
    """Routes of one step's paths. ``beyond`` is what keeps all of them from being known; empty where nothing does."""

    def __init__(self, scenario: Scenario, step: Step, world: World, addresses: KnownAddresses) -> None:
        self._addresses = addresses
        self._world = world
        self._inventory: Inventory = step.inventory
        self.beyond = _beyond(step)
        self._arrivals: dict[tuple[NamespacedName, Port], tuple[tuple[NamespacedName, Port], ...]] = {}
        self._specs = {m.name.ref: m.pod.get("spec") or {} for m in scenario.workloads if m.pod}

    def route(self, path: Path) -> Route:
        """The route of a path between names of the step."""
        if self.beyond:
            return Route(doubt=self.beyond)
        source, asked = self._source(path.source), path.port
        if isinstance(source, NamespacedName) and source not in self._world.pods:
            return Route(doubt=f"{source} has no pods in this step")
        match path.target:
            case PodTarget(ref):
                return self._to_pod(source, ref, asked)
            case ServiceTarget() | FqdnTarget() | ClusterIPTarget():
                return self._to_service(source, path.target, asked)
            case ExternalTarget(host):
                return Route(legs=(Flow(source, self._host(host), asked),))
            case AddressTarget(address):
                return self._to_address(source, address, asked)
            case NodePortTarget(ref):
                return self._through_node(source, ref, asked)

    def _source(self, source: Source) -> End:
        return source.ref if isinstance(source, PodSource) else self._host(source.host)

    def _host(self, name: str) -> Outside:
        known = self._addresses.hosts.get(name)
        return Outside(known[0] if known else self._inventory.externals[name].address)

    def _to_pod(self, source: End, target: NamespacedName, asked: Port) -> Route:
        if target not in self._world.pods:
            return Route(doubt=f"{target} has no pods in this step")
        served = {port.port for port in self._world.pods[target].ports}
        silent = asked.protocol is not Protocol.ICMP and asked not in served
        doubt = f"{target} declares no port {asked}, so that its silence says nothing" if silent else ""
        return Route(legs=(Flow(source, target, asked),), doubt=doubt or self._itself(source, target))

    def _to_service(self, source: End, target: AnyServiceTarget, asked: Port) -> Route:
        by_name, outside = isinstance(target, DnsTarget), isinstance(source, Outside)
        lookups = (self._lookup(source),) if by_name and not outside else ()
        service = self._inventory.services.get(target.ref)
        if service is None:
            return Route(lookups, nameless=True)
        legs = tuple(self._legs(source, service, asked, direct=outside or service.headless))
        if not legs:
            nameless = by_name and service.headless and not outside
            return Route(lookups, nameless=nameless, doubt=f"no pod is behind Service {service.ref}")
        if isinstance(source, Outside):
            return Route(legs=legs, doubt="" if by_name else _NO_WAY_IN)
        doubt = self._resolver(source) if by_name else ""
        doubt = doubt or self._itself(source, *(leg.destination for leg in legs))
        return Route(lookups, legs, balanced=True, doubt=doubt)

    def _through_node(self, source: End, target: NamespacedName, asked: Port) -> Route:
        """By a port of the target's own node. Only ``externalTrafficPolicy: Local`` keeps an outsider's address."""
        for service in self._inventory.services.values():
            for port in service.ports:
                if (asked.protocol, asked.number) == (port.port.protocol, port.node_port) and service.local:
                    legs = [Flow(source, pod, landing) for pod, landing in self._landings(service, port.port)]
                    alone = [leg.destination for leg in legs] == [target] and self._inventory.workloads[
                        target
                    ].is_one_pod
                    if alone and isinstance(source, Outside):
                        return Route(legs=tuple(legs))
        return Route(doubt="on its way through a node a connection may get the node's address as its source")

    def _to_address(self, source: End, address: str, asked: Port) -> Route:
        for pod in self._world.pods.values():
            if address in pod.addresses and not pod.host_network:
                return self._to_pod(source, pod.ref, asked)
        for service in self._world.services.values():
            if address in service.cluster_ips:
                return Route(legs=tuple(self._legs(source, service, asked, direct=False)), balanced=True)
        return Route(doubt=f"who has the address {address} is not known")

    def _legs(self, source: End, service: Service, asked: Port, *, direct: bool) -> Iterator[Flow]:
        """The connections to a Service's pods; ``direct`` where the client asks the pods themselves."""
        through, virtual = (None, "") if direct else (service.ref, next(iter(service.cluster_ips), ""))
        for pod, landing in self._landings(service, asked):
            yield Flow(source, pod, landing, through, virtual)

    def _landings(self, service: Service, asked: Port) -> tuple[tuple[NamespacedName, Port], ...]:
        """The pods behind a Service, and their own ports, where one of its ports arrives."""
        key = service.ref, asked
        if key not in self._arrivals:
            self._arrivals[key] = tuple(
                (workload.ref, Port(asked.protocol, number))
                for workload in backends(service, self._inventory)
                if workload.ref in self._world.pods
                for number in sorted(landings(service, asked, workload))
            )
        return self._arrivals[key]

    def _lookup(self, source: End) -> Flow:
        return Flow(source, NAME_SERVER, LOOKUP, NAME_SERVER)

    def _itself(self, source: End, *targets: End) -> str:
        """A workload of several pods that asks itself asks both itself and others."""
        workload = self._inventory.workloads.get(source) if isinstance(source, NamespacedName) else None
        if workload is None or workload.is_one_pod or source not in targets:
            return ""
        return f"a pod of {source} may meet itself or another"

    def _resolver(self, source: NamespacedName) -> str:
        """Not every pod asks the cluster's name server."""
        policy, workload = self._specs.get(source, {}).get("dnsPolicy"), self._inventory.workloads[source]
        if policy == "ClusterFirstWithHostNet" or (policy in _CLUSTER_DNS and not workload.host_network):
            return ""
        return f"{source} does not ask the cluster's name server (dnsPolicy, hostNetwork)"


def _beyond(step: Step) -> str:
    foreign = [policy.family for policy in step.policies if policy.family and policy.family.is_foreign]
    return f"{listed(foreign)} in force, which the oracle does not read" if foreign else ""
