"""Names of API objects, and the terms of a connection: protocol, direction and port."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Protocol(StrEnum):
    """Transport protocols of the API, and ICMP, which NetworkPolicy v1 cannot name."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"
    ICMP = "ICMP"


class Direction(StrEnum):
    """The two directions of ``policyTypes``, seen from the subject pod."""

    INGRESS = "Ingress"
    EGRESS = "Egress"


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
    """What names one object. ``namespace`` is empty for cluster-scoped kinds, and where ``default`` is meant."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "ObjectKey":
        """The key of an object as a manifest or the API gives it."""
        metadata = data["metadata"]
        return cls(data["apiVersion"], data["kind"], metadata.get("namespace") or "", metadata["name"])

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"
