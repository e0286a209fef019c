"""External hosts: machines outside the cluster, which reach it and are reached by address only.

Where the backend starts machines of its own (kind), ``ExecRouter`` sends commands for them to the backend, and a
snapshot shows them as pods. Elsewhere (the embedded cluster) a host is a pod with an annotation: it has its own
network, an address of a documentation range (RFC 5737), and is not a pod for policies, Services and the name server.

Invariant: code that probes does not see the difference. Either kind of host has a ``NamespacedName``, and that of a
machine is in a namespace that no cluster has.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from netpol_harness.backends.base import ExternalHosts
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ExecFailed
from netpol_harness.kube.exec import Exec, ExecReply, PodExec, Session
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.path import ExternalHost
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import EXTERNAL_NAMESPACE
from netpol_harness.wellknown import EXTERNAL_HOST_ANNOTATION, KNOWN_TO_ANNOTATION, TEST_IMAGE


class ExecRouter:
    """``Exec`` for pods and for machines: the namespace of the reference decides."""

    def __init__(self, pods: PodExec) -> None:
        self._pods = pods
        self._machines: dict[str, Exec] = {}

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        """Run the command in the pod or machine of this name."""
        exec = self._machines.get(pod.namespace, self._pods)
        return exec(pod, argv, stdin=stdin, deadline=deadline, container=container)

    def session(self, pod: NamespacedName, argv: Sequence[str], *, deadline: Deadline, container: str = "") -> Session:
        """Start the command in a pod and leave it running. Raises ``ExecFailed`` for a machine."""
        if pod.namespace in self._machines:
            raise ExecFailed(f"external host {pod.name} cannot hold a connection open: it is not a pod of this cluster")
        return self._pods.session(pod, argv, deadline=deadline, container=container)

    def connect(self, namespace: str, machines: Exec) -> None:
        """Send commands for this namespace to the machines from now on."""
        self._machines[namespace] = machines

    def disconnect(self, namespace: str) -> None:
        """Send commands for this namespace to pods again; does nothing if it was not connected."""
        self._machines.pop(namespace, None)


class ScenarioHosts:
    """The external hosts of one scenario: machines that the backend starts, or pods if it has none.

    ``run`` is the run's name; it keeps apart the machines of scenarios that are not placed in namespaces of their own.
    """

    def __init__(self, hosts: Sequence[ExternalHost], placement: Placement, router: ExecRouter, run: str) -> None:
        self._hosts = hosts
        self._placement = placement
        self._router = router
        self._backend: ExternalHosts | None = None
        namespace = placement.real(EXTERNAL_NAMESPACE)
        self._namespace = namespace if namespace != EXTERNAL_NAMESPACE else f"{namespace}-{run}"
        self._machines: tuple[JsonMapping, ...] = ()

    def start(self, backend: ExternalHosts | None) -> None:
        """Start the machines, if the backend has them, and route commands to them. Raises as ``ExternalHosts`` does."""
        self._backend = backend
        if backend is not None:
            started = backend.start(self._hosts, self._namespace)
            self._router.connect(self._namespace, backend.exec)
            self._machines = tuple(_machine_as_pod(host, *started[host.name]) for host in self._hosts)

    def stop(self) -> None:
        """Remove the machines. May be called however far ``start`` came."""
        if self._backend is not None:
            self._router.disconnect(self._namespace)
            self._backend.stop()
            self._machines = ()

    @property
    def machines(self) -> tuple[JsonMapping, ...]:
        """The machines that run now, as a snapshot shows them."""
        return self._machines

    @property
    def pods(self) -> tuple[JsonMapping, ...]:
        """The pods that stand for the hosts, in the cluster's names; none if the backend has machines for them."""
        return external_host_pods(self._hosts, self._placement) if self._backend is None else ()


def external_host_pods(hosts: Sequence[ExternalHost], placement: Placement) -> tuple[JsonMapping, ...]:
    """Return the manifests of the pods that stand for these hosts, in the cluster's names."""
    known_to = {KNOWN_TO_ANNOTATION: ",".join(sorted(placement.names.values()))}
    return tuple(placement.manifest(_pod(host, known_to)) for host in hosts)


def _pod(host: ExternalHost, annotations: Mapping[str, str]) -> JsonMapping:
    metadata = _metadata(NamespacedName(EXTERNAL_NAMESPACE, host.name), host.address)
    container = {"name": "host", "image": TEST_IMAGE, "args": ["pause"], "ports": _ports(host)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "annotations": {**metadata["annotations"], **annotations}},
        "spec": {"containers": [container]},
    }


def _machine_as_pod(host: ExternalHost, ref: NamespacedName, address: str) -> JsonMapping:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(NamespacedName(ref.namespace, host.name), address),
        "spec": {"containers": [{"ports": _ports(host)}]},
        "status": {"phase": "Running", "podIPs": [{"ip": address}]},
    }


def _metadata(name: NamespacedName, address: str) -> JsonMapping:
    return {"name": name.name, "namespace": name.namespace, "annotations": {EXTERNAL_HOST_ANNOTATION: address}}


def _ports(host: ExternalHost) -> list[Mapping[str, Any]]:
    return [{"containerPort": p.port.number, "protocol": p.port.protocol.value} for p in host.ports]
