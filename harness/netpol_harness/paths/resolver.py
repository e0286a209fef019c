"""Resolves one sentence of the grammar to its paths: looks up names, and compares ports with those that are served.

``paths.expectations`` then compares the paths of all sentences with each other.
"""

from collections.abc import Callable, Sequence
from itertools import product
from operator import attrgetter
from typing import TypeVar

from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import Service
from netpol_harness.paths.diagnostics import ProblemWithoutPlace
from netpol_harness.paths.endpoints import EndpointResolver
from netpol_harness.paths.ends import (
    AddressTarget,
    AnyServiceTarget,
    ClusterIPTarget,
    ExternalSource,
    ExternalTarget,
    FqdnTarget,
    NodePortTarget,
    PodSource,
    PodTarget,
    ServiceTarget,
    Source,
    Target,
)
from netpol_harness.paths.grammar import Form, Name, Sentence
from netpol_harness.paths.names import Names
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Inventory, Path, Scheme, Workload
from netpol_harness.paths.transition import Transition

T = TypeVar("T")

_UNPROVABLE = "a missing answer would prove nothing, so only 'undefined' can be expected"


class Resolver:
    """Resolves the sentences of one step."""

    def __init__(self, inventory: Inventory, transition: Transition | None, endpoints: EndpointResolver) -> None:
        self._inventory = inventory
        self._endpoints = endpoints
        self._transition = transition
        self._names = Names(inventory, transition.absent if transition else frozenset())
        self._any = [workload for workload in inventory.workloads.values() if workload.in_closed_world]

    def paths(self, sentence: Sentence) -> list[Path]:
        """Return the path of a sentence, or all paths that an ``any`` stands for.

        Raises a ``ProblemWithoutPlace``, or a group of them with one per side.
        """
        problems: list[ProblemWithoutPlace] = []
        sources, targets = (
            _noting_problem(self._sources, sentence, problems),
            _noting_problem(self._targets, sentence, problems),
        )
        if problems:
            raise ExceptionGroup(sentence.text, problems)
        paths = [
            Path(source, sentence.scheme, target, left, right, sentence.mode, sentence.source_port)
            for (source, left), (target, right) in product(sources, targets)
            if not (sentence.is_wildcard and self._leads_back(source, target, sentence))
        ]
        if not paths:
            raise ProblemWithoutPlace(
                f"'any' matches no workload in '{sentence.text}'", "remove the line, or add workloads"
            )
        if transition := self._transition:
            for path in paths:
                transition.check(path, sentence.expected)
        return paths

    def _leads_back(self, source: Source, target: Target, sentence: Sentence) -> bool:
        """Return whether the source may answer itself, which the API leaves undefined."""
        probed = Port(sentence.scheme.protocol, sentence.port)
        return isinstance(source, PodSource) and source.ref in self._endpoints.workloads_behind(target, probed)

    def _sources(self, sentence: Sentence) -> list[tuple[Source, str]]:
        if sentence.from_any:
            spell = self._names.spell_source
            return [(PodSource(w.ref), sentence.left_prefix + spell(w.ref)) for w in self._any]
        if host := self._names.external(sentence.source):
            _require_one_pod(sentence, None)
            return [(ExternalSource(host), sentence.left)]
        workload = self._with_pods(self._names.workload(sentence.source))
        _require_one_pod(sentence, workload)
        return [(PodSource(workload.ref), sentence.left)]

    def _targets(self, sentence: Sentence) -> list[tuple[Target, str]]:
        return self._every_target(sentence) if sentence.to_any else [(self._target(sentence), sentence.right)]

    def _every_target(self, sentence: Sentence) -> list[tuple[Target, str]]:
        protocol, number = sentence.scheme.protocol, sentence.port
        serving = [w for w in self._any if protocol is Protocol.ICMP or number in _numbers(w, protocol)]
        if not serving:
            raise ProblemWithoutPlace(f"no workload serves port {number}/{protocol}", "declare it as a containerPort")
        colon = f":{number}" if number else ""
        return [
            (PodTarget(w.ref, number), f"{sentence.prefix}{self._names.spell_target(w.ref)}{colon}") for w in serving
        ]

    def _target(self, sentence: Sentence) -> Target:
        name = sentence.target
        match sentence.form:
            case Form.ADDRESS:
                return self._address(sentence)
            case Form.POD:
                return self._pod(self._names.workload(name), sentence)
            case Form.NODE:
                return self._node(self._names.workload(name), sentence)
            case Form.SERVICE:
                return self._service(ServiceTarget, self._names.service(name), sentence)
            case Form.FULL_NAME:
                return self._service(FqdnTarget, self._names.service(name), sentence)
            case Form.IP:
                return self._service(ClusterIPTarget, self._names.service(name), sentence)
            case Form.NAME:
                return self._plain(name, sentence)

    def _plain(self, name: Name, sentence: Sentence) -> Target:
        if host := self._names.external(name):
            return self._external(host, sentence)
        named = self._names.target(name)
        if named.is_workload and named.is_service:
            self._require_service_meant(named.ref, sentence)
        if named.is_service:
            return self._service(ServiceTarget, named.ref, sentence)
        return self._pod(named.ref, sentence)

    def _require_service_meant(self, ref: NamespacedName, sentence: Sentence) -> None:
        """Raise a problem if a name of both a workload and a Service does not certainly mean the Service.

        It does if the port is the Service's, or if it must be unresolved: only a Service's name is looked up.
        """
        service, name = self._inventory.services.get(ref), sentence.target
        ports = [p.port for p in service.ports] if service else []
        probed = Port(sentence.scheme.protocol, sentence.port)
        if probed in ports or sentence.expected is Expected.UNRESOLVED:
            return
        served = f", which serves {', '.join(map(str, ports))}" if ports else ""
        raise ProblemWithoutPlace(
            f"'{name}' is both a workload and a Service{served}",
            f"write pod({name}) for the pod's address, service({name}) or ip({name}) for the Service",
        )

    def _address(self, sentence: Sentence) -> Target:
        for host in self._inventory.externals.values():
            if host.address == sentence.target.name:
                return self._external(host.name, sentence)
        return AddressTarget(sentence.target.name, sentence.port)

    def _external(self, name: str, sentence: Sentence) -> Target:
        served = [p.port for p in self._inventory.externals[name].ports]
        _require(sentence, served, f"the external host '{name}'", "give it that port under 'external'")
        return ExternalTarget(name, sentence.port)

    def _pod(self, ref: NamespacedName, sentence: Sentence) -> Target:
        workload = self._with_pods(ref)
        served = [p.port for p in workload.ports]
        _require(sentence, served, f"{workload.kind} {workload.ref}", "declare it as a containerPort in its manifest")
        return PodTarget(workload.ref, sentence.port)

    def _node(self, ref: NamespacedName, sentence: Sentence) -> Target:
        workload = self._with_pods(ref)
        ports = [port for service in self._inventory.services.values() for port in service.ports if port.node_port]
        offered = sorted({Port(port.port.protocol, port.node_port) for port in ports}, key=str)
        _require(sentence, offered, "a node (by the Services' nodePorts)", "write nodePort in the Service's manifest")
        return NodePortTarget(workload.ref, sentence.port)

    def _service(self, kind: type[AnyServiceTarget], ref: NamespacedName, sentence: Sentence) -> Target:
        target = kind(ref, sentence.port)
        service = self._inventory.services.get(ref)
        if service is None:
            self._absent_service(target, sentence)
            return target
        if isinstance(target, ClusterIPTarget) and service.headless:
            raise ProblemWithoutPlace(f"Service {ref} is headless and has no ClusterIP", "use its name, or its pods")
        if sentence.scheme is Scheme.ICMP:
            raise ProblemWithoutPlace(f"Service {ref} does not answer ICMP: it is not a host", "use one of its pods")
        self._require_service_port(service, sentence)
        return target

    def _absent_service(self, target: AnyServiceTarget, sentence: Sentence) -> None:
        by_name = not isinstance(target, ClusterIPTarget)
        if not (by_name and sentence.expected in (Expected.UNRESOLVED, Expected.UNDEFINED)):
            raise ProblemWithoutPlace(
                f"Service {target.ref} is absent in this step",
                "only its name can be probed, and only 'unresolved' or 'undefined' be expected",
            )

    def _require_service_port(self, service: Service, sentence: Sentence) -> None:
        served = [p.port for p in service.ports]
        if service.headless:
            pods = sorted(self._endpoints.backing(service), key=attrgetter("ref"))
            served = [port.port for pod in pods for port in pod.ports]
        elif not served:
            return
        behind = [str(p.port) for p in service.ports if p.target == sentence.port]
        hint = f"{sentence.port} is its targetPort: use {' or '.join(behind)}" if behind else "use a port that it has"
        _require(sentence, served, f"Service {service.ref}", hint)

    def _with_pods(self, ref: NamespacedName) -> Workload:
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


def _noting_problem(
    resolve: Callable[[Sentence], list[T]], sentence: Sentence, problems: list[ProblemWithoutPlace]
) -> list[T]:
    """Resolve one side of a sentence, or note its problem and return nothing, so that both sides are checked."""
    try:
        return resolve(sentence)
    except ProblemWithoutPlace as problem:
        problems.append(problem)
        return []


def _numbers(workload: Workload, protocol: Protocol) -> frozenset[int]:
    return frozenset(p.port.number for p in workload.ports if p.port.protocol is protocol)


def _require_one_pod(sentence: Sentence, source: Workload | None) -> None:
    """Raise a problem if a bound port has several pods: all attempts would not be the same flow."""
    if sentence.source_port and (source is None or not source.is_one_pod):
        reason = (
            f"{source.kind} {source.ref} may have several" if source else f"'{sentence.source}' is an external host"
        )
        raise ProblemWithoutPlace(
            f"'{sentence.left}' binds a port in one pod, but {reason}", "use a Pod as the source, or remove the port"
        )


def _require(sentence: Sentence, served: Sequence[Port], server: str, remedy: str) -> None:
    """Raise a problem if nothing serves the port: a denial could never be told from a missing listener."""
    probed = Port(sentence.scheme.protocol, sentence.port)
    if probed.protocol is Protocol.ICMP or probed in served or sentence.expected is Expected.UNDEFINED:
        return
    same_number = [port for port in served if port.number == probed.number]
    if same_number:
        remedy = f"write {same_number[0].protocol.lower()}:// before the name to probe {same_number[0]}"
    ports = ", ".join(dict.fromkeys(map(str, served))) or "no port"
    raise ProblemWithoutPlace(f"{server} serves {ports}, not {probed}: {_UNPROVABLE}", remedy)
