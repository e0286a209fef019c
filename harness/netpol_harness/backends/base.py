"""The interface of a backend: ``Backend``, the ``Cluster`` that it returns, and the ``Capability`` that it may lack."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from netpol_harness.timeouts import Timeouts

if TYPE_CHECKING:
    from netpol_harness.kube.exec import Exec
    from netpol_harness.model.names import NamespacedName
    from netpol_harness.paths.path import ExternalHost

Progress = Callable[[str], None]
"""Called with a short text when something begins that takes long."""

LOGS = "cluster-logs"
"""Folder of the run's directory for the logs of a cluster that could not be created."""


def ignore(_: str) -> None:
    """Drop the text of a ``Progress``."""


class Capability(StrEnum):
    """An ability that a scenario may need and a backend may lack: then the scenario is skipped with this name."""

    SCTP = "SCTP"
    IPV4 = "IPv4"
    IPV6 = "IPv6"
    TWO_NODES = "two nodes"
    EXTERNAL_HOSTS = "external hosts"
    EXTERNAL_NAMES = "names of external hosts"
    LOAD_BALANCERS = "load balancers"
    NAMESPACES = "namespaces of its own"
    NODES = "pods on the network of nodes"
    AGENT_RESTART = "restart of the policy agent"
    CHOSEN_ADDRESSES = "pod addresses of one's choice"
    CLUSTER_POLICIES = "ClusterNetworkPolicy"
    ADMIN_POLICIES = "AdminNetworkPolicy"
    CALICO_POLICIES = "Calico policies"
    OTHER_POLICIES = "policies of other APIs"


_SERVED = (
    (Capability.CLUSTER_POLICIES, "policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy"),
    (Capability.ADMIN_POLICIES, "policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"),
    (Capability.CALICO_POLICIES, "projectcalico.org/v3", "GlobalNetworkPolicy"),
    (Capability.CALICO_POLICIES, "crd.projectcalico.org/v1", "GlobalNetworkPolicy"),
)


def served(serves: Callable[[str, str], bool]) -> frozenset[Capability]:
    """Return the capabilities that are kinds of objects. ``serves`` tells whether the API serves a version's kind."""
    return frozenset(capability for capability, version, kind in _SERVED if serves(version, kind))


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster. Plain data: it travels between processes as JSON.

    ``backend`` is the value of ``--cluster``. ``dataplane`` describes what carries and filters the packets.
    ``timeouts`` are this backend's defaults. An empty ``context`` is the current context of the kubeconfig.
    """

    name: str
    backend: str
    dataplane: str
    kubeconfig: Path
    timeouts: Timeouts
    capabilities: frozenset[Capability] = frozenset()
    context: str = ""

    def to_json(self) -> str:
        """Return the cluster as one JSON object."""
        return json.dumps(
            {**asdict(self), "kubeconfig": str(self.kubeconfig), "capabilities": sorted(self.capabilities)}
        )

    @classmethod
    def from_json(cls, text: str) -> "Cluster":
        """Return the cluster that ``to_json`` wrote."""
        data: Mapping[str, Any] = json.loads(text)
        return cls(
            **{
                **data,
                "kubeconfig": Path(data["kubeconfig"]),
                "timeouts": Timeouts(**data["timeouts"]),
                "capabilities": frozenset(Capability(c) for c in data["capabilities"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that a run has created and not removed, as far as this user may see it.

    ``name`` contains the run's name (``runs.owner``) and is the argument of ``Backend.delete``. ``place`` is where it
    is, and ``description`` what it is. ``host`` is the owner's host and ``since`` the time of creation, as the owner
    wrote them: anybody may write labels and annotations, so both are empty if they are missing or malformed.
    """

    name: str
    place: str
    description: str
    host: str = ""
    since: datetime | None = None


class ExternalHosts(Protocol):
    """The machines outside of the cluster of one scenario. All methods raise ``ClusterFailed`` or ``ToolMissing``."""

    @property
    def exec(self) -> "Exec":
        """Runs commands in these hosts, by the ``NamespacedName`` that ``start`` returned."""
        ...

    def start(self, hosts: "Sequence[ExternalHost]", namespace: str) -> "Mapping[str, tuple[NamespacedName, str]]":
        """Start the hosts. Return the namespaced name and the address of each, by the host's name.

        ``namespace`` is unique to the scenario on this host, and is the namespace of the namespaced names.
        """
        ...

    def stop(self) -> None:
        """Remove the hosts by name; a host that is gone is success."""
        ...


class Backend(Protocol):
    """Creates and removes clusters. All methods raise ``ClusterFailed`` or ``ToolMissing`` with a remedy.

    ``name`` is the value of ``--cluster``. ``owns_cluster`` tells whether the cluster is the harness's own, system pods
    included, so that it may change anything there. ``namespaces`` maps a scenario's namespaces onto existing ones; it
    is empty if scenarios create their own. ``known_deviations`` is a file of those of its dataplane that are shipped.
    ``starts_early`` tells whether a cluster takes a second and leaves nothing behind, so that it may be created before
    it is certain that a test needs it.
    """

    name: str
    owns_cluster: bool
    starts_early: bool
    known_deviations: Path | None
    namespaces: Mapping[str, str]

    @property
    def dataplane(self) -> str:
        """What will carry and filter the packets, as far as it is known in advance."""
        ...

    def create(self, name: str, directory: Path) -> Cluster:
        """Create the cluster called ``name`` and return once its API answers. ``directory`` is the run's directory.

        The cluster lives until ``delete``, or until the process that holds ``directory/lifeline`` open has ended.
        """
        ...

    def delete(self, name: str, directory: Path | None = None) -> None:
        """Remove the cluster or the leftover called ``name``, unless the user keeps it; none there is success.

        ``directory`` is the run's directory, if it still exists. A cluster that is not the harness's own stays; the
        objects that the run has created in it are removed.
        """
        ...

    def restart_agent(self, cluster: Cluster) -> None:
        """Restart the agents that turn policies into rules, and return once they are ready again.

        Only for clusters with the capability ``AGENT_RESTART``.
        """
        ...

    def failure(self, cluster: Cluster) -> str:
        """Return why nothing can be probed in the cluster any more, as far as this host knows; empty while it can."""
        ...

    def collect_logs(self, cluster: Cluster, into: Path) -> None:
        """Copy the logs that help to diagnose the cluster into the existing folder ``into``."""
        ...

    def closing_note(self, cluster: Cluster) -> str:
        """Return a line for the end of the run, such as how to use a kept cluster again; empty for none."""
        ...

    def leftovers(self) -> Sequence[Leftover]:
        """Return what runs, dead or alive, have on this backend; see ``runs.owner.owner_state``.

        A backend may leave out live runs.
        """
        ...

    def external_hosts(self, cluster: Cluster) -> ExternalHosts | None:
        """Return the hosts of one scenario, not yet started; ``None`` if pods stand in for them or there are none."""
        ...


class BackendFactory(Protocol):
    """A backend with its options, before it is imported."""

    def obstacle(self) -> str | None:
        """Return in one line why no cluster can be created here, or ``None``."""
        ...

    def backend(self, run: str, progress: Progress) -> Backend:
        """Import and return the backend. ``run`` is the run's name (``runs.owner``), which its clusters carry.

        Raises ``ClusterFailed`` if the options are not valid.
        """
        ...
