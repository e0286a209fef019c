"""All dependencies that the manifests of a scenario declare, as lines of a scenario.yaml. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from netpol_harness.analysis.dependencies.backends import NamedService, backends, servers_of_the_api
from netpol_harness.analysis.dependencies.references import Reference, expanded, references
from netpol_harness.analysis.dependencies.values import ContainerValues, DeclaredValue, container_values, probes
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import NamespacedName, Protocol
from netpol_harness.model.services import Service
from netpol_harness.paths.names import Names
from netpol_harness.paths.path import ExternalHost, Inventory, Workload
from netpol_harness.scenario.scenario import Manifest, Scenario

OUTSIDE = "outside"
"""The external host that stands for the clients of an Ingress if its controller is not in the manifests."""

_CONTROLLERS = re.compile(
    r"ingress-nginx|nginx-ingress|ingress-controller|traefik|haproxy-ingress|contour|envoy-gateway"
)
_SHELL_FLAG = re.compile(r"-[a-z]*c[a-z]*")
_PROMETHEUS = re.compile(r"(^|/)prometheus(:|@|$)")


@dataclass(frozen=True, slots=True)
class Dependency:
    """A path that manifests declare. ``path`` is its text, ``where`` the line, ``why`` what that line says."""

    path: str
    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The declared paths, and what was found but not written, with reasons."""

    paths: tuple[Dependency, ...]
    notes: tuple[str, ...]
    inventory: Inventory


def dependencies(scenario: Scenario) -> Dependencies:
    """Return what the manifests of a scenario declare, each path once, in the order of the manifests."""
    return _Finder(scenario).all()


class _Finder:
    def __init__(self, scenario: Scenario) -> None:
        self._manifests = scenario.workloads
        self._inventory = scenario.inventory
        self._services = scenario.inventory.services
        self._configs = {m.name.ref: m for m in self._manifests if m.name.kind == "ConfigMap"}
        self._notes: dict[str, None] = {}
        self._uses_outside = False
        externals = {**self._inventory.externals, OUTSIDE: ExternalHost(OUTSIDE)}
        self._with_outside = replace(self._inventory, externals=externals)
        self._names = Names(self._with_outside)

    def all(self) -> Dependencies:
        found = [d for manifest in self._manifests for d in self._of(manifest)]
        found += [d for manifest in self._manifests for d in self._probed(manifest)]
        first: dict[str, Dependency] = {}
        for dependency in found:
            first.setdefault(dependency.path, dependency)
        inventory = self._with_outside if self._uses_outside else self._inventory
        return Dependencies(tuple(first.values()), tuple(self._notes), inventory)

    def _of(self, manifest: Manifest) -> Iterator[Dependency]:
        workload = self._inventory.workloads.get(manifest.name.ref) if manifest.pod else None
        if workload is not None and manifest.name.kind == "CronJob":
            self._notes[f"{manifest.where}: {manifest.name} has no pods until its schedule starts some"] = None
        elif workload is not None:
            yield from self._of_pods(manifest, workload)
            yield from self._scraped(manifest, manifest.pod.get("metadata") or {}, workload)
        yield from self._routed(manifest)
        yield from self._called_by_the_api_server(manifest)
        if manifest.name.kind in ("ServiceMonitor", "PodMonitor"):
            yield from self._monitor(manifest)
        elif manifest.name.kind == "Service":
            service = self._services[manifest.name.ref]
            yield from self._scraped(manifest, manifest.data["metadata"], None, service)

    def _of_pods(self, manifest: Manifest, workload: Workload) -> Iterator[Dependency]:
        source, looks_up = self._names.spell_source(workload.ref), False
        identity = workload.ref.namespace, workload.labels
        for values in container_values(manifest, self._configs):
            for value, reference in self._references(values, workload.ref.namespace):
                if reference.port == 0 and self._services[reference.service].selects(*identity):
                    continue  # its own name
                looks_up = True
                yield from self._to_service(source, reference, value.where, _shown(value))
        for service in self._services.values():
            is_member = service.headless and manifest.data.get("spec", {}).get("serviceName") == service.ref.name
            if is_member and service.selects(*identity) and workload.replicas > 1:
                looks_up = True
                for port in service.ports:
                    right = f"{_scheme(port.port.protocol)}{self._names.spell_service(service.ref)}:{port.port.number}"
                    yield Dependency(
                        f"{source} -> {right}", manifest.at("spec", "serviceName"), "members of the StatefulSet"
                    )
        if looks_up:
            yield Dependency(f"{source} -> dns", manifest.where, "it looks up the names of Services")

    def _references(self, values: ContainerValues, namespace: str) -> Iterator[tuple[DeclaredValue, Reference]]:
        variables = dict(_service_variables(self._services, namespace))
        for value in values.environment:
            variables[value.key] = expanded(value.text, variables)
        for value in (*values.environment, *values.others):
            text = expanded(value.text, variables)
            for reference in references(text, namespace, self._services, key=value.key):
                port = reference.port or _paired_port(value.key, variables)
                yield value, Reference(reference.service, port)

    def _to_service(self, source: str, reference: Reference, where: str, why: str) -> Iterator[Dependency]:
        service = self._services[reference.service]
        numbers = {port.port.number: port.port.protocol for port in service.ports}
        spelled = self._names.spell_service(service.ref)
        number = reference.port or (next(iter(numbers)) if len(numbers) == 1 else 0)
        if number not in numbers and not (number and service.headless):
            ports = ", ".join(map(str, numbers)) or "none"
            asked = f"port {number}" if number else "no port"
            self._notes[f"{where}: {source} names {spelled} and {asked}; the Service has {ports}"] = None
            return
        protocol = numbers.get(number, Protocol.TCP)
        yield Dependency(f"{source} -> {_scheme(protocol)}{spelled}:{number}", where, why)

    def _routed(self, manifest: Manifest) -> Iterator[Dependency]:
        """Yield the paths to backends: from the controller if the manifests have it, else from a host outside."""
        controllers = self._running(_CONTROLLERS)
        for named in backends(manifest):
            if not (service := self._known(named)):
                continue
            number = next((p.port.number for p in service.ports if named.port in (p.name, p.port.number)), 0)
            why = f"{named.why}, from {'its controller' if controllers else 'a host outside'}"
            self._uses_outside |= not controllers
            for source in controllers or (OUTSIDE,):
                yield from self._to_service(source, Reference(service.ref, number), named.where, why)

    def _called_by_the_api_server(self, manifest: Manifest) -> Iterator[Dependency]:
        for named in servers_of_the_api(manifest):
            service = self._known(named)
            for workload in self._inventory.workloads.values() if service else ():
                assert service is not None
                if service.selects(workload.ref.namespace, workload.labels):
                    source = f"node({self._names.spell_source(workload.ref)})"
                    reference = Reference(service.ref, named.port if isinstance(named.port, int) else 0)
                    why = f"{named.why}, from the API server on a node"
                    yield from self._to_service(source, reference, named.where, why)

    def _known(self, named: NamedService) -> Service | None:
        service = self._services.get(named.service)
        if service is None:
            self._notes[f"{named.where}: Service {named.service} is not in these manifests ({named.why})"] = None
        return service

    def _monitor(self, manifest: Manifest) -> Iterator[Dependency]:
        spec = manifest.data.get("spec") or {}
        selector = LabelSelector.parse(spec.get("selector") or {})
        chosen = spec.get("namespaceSelector") or {}
        named = chosen.get("matchNames") or [manifest.name.ref.namespace]

        def selects(namespace: str, labels: Mapping[str, str]) -> bool:
            return (bool(chosen.get("any")) or namespace in named) and selector.matches(labels)

        is_service = manifest.name.kind == "ServiceMonitor"
        key = "endpoints" if is_service else "podMetricsEndpoints"
        for index, endpoint in enumerate(spec.get(key) or ()):
            where, wanted = manifest.at("spec", key, index), endpoint.get("port") or endpoint.get("targetPort")
            for workload in self._inventory.workloads.values():
                behind = [s for s in self._services.values() if s.selects(workload.ref.namespace, workload.labels)]
                labelled = [s for s in behind if selects(s.ref.namespace, self._labels_of(s))]
                chosen_pod = bool(labelled) if is_service else selects(workload.ref.namespace, workload.labels)
                if chosen_pod:
                    targets = [p.target for s in labelled for p in s.ports if p.name == wanted] or [wanted]
                    yield from self._scrape(workload, targets[0], where, str(manifest.name))

    def _labels_of(self, service: Service) -> Mapping[str, str]:
        found = (m for m in self._manifests if m.name.kind == "Service" and m.name.ref == service.ref)
        labels: Mapping[str, str] = next(found).data["metadata"].get("labels") or {}
        return labels

    def _scraped(
        self, manifest: Manifest, metadata: Mapping[str, Any], workload: Workload | None, service: Service | None = None
    ) -> Iterator[Dependency]:
        annotations = metadata.get("annotations") or {}
        if str(annotations.get("prometheus.io/scrape")).lower() != "true":
            return
        pods = [workload] if workload else list(self._inventory.workloads.values())
        for pod in pods:
            if service is None or service.selects(pod.ref.namespace, pod.labels):
                first = next((port.port.number for port in pod.ports), 0)
                text = str(annotations.get("prometheus.io/port") or first)
                port = int(text) if text.isascii() and text.isdigit() else text
                yield from self._scrape(pod, port, manifest.at("metadata", "annotations"), "prometheus.io/scrape")

    def _scrape(self, workload: Workload, port: object, where: str, why: str) -> Iterator[Dependency]:
        number = next((p.port.number for p in workload.ports if port in (p.name, p.port.number)), 0)
        number = number or (port if isinstance(port, int) else 0)
        sources = self._running(_PROMETHEUS)
        target = self._names.spell_target(workload.ref)
        if not (sources and number):
            missing = "no Prometheus is in the manifests" if number else f"it has no port {port}"
            self._notes[f"{where}: {target} is to be scraped ({why}); {missing}"] = None
        for source in sources if number else ():
            if source != self._names.spell_source(workload.ref):
                yield Dependency(f"{source} -> {target}:{number}", where, f"scraped: {why}")

    def _probed(self, manifest: Manifest) -> Iterator[Dependency]:
        """Yield the connections of the kubelet to one pod of a workload, for its probes."""
        workload = self._inventory.workloads.get(manifest.name.ref) if manifest.pod else None
        if (
            workload is None
            or workload.host_network
            or not workload.replicas
            or manifest.name.kind in ("Job", "CronJob")
        ):
            return
        name = self._names.spell_source(workload.ref)
        source, target = (f"{name}/0",) * 2 if workload.replicas > 1 else (name, self._names.spell_target(workload.ref))
        for probe, port, where in probes(manifest):
            if number := next((p.port.number for p in workload.ports if port in (p.name, p.port.number)), 0):
                yield Dependency(f"node({source}) -> {target}:{number}", where, f"{probe} of the kubelet")

    def _running(self, images: re.Pattern[str]) -> tuple[str, ...]:
        """Return the workloads, as sources, that run such an image."""
        return tuple(
            self._names.spell_source(manifest.name.ref)
            for manifest in self._manifests
            if manifest.name.ref in self._inventory.workloads and manifest.name.kind not in ("Job", "CronJob")
            for container in ((manifest.pod.get("spec") or {}).get("containers") or ())[:1]
            if images.search(str(container.get("image")))
        )


def _scheme(protocol: Protocol) -> str:
    return "" if protocol is Protocol.TCP else f"{protocol.lower()}://"


def _shown(value: DeclaredValue) -> str:
    """Name the variable or the flag; the value may hold a password."""
    return "a word of the command" if not value.key or _SHELL_FLAG.fullmatch(value.key) else value.key


def _paired_port(key: str, variables: Mapping[str, str]) -> int:
    """Return the number in ``DB_PORT`` for ``DB_HOST``; 0 if there is none."""
    stem = re.sub(r"_?(HOST(NAME)?|ADDR(ESS)?|SERVER|SERVICE|URL)$", "", key, flags=re.IGNORECASE)
    for name in (f"{stem}_PORT", f"{stem}PORT", f"{stem}_port"):
        text = variables.get(name, "")
        if stem != key and text.isascii() and text.isdigit() and 0 < int(text) < 65536:
            return int(text)
    return 0


def _service_variables(services: Mapping[NamespacedName, Service], namespace: str) -> Iterator[tuple[str, str]]:
    """Yield the variables that the kubelet sets for the Services of a namespace, with their names as hosts."""
    for service in services.values():
        if service.ref.namespace == namespace and service.ports and not service.headless:
            prefix = service.ref.name.upper().replace("-", "_")
            yield f"{prefix}_SERVICE_HOST", service.ref.name
            yield f"{prefix}_SERVICE_PORT", str(service.ports[0].port.number)
