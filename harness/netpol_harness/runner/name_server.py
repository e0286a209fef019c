"""Finds the cluster's name server: the address that pods ask, and the pods or the host that answer there.

A pod's own resolv.conf names the address (``dnsPolicy: ClusterFirst``, core/v1 PodSpec). The Service that has it, and
its endpoints, tell which pods answer, and at which port: those of CoreDNS in kube-system on most clusters, those of
openshift-dns at port 5353, and so on. With NodeLocal DNSCache a server on the pod's own node takes the address over.
"""

import json
import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any
from typing import Protocol as Interface

from netpol_harness.errors import ApiError, HarnessError
from netpol_harness.model.addresses import ip_version
from netpol_harness.model.endpoint_slices import EndpointSlice
from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import NamespacedName, ObjectKey, Port, Protocol
from netpol_harness.model.objects import Pod, World
from netpol_harness.model.services import Service
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.wellknown import EXTERNAL_HOST_ANNOTATION

log = logging.getLogger("netpol_harness.runner")

FOUND = "name-server"
"""The run directory's key for the name server that was found."""

NODE_LOCAL = NamespacedName("kube-system", "node-local-dns")
"""The DaemonSet of NodeLocal DNSCache. Its name is the value of its pods' label ``k8s-app``."""

_USUAL_NAMESPACES = ("kube-system", "openshift-dns")
"""Where name servers are looked for by users who may not list the Services of all namespaces."""

_QUESTIONS = Port(Protocol.UDP, 53)
_REFUSALS = (401, 403, 404)

MOST_READ = 5
"""How many pods are tried until the resolv.conf of one can be read."""

ReadFile = Callable[[NamespacedName, str, str], str]
"""Returns the text of a file in a container of a pod. Raises ``HarnessError`` if it cannot be read."""


class Objects(Interface):
    """The live objects of a cluster, as ``kube.client.Client`` gives them."""

    def list(
        self, api_version: str, kind: str, *, namespace: str = "", labels: str = "", fields: str = ""
    ) -> list[JsonObject]:
        """Return the objects that match, in one namespace or in all. Raises ``ApiError``."""

    def find(self, key: ObjectKey) -> JsonObject | None:
        """Return an object, ``None`` if it does not exist. Raises ``ApiError``."""


class NameServerFinder:
    """Finds the name server of one cluster. ``once`` keeps what was found under a key, for all processes of a run."""

    def __init__(self, objects: Objects, once: Callable[[str, Callable[[], str]], str], read_file: ReadFile) -> None:
        self._objects = objects
        self._once = once
        self._read_file = read_file
        self._found: NameServer | None = None

    def find(self, pods: Collection[JsonMapping]) -> NameServer:
        """Return the name server. ``pods`` are live ones, of which one that asks the cluster's name server is read.

        Without such a pod, it is the one that clusters have by default.
        """
        if self._found is None:
            askers = [pod for pod in pods if _asks_the_cluster(pod)]
            if not askers:
                return NameServer()
            text = self._once(FOUND, lambda: json.dumps(self._search(askers).as_json()))
            self._found = NameServer.from_json(json.loads(text))
        return self._found

    def pods_of(self, server: NameServer) -> list[JsonObject]:
        """Return the live pods of a name server, as far as the user may see them."""
        selector = ",".join(f"{key}={value}" for key, value in server.labels.items())
        return self._listed("Pod", server.service.namespace, selector) if selector else []

    def _search(self, pods: Sequence[JsonMapping]) -> NameServer:
        for data in pods[:MOST_READ]:
            try:
                container = data["spec"]["containers"][0]["name"]
                text = self._read_file(Pod.parse(data).ref, container, "/etc/resolv.conf")
            except HarnessError as error:
                log.info("the resolv.conf of %s cannot be read: %s", data["metadata"]["name"], error)
                continue
            if addresses := name_servers_in(text):
                return self._at(addresses[0])
        return self._behind(next(self._usual_services(), None))

    def _at(self, address: str) -> NameServer:
        """Return the name server at an address."""
        if any(address in _arguments(pod) for pod in self._node_local_pods()):
            labels = {"k8s-app": NODE_LOCAL.name}
            return NameServer(NODE_LOCAL, labels, address=address)
        try:
            listed = self._objects.list("v1", "Service", fields=f"spec.clusterIP={address}")
        except ApiError as error:
            if error.code not in _REFUSALS:
                raise
            return self._behind(next((s for s in self._usual_services() if address in s.cluster_ips), None))
        services = [service for service in map(Service.parse, listed) if address in service.cluster_ips]
        return self._behind(services[0]) if services else NameServer(labels={}, address=address)

    def _behind(self, service: Service | None) -> NameServer:
        """Return the name server behind a Service; without one, that of most clusters."""
        if service is None:
            return NameServer()
        labels, port = self._answering(service)
        return NameServer(
            service.ref, labels, port, self._namespace_labels(service.ref.namespace), cluster_ips=service.cluster_ips
        )

    def _usual_services(self) -> Iterator[Service]:
        """Yield the Services that answer look-ups where most clusters have them, as far as the user may see them."""
        for namespace in _USUAL_NAMESPACES:
            for service in map(Service.parse, self._listed("Service", namespace)):
                if _QUESTIONS in [port.port for port in service.ports]:
                    yield service

    def _node_local_pods(self) -> list[JsonObject]:
        return self._listed("Pod", NODE_LOCAL.namespace, f"k8s-app={NODE_LOCAL.name}")

    def _answering(self, service: Service) -> tuple[Mapping[str, str], int]:
        """Return the labels that all pods of the Service have, and the port at which they answer."""
        selector = ",".join(f"{key}={value}" for key, value in (service.selector or {}).items())
        pods = [*map(Pod.parse, self._listed("Pod", service.ref.namespace, selector) if selector else ())]
        slices = filter(None, map(EndpointSlice.parse, self._slices(service.ref.namespace)))
        world = World(pods={pod.ref: pod for pod in pods}, endpoint_slices=tuple(slices))
        endpoints = EndpointResolver(world).of_service(service, _QUESTIONS)
        targets = [port.target for port in service.ports if port.port == _QUESTIONS]
        numbers = [number for number in (*(e.port.number for e in endpoints), *targets) if isinstance(number, int)]
        shared = set[tuple[str, str]].intersection(*(set(pod.labels.items()) for pod in pods)) if pods else set()
        return dict(sorted(shared)) or service.selector or {}, (numbers or [_QUESTIONS.number])[0]

    def _slices(self, namespace: str) -> list[JsonObject]:
        return self._listed("EndpointSlice", namespace, api_version="discovery.k8s.io/v1")

    def _namespace_labels(self, name: str) -> Mapping[str, str]:
        try:
            namespace = self._objects.find(ObjectKey("v1", "Namespace", "", name)) or {}
        except ApiError as error:
            if error.code not in _REFUSALS:
                raise
            return {}
        return dict((namespace.get("metadata") or {}).get("labels") or {})

    def _listed(self, kind: str, namespace: str, labels: str = "", api_version: str = "v1") -> list[JsonObject]:
        """Return the objects of a namespace; none if the user may not list them."""
        try:
            return self._objects.list(api_version, kind, namespace=namespace, labels=labels)
        except ApiError as error:
            if error.code not in _REFUSALS:
                raise
            return []


def name_servers_in(text: str) -> tuple[str, ...]:
    """Return the addresses of the name servers in a resolv.conf (resolv.conf(5)), in order."""
    words = (line.split() for line in text.splitlines())
    named = (line[1] for line in words if len(line) > 1 and line[0] == "nameserver")
    return tuple(address for address in named if ip_version(address))


def _arguments(pod: JsonMapping) -> frozenset[str]:
    """Return the words of a pod's commands: NodeLocal DNSCache lists there the addresses that it takes over."""
    containers = (pod.get("spec") or {}).get("containers") or ()
    parts = (part for c in containers for part in (*(c.get("command") or ()), *(c.get("args") or ())))
    return frozenset(word for part in parts for word in re.split(r"[\s,=]+", part))


def _asks_the_cluster(data: JsonMapping) -> bool:
    """Return whether a live pod asks the cluster's name server: it runs, and its policy says so."""
    spec: Mapping[str, Any] = data.get("spec") or {}
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    by_policy = policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not spec.get("hostNetwork"))
    is_host = EXTERNAL_HOST_ANNOTATION in (data["metadata"].get("annotations") or {})
    is_running = (data.get("status") or {}).get("phase") == "Running" and "deletionTimestamp" not in data["metadata"]
    return data["kind"] == "Pod" and is_running and by_policy and not is_host
