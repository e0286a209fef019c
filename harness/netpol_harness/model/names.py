"""The question that a probe asks and a policy answers: who, to whom, by which protocol, on which port."""

from dataclasses import dataclass
from enum import StrEnum


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
class PodRef:
    """A pod by name, as kubectl prints it with ``-A``: ``namespace/name``."""

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
