"""What a backend has to offer (``Provider``), what it returns (``Cluster``) and what it may lack (``Capability``)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from harness.settings import Timeouts


class Capability(StrEnum):
    """Named abilities that a scenario may need and a backend may lack. Lacking one skips, by this name."""

    SCTP = "SCTP"
    IPV6 = "IPv6"
    TWO_NODES = "two nodes"
    EXTERNAL_HOSTS = "external hosts"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster. Plain data: it travels between processes as JSON.

    ``backend`` is the value of ``--cluster``; ``dataplane`` says in words what carries and filters the packets;
    ``timeouts`` are this backend's defaults.
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


class Provider(Protocol):
    """Makes and removes clusters. All methods raise ``ClusterFailed`` or ``ToolMissing`` with a remedy.

    ``name`` is the value of ``--cluster``; ``dataplane`` what will carry and filter the packets, known beforehand.
    """

    name: str
    dataplane: str

    def create(self, name: str, directory: Path) -> Cluster:
        """Make the cluster called ``name`` and return once its API answers. ``directory`` is the run's own folder.

        The cluster's life ends with the process that holds ``directory/lifeline`` open, or with ``delete``.
        """
        ...

    def delete(self, cluster: Cluster) -> None:
        """Remove the cluster, by name; a cluster that is gone already is success."""
        ...

    def collect_logs(self, cluster: Cluster, into: Path) -> None:
        """Copy what helps to find out why the cluster misbehaved into the existing folder ``into``."""
        ...
