"""Names of API objects, and the parts of a connection: protocol, direction and port."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from netpol_harness.model.kinds import GroupKind


class Protocol(StrEnum):
    """Transport protocols of the API, and ICMP, which NetworkPolicy v1 cannot express."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"
    ICMP = "ICMP"


class Direction(StrEnum):
    """The two directions of ``policyTypes``, seen from the subject pod."""

    INGRESS = "Ingress"
    EGRESS = "Egress"

    @property
    def opposite(self) -> "Direction":
        """The other one of the two."""
        return Direction.EGRESS if self is Direction.INGRESS else Direction.INGRESS


@dataclass(frozen=True, slots=True, order=True)
class NamespacedName:
    """The name of a namespaced object, printed as ``namespace/name``."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Port:
    """A transport port. ``number`` is 1 to 65535; ICMP has number 0."""

    protocol: Protocol
    number: int

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}"


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """The identity of one object. ``namespace`` is empty for cluster-scoped kinds, and may be empty for ``default``."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "ObjectKey":
        """Return the key of an object of a manifest or of the API."""
        metadata = data["metadata"]
        return cls(data["apiVersion"], data["kind"], metadata.get("namespace") or "", metadata["name"])

    @property
    def group_kind(self) -> GroupKind:
        """The kind, in its API group."""
        return GroupKind.in_version(self.api_version, self.kind)

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"
