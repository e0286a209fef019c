"""External hosts that are machines of their own, beside those that the cluster makes out of pods (``externals``).

Invariant: whatever asks does not know the difference. A machine has a ``NamespacedName`` in a namespace that no cluster
has, ``Switchboard`` sends commands for it to the backend, and the census is told of it as if it were a pod.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netpol_harness.backends.base import ExternalHosts
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ExecFailed
from netpol_harness.kube.exec import Exec, ExecReply, PodExec, Session
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.path import ExternalHost
from netpol_harness.wellknown import EXTERNAL_HOST_ANNOTATION


class Switchboard:
    """``Exec`` for pods and machines alike: by the namespace of the reference."""

    def __init__(self, pods: PodExec) -> None:
        self._pods = pods
        self._machines: dict[str, Exec] = {}

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        """Run the command where the reference leads."""
        exec = self._machines.get(pod.namespace, self._pods)
        return exec(pod, argv, stdin=stdin, deadline=deadline, container=container)

    def session(self, pod: NamespacedName, argv: Sequence[str], *, deadline: Deadline, container: str = "") -> Session:
        """Start the command in a pod and leave it running."""
        if pod.namespace in self._machines:
            raise ExecFailed(f"external host {pod.name} cannot hold a connection open: it is no pod of this cluster")
        return self._pods.session(pod, argv, deadline=deadline, container=container)

    def connect(self, namespace: str, machines: Exec) -> None:
        """From now on this namespace is one of machines."""
        self._machines[namespace] = machines

    def disconnect(self, namespace: str) -> None:
        """The machines are gone."""
        self._machines.pop(namespace, None)


@dataclass(slots=True)
class ExternalMachines:
    """The machines of one scenario, in the namespace that stands for them."""

    hosts: ExternalHosts
    namespace: str
    switchboard: Switchboard
    standing: tuple[Mapping[str, Any], ...] = ()

    def start(self, wanted: Sequence[ExternalHost]) -> None:
        """Start them and let commands through. ``standing`` shows them as pods."""
        started = self.hosts.start(wanted, self.namespace)
        self.switchboard.connect(self.namespace, self.hosts.exec)
        self.standing = tuple(_as_pod(host, *started[host.name]) for host in wanted)

    def stop(self) -> None:
        """Remove them; may be called however far ``start`` came."""
        self.switchboard.disconnect(self.namespace)
        self.hosts.stop()
        self.standing = ()


def _as_pod(host: ExternalHost, ref: NamespacedName, address: str) -> Mapping[str, Any]:
    ports = [{"containerPort": p.port.number, "protocol": p.port.protocol.value} for p in host.ports]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": host.name, "namespace": ref.namespace, "annotations": {EXTERNAL_HOST_ANNOTATION: address}},
        "spec": {"containers": [{"ports": ports}]},
        "status": {"phase": "Running", "podIPs": [{"ip": address}]},
    }
