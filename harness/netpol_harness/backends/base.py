"""What a backend has to offer (``Backend``), what it returns (``Cluster``) and what it may lack (``Capability``)."""

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
"""Told what is being done, in a few words, when something begins that takes long."""


LOGS = "cluster-logs"
"""Folder in the run's, in which a cluster that could not be made may leave its logs."""


def ignore(_: str) -> None:
    """A ``Progress`` that nobody watches."""


class Capability(StrEnum):
    """Named abilities that a scenario may need and a backend may lack. Lacking one skips, by this name."""

    SCTP = "SCTP"
    IPV6 = "IPv6"
    TWO_NODES = "two nodes"
    EXTERNAL_HOSTS = "external hosts"
    NAMESPACES = "namespaces of its own"
    AGENT_RESTART = "restart of the policy agent"
    CHOSEN_ADDRESSES = "pod addresses of one's choice"
    CLUSTER_POLICIES = "ClusterNetworkPolicy"
    ADMIN_POLICIES = "AdminNetworkPolicy"
    CALICO_POLICIES = "Calico policies"


_SERVED = (
    (Capability.CLUSTER_POLICIES, "policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy"),
    (Capability.ADMIN_POLICIES, "policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"),
    (Capability.CALICO_POLICIES, "projectcalico.org/v3", "GlobalNetworkPolicy"),
    (Capability.CALICO_POLICIES, "crd.projectcalico.org/v1", "GlobalNetworkPolicy"),
)


def served(serves: Callable[[str, str], bool]) -> frozenset[Capability]:
    """The capabilities that are nothing but kinds of objects. ``serves`` tells of an API version and a kind in it."""
    return frozenset(capability for capability, version, kind in _SERVED if serves(version, kind))


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster. Plain data: it travels between processes as JSON.

    ``backend`` is the value of ``--cluster``; ``dataplane`` says in words what carries and filters the packets;
    ``timeouts`` are this backend's defaults. An empty ``context`` is the kubeconfig's current one.
    """

    name: str
    backend: str
    dataplane: str
    kubeconfig: Path
    timeouts: Timeouts
    capabilities: frozenset[Capability] = frozenset()
    context: str = ""

    def to_json(self) -> str:
        """The handle as one JSON object."""
        return json.dumps(
            {**asdict(self), "kubeconfig": str(self.kubeconfig), "capabilities": sorted(self.capabilities)}
        )

    @classmethod
    def from_json(cls, text: str) -> "Cluster":
        """Inverse of ``to_json``."""
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
    """Something that a run has made and not removed, as far as this user may see it.

    ``name`` contains the run's name (``runs.owner``) and is what ``Backend.delete`` takes; ``place`` and ``what`` say
    where and what it is. ``host`` is the owner's host and ``since`` the time when it was made, as the owner wrote them:
    anybody may write labels and annotations, so both are empty where they are missing or malformed.
    """

    name: str
    place: str
    what: str
    host: str = ""
    since: datetime | None = None


class ExternalHosts(Protocol):
    """The machines outside the cluster of one scenario. Raises ``ClusterFailed`` or ``ToolMissing`` with a remedy."""

    @property
    def exec(self) -> "Exec":
        """Runs commands in these hosts, which it knows by the ``NamespacedName`` that ``start`` gave them."""
        ...

    def start(self, hosts: "Sequence[ExternalHost]", namespace: str) -> "Mapping[str, tuple[NamespacedName, str]]":
        """Start them; their names with the reference and the address of each.

        ``namespace`` is unique to the scenario on this host, and the namespace of the references.
        """
        ...

    def stop(self) -> None:
        """Remove them, by name; what is gone already is success."""
        ...


class Backend(Protocol):
    """Creates and removes clusters. All methods raise ``ClusterFailed`` or ``ToolMissing`` with a remedy.

    ``name`` is the value of ``--cluster``. ``owns_cluster`` tells whether the cluster is the harness's own, system pods
    included, so that it may change anything there. ``namespaces`` maps a scenario's namespaces onto existing ones; it
    is empty if scenarios create their own.
    """

    name: str
    owns_cluster: bool
    namespaces: Mapping[str, str]

    @property
    def dataplane(self) -> str:
        """What will carry and filter the packets, as far as it is known beforehand."""
        ...

    def create(self, name: str, directory: Path) -> Cluster:
        """Make the cluster called ``name`` and return once its API answers. ``directory`` is the run's own folder.

        The cluster's life ends with the process that holds ``directory/lifeline`` open, or with ``delete``.
        """
        ...

    def delete(self, name: str, directory: Path | None = None) -> None:
        """Remove the cluster or the leftover called ``name``, unless the user keeps it; none there is success.

        ``directory`` is the run's own folder, if it is still there. A cluster that is not the harness's own stays: what
        the run has created in it is removed.
        """
        ...

    def restart_agent(self, cluster: Cluster) -> None:
        """Restart what turns policies into rules there, and return once it is at work again.

        Only for clusters that have the capability.
        """
        ...

    def collect_logs(self, cluster: Cluster, into: Path) -> None:
        """Copy what helps to find out why the cluster misbehaved into the existing folder ``into``."""
        ...

    def closing_note(self, cluster: Cluster) -> str:
        """Return a line for the end of the run, such as how to use a kept cluster again; empty for none."""
        ...

    def leftovers(self) -> Sequence[Leftover]:
        """Return what runs, dead or alive, have on this backend. ``runs.owner.life_of`` tells which of them live.

        A backend may leave out the live ones.
        """
        ...

    def external_hosts(self, cluster: Cluster) -> ExternalHosts | None:
        """Hosts for one scenario, not yet started; ``None`` where the cluster makes them out of pods, or not at all."""
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
