"""Resolves the target of a sentence: looks up its name, and compares its ports with those that are served. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from netpol_harness.model.cluster_services import API_PORT
from netpol_harness.model.cluster_services import API_SERVER as API_SERVICE
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import ContainerPort
from netpol_harness.model.services import Service
from netpol_harness.paths.diagnostics import ProblemWithoutPlace
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.ends import (
    AddressTarget,
    AnyServiceTarget,
    ClusterIPTarget,
    ExternalTarget,
    FqdnTarget,
    LoadBalancerTarget,
    NameServerTarget,
    NodePortTarget,
    PodTarget,
    ServiceTarget,
    Target,
)
from netpol_harness.paths.grammar import Sentence, missing_port
from netpol_harness.paths.names import Names
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Inventory, Scheme, Workload
from netpol_harness.paths.port_terms import PortRange, PortTerm
from netpol_harness.paths.served_ports import Server, named, numbers
from netpol_harness.paths.servers import node_server, pod_server, service_server
from netpol_harness.paths.terms import API_SERVER, Form, Name, Term
from netpol_harness.paths.workload_sets import WorkloadSets

_DNS = 53

SpelledTarget = tuple[Target, str]
"""A target and its text in the canonical spelling of a path."""


class TargetResolver:
    """Resolves targets among the names of one step."""

    def __init__(self, inventory: Inventory, names: Names, sets: WorkloadSets, endpoints: EndpointResolver) -> None:
        self._inventory = inventory
        self._names = names
        self._sets = sets
        self._endpoints = endpoints

    def completed(self, sentence: Sentence) -> Sentence:
        """Return the sentence with the scheme and the port that a server of the cluster itself has by default.

        Raises ``ProblemWithoutPlace`` if another target lacks its port.
        """
        if sentence.target.form is not Form.NAME or not self._is_cluster_server(sentence.target):
            if not sentence.ports and sentence.scheme is not Scheme.ICMP:
                raise missing_port(sentence.right)
            return sentence
        if sentence.target.text == API_SERVER:
            return replace(sentence, ports=sentence.ports or _single(API_PORT.number))
        if sentence.ports and not sentence.prefix:
            what = f"'{sentence.right}' may be asked over UDP or TCP"
            raise ProblemWithoutPlace(what, "write dns for UDP, or tcp://dns")
        scheme = sentence.scheme if sentence.prefix else Scheme.UDP
        return replace(sentence, scheme=scheme, ports=sentence.ports or _single(_DNS))

    def _is_cluster_server(self, term: Term) -> bool:
        return term.may_be_cluster_server and not self._names.knows(term.name)

    def targets(self, sentence: Sentence) -> list[SpelledTarget]:
        """Return the targets of a sentence: one for each port, and for each workload of a set that serves it.

        Raises ``ProblemWithoutPlace``.
        """
        if sentence.target.is_set:
            return self._of_set(sentence)
        target = self._target(sentence)
        if len(target) == 1:
            return [(target[0], sentence.right)]
        return [(one, f"{sentence.prefix}{sentence.target}:{one.port}") for one in target]

    def _of_set(self, sentence: Sentence) -> list[SpelledTarget]:
        workloads = self._sets.of(sentence.target)
        if sentence.scheme is Scheme.ICMP:
            return [self._spelled(workload, 0, sentence) for workload in workloads]
        protocol = sentence.scheme.protocol
        return [
            self._spelled(workload, number, sentence)
            for term in _single_ports(sentence.ports)
            for workload, number in _serving(workloads, term, protocol)
        ]

    def _spelled(self, workload: Workload, number: int, sentence: Sentence) -> SpelledTarget:
        colon = f":{number}" if number else ""
        text = f"{sentence.prefix}{self._names.spell_target(workload.ref)}{colon}"
        return PodTarget(workload.ref, number), text

    def _target(self, sentence: Sentence) -> list[Target]:
        name = sentence.target.name
        match sentence.target.form:
            case Form.ADDRESS:
                return self._address(sentence)
            case Form.POD:
                return self._pod(*self.pods_of(sentence.target), sentence)
            case Form.NODE:
                return self._node(*self.pods_of(sentence.target), sentence)
            case Form.SERVICE:
                return self._service(ServiceTarget, self._service_named(name), sentence)
            case Form.FULL_NAME:
                return self._service(FqdnTarget, self._service_named(name), sentence)
            case Form.LB:
                return self._load_balancer(self._service_named(name), sentence)
            case Form.IP:
                return self._service(ClusterIPTarget, self._service_named(name), sentence)
            case _:
                return self._plain(name, sentence)

    def _plain(self, name: Name, sentence: Sentence) -> list[Target]:
        if self._is_cluster_server(sentence.target):
            return self._cluster_server(sentence)
        if of_cluster := self._cluster_service(name):
            return self._service(ServiceTarget, of_cluster.ref, sentence)
        if sentence.target.replica is not None or self._names.member(name):
            return self._pod(*self.pods_of(sentence.target), sentence)
        if host := self._names.external(name):
            return [*self._external(host, sentence)]
        if self._names.domain(name):
            return self._domain(name.name, sentence)
        named = self._names.target(name)
        if named.is_workload and named.is_service:
            self._require_service_meant(named.ref, sentence)
        if named.is_service:
            return self._service(ServiceTarget, named.ref, sentence)
        return self._pod(self.with_pods(named.ref), None, sentence)

    def _cluster_server(self, sentence: Sentence) -> list[Target]:
        if sentence.target.text == API_SERVER:
            return self._service(ClusterIPTarget, API_SERVICE, sentence)
        if sentence.scheme is Scheme.ICMP:
            raise ProblemWithoutPlace("the name server is asked over UDP or TCP", "write dns for UDP, or tcp://dns")
        ports = [ContainerPort(Port(protocol, _DNS)) for protocol in (Protocol.UDP, Protocol.TCP)]
        return [NameServerTarget(n) for n in numbers(sentence, Server("the name server", ports, "write dns alone"))]

    def _cluster_service(self, name: Name) -> Service | None:
        """Return the Service of the cluster itself that has this name, unless the scenario makes one."""
        ref = NamespacedName(name.namespace, name.name)
        found = (service for service in self._inventory.cluster_services if service.ref == ref)
        return next(found, None) if ref not in self._inventory.services else None

    def _service_named(self, name: Name) -> NamespacedName:
        of_cluster = self._cluster_service(name)
        return of_cluster.ref if of_cluster else self._names.service(name)

    def _require_service_meant(self, ref: NamespacedName, sentence: Sentence) -> None:
        """Raise a problem if a name of both a workload and a Service does not certainly mean the Service.

        It does if each port is the Service's, or if it must be unresolved: only a Service's name is looked up.
        """
        service, name, protocol = self._inventory.services.get(ref), sentence.target, sentence.scheme.protocol
        ports = [p.port for p in service.ports] if service else []
        own = {number for p in (service.ports if service else ()) for number in _known_as(p.port, p.name, protocol)}
        asked = {n for term in sentence.ports for n in (term.numbers if isinstance(term, PortRange) else (term,))}
        if (asked and asked <= own) or sentence.expected is Expected.UNRESOLVED:
            return
        served = f", which serves {', '.join(map(str, ports))}" if ports else ""
        raise ProblemWithoutPlace(
            f"'{name}' is both a workload and a Service{served}",
            f"write pod({name}) for the pod's address, service({name}) or ip({name}) for the Service",
        )

    def _address(self, sentence: Sentence) -> list[Target]:
        address = sentence.target.name.name
        for host in self._inventory.externals.values():
            if host.address == address:
                return [*self._external(host.name, sentence)]
        server = Server(f"the address {address}", (), unknown=True)
        return [AddressTarget(address, number) for number in numbers(sentence, server)]

    def _domain(self, name: str, sentence: Sentence) -> list[Target]:
        """Return the targets of a domain name that has the address of one external host, whose answers prove it."""
        if host := self._inventory.host_named(name):
            return [replace(target, name=name) for target in self._external(host, sentence)]
        what = f"'{name}' does not have the address of exactly one external host"
        raise ProblemWithoutPlace(what, "name a host under 'external' instead, which is probed by its address")

    def _external(self, name: str, sentence: Sentence) -> list[ExternalTarget]:
        served = self._inventory.externals[name].ports
        server = Server(f"the external host '{name}'", served, "give it that port under 'external'")
        return [ExternalTarget(name, number) for number in numbers(sentence, server)]

    def _pod(self, workload: Workload, replica: int | None, sentence: Sentence) -> list[Target]:
        server = pod_server(workload)
        return [PodTarget(workload.ref, number, replica) for number in numbers(sentence, server)]

    def _node(self, workload: Workload, replica: int | None, sentence: Sentence) -> list[Target]:
        server = node_server(self._inventory)
        return [NodePortTarget(workload.ref, number, replica) for number in numbers(sentence, server)]

    def _service(self, kind: type[AnyServiceTarget], ref: NamespacedName, sentence: Sentence) -> list[Target]:
        service = self._inventory.services.get(ref) or self._cluster_service(Name(ref.namespace, ref.name))
        if service is None:
            return self._absent_service(kind, ref, sentence)
        if kind is ClusterIPTarget and (service.headless or service.external_name):
            form = "is headless" if service.headless else "is an ExternalName"
            raise ProblemWithoutPlace(f"Service {ref} {form} and has no ClusterIP", "use its name, or its pods")
        if sentence.scheme is Scheme.ICMP:
            raise ProblemWithoutPlace(f"Service {ref} does not answer ICMP: it is not a host", "use one of its pods")
        self._require_endpoints(service, sentence)
        return [kind(ref, number) for number in numbers(sentence, service_server(service, self._endpoints))]

    def _load_balancer(self, ref: NamespacedName, sentence: Sentence) -> list[Target]:
        service = self._inventory.services.get(ref) or self._cluster_service(Name(ref.namespace, ref.name))
        if service is not None and not (service.balanced or service.external_ips):
            raise ProblemWithoutPlace(
                f"Service {ref} has no address for clients outside the cluster",
                "write type: LoadBalancer or externalIPs in its manifest, or use its name",
            )
        return self._service(LoadBalancerTarget, ref, sentence)

    def _require_endpoints(self, service: Service, sentence: Sentence) -> None:
        """Raise a problem if a Service certainly has no endpoints, and the verdict says more than that it rejects."""
        empty = self._inventory.empty_by_design(service)
        if empty and sentence.expected not in (Expected.REJECTED, Expected.UNRESOLVED, Expected.UNDEFINED):
            reasons = " and ".join(
                f"{w.kind} {w.ref} {'is not ready in this step' if w.replicas else 'has no pods (replicas: 0)'}"
                for w in empty
            )
            raise ProblemWithoutPlace(
                f"Service {service.ref} has no endpoints: {reasons}. "
                "It rejects all connections, whatever the policies say",
                "write rejected, or let pods of it be ready",
            )

    def _absent_service(self, kind: type[AnyServiceTarget], ref: NamespacedName, sentence: Sentence) -> list[Target]:
        by_name = kind in (ServiceTarget, FqdnTarget)
        if not (by_name and sentence.expected in (Expected.UNRESOLVED, Expected.UNDEFINED)):
            raise ProblemWithoutPlace(
                f"Service {ref} is absent in this step",
                "only its name can be probed, and only 'unresolved' or 'undefined' be expected",
            )
        return [kind(ref, number) for number in numbers(sentence, Server(f"Service {ref}", (), unknown=True))]

    def pods_of(self, term: Term) -> tuple[Workload, int | None]:
        """Return the workload that a term names, and the index of one of its pods, ``None`` for all.

        Raises ``ProblemWithoutPlace``.
        """
        ref, replica = self._names.pods(term.name, term.replica)
        workload = self.with_pods(ref)
        indexes = workload.replica_indexes
        if replica is not None and replica not in indexes:
            known = f"{indexes[0]} to {indexes[-1]}" if len(indexes) > 1 else f"{indexes[0]} alone"
            raise ProblemWithoutPlace(f"{workload.kind} {ref} has no replica {replica}", f"it has {known}")
        return workload, replica

    def with_pods(self, ref: NamespacedName) -> Workload:
        """Return a workload; raises ``ProblemWithoutPlace`` if it is absent in the step, or has no pods."""
        workload = self._inventory.workloads.get(ref)
        if workload is None:
            raise ProblemWithoutPlace(
                f"{ref} is absent in this step", "remove the path, or remove the object from 'absent'"
            )
        if not workload.replicas:
            raise ProblemWithoutPlace(
                f"{workload.kind} {ref} has no pods (replicas: 0)", "remove the path, or set its replicas"
            )
        return workload


def _single(number: int) -> tuple[PortTerm, ...]:
    return (PortRange(number, number),)


def _known_as(port: Port, name: str, protocol: Protocol) -> Iterable[int | str]:
    """Return the number and the name of a port, if it has the protocol."""
    return filter(None, (port.number, name)) if port.protocol is protocol else ()


def _single_ports(terms: Iterable[PortTerm]) -> Iterable[int | str]:
    for term in terms:
        yield from term.numbers if isinstance(term, PortRange) else (term,)


def _serving(workloads: Iterable[Workload], port: int | str, protocol: Protocol) -> Iterable[tuple[Workload, int]]:
    """Return the workloads that serve a port, by number or by name; raises ``ProblemWithoutPlace`` if none does."""
    served: list[tuple[Workload, int]] = []
    for workload in workloads:
        own = named(workload.ports, port, protocol) if isinstance(port, str) else (port,)
        declared = {entry.port for entry in workload.ports}
        served += [(workload, number) for number in own if Port(protocol, number) in declared]
    if not served:
        shown = f"port {port}/{protocol}" if isinstance(port, int) else f"a {protocol} port called '{port}'"
        raise ProblemWithoutPlace(f"no workload serves {shown}", "declare it as a containerPort")
    return served
