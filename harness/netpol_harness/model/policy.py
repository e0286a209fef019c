"""NetworkPolicy (networking.k8s.io/v1), parsed so that other code need not handle absent, null or empty values.

Decided here, once: ``policyTypes`` defaulting; rules that are absent, null or ``[]`` (isolated, nothing admitted);
a rule whose peers are absent or ``[]`` (every peer); whose ports are absent or ``[]`` (every port of every protocol).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction, NamespacedName, Protocol

Network = IPv4Network | IPv6Network

PEERS_FIELD: Mapping[Direction, str] = {Direction.INGRESS: "from", Direction.EGRESS: "to"}
"""The field of a rule that holds its peers, in each direction."""


@dataclass(frozen=True, slots=True)
class IPBlock:
    """Addresses of ``cidr`` in none of ``excepts``; an except takes away from this block, from no other peer."""

    cidr: Network
    excepts: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class PodPeer:
    """Pods by selector. ``namespaces`` is ``None`` for the policy's own namespace; ``pods`` is ``None`` for all pods.

    Both given means both must match (one ``from`` entry); never both ``None``.
    """

    namespaces: LabelSelector | None
    pods: LabelSelector | None


Peer = IPBlock | PodPeer


@dataclass(frozen=True, slots=True)
class PolicyPort:
    """A port of a rule. ``port`` is a number, a container port's name, or ``None`` for every port of the protocol.

    ``end_port`` closes an inclusive range that starts at a numeric ``port``; else it equals ``None``.
    """

    protocol: Protocol
    port: int | str | None = None
    end_port: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Admits where a peer and a port match. ``peers is None``: every peer; ``ports is None``: any port and protocol."""

    peers: tuple[Peer, ...] | None
    ports: tuple[PolicyPort, ...] | None


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """Isolates its subject pods in each direction of ``directions``, and admits there what its rules say."""

    ref: NamespacedName
    subject: LabelSelector
    directions: frozenset[Direction]
    ingress: tuple[Rule, ...]
    egress: tuple[Rule, ...]

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "NetworkPolicy":
        """Read an API object that passed the server's validation (or ours)."""
        spec = data.get("spec") or {}
        return cls(
            ref=NamespacedName(data["metadata"].get("namespace") or "default", data["metadata"]["name"]),
            subject=LabelSelector.parse(spec.get("podSelector")),
            directions=_directions(spec),
            ingress=_rules(spec.get("ingress"), PEERS_FIELD[Direction.INGRESS]),
            egress=_rules(spec.get("egress"), PEERS_FIELD[Direction.EGRESS]),
        )

    def rules(self, direction: Direction) -> tuple[Rule, ...]:
        """Return the rules of one direction; they have no meaning if ``direction`` is not in ``directions``."""
        return self.ingress if direction is Direction.INGRESS else self.egress

    def with_rules(self, direction: Direction, rules: tuple[Rule, ...]) -> "NetworkPolicy":
        """Return the policy with these rules of one direction."""
        is_ingress = direction is Direction.INGRESS
        return replace(self, ingress=rules) if is_ingress else replace(self, egress=rules)


def _directions(spec: Mapping[str, Any]) -> frozenset[Direction]:
    """API text of policyTypes: absent means Ingress, and Egress too if there are egress rules."""
    types = spec.get("policyTypes")
    if types:
        return frozenset(Direction(t) for t in types)
    return frozenset(Direction) if spec.get("egress") else frozenset({Direction.INGRESS})


def _rules(data: Sequence[Mapping[str, Any] | None] | None, peers_key: str) -> tuple[Rule, ...]:
    return tuple(_rule(rule or {}, peers_key) for rule in data or ())


def _rule(data: Mapping[str, Any], peers_key: str) -> Rule:
    peers, ports = data.get(peers_key), data.get("ports")
    return Rule(
        tuple(map(parse_peer, peers)) if peers else None,
        tuple(_port(p or {}) for p in ports) if ports else None,
    )


def parse_peer(data: Mapping[str, Any]) -> Peer:
    """Read an item of ``from`` or ``to``."""
    block = data.get("ipBlock")
    if block is not None:
        return IPBlock(ip_network(block["cidr"], strict=False), _networks(block.get("except")))
    namespaces, pods = data.get("namespaceSelector"), data.get("podSelector")
    return PodPeer(
        None if namespaces is None else LabelSelector.parse(namespaces),
        None if pods is None else LabelSelector.parse(pods),
    )


def _networks(cidrs: Sequence[str] | None) -> tuple[Network, ...]:
    return tuple(ip_network(c, strict=False) for c in cidrs or ())


def _port(data: Mapping[str, Any]) -> PolicyPort:
    return PolicyPort(Protocol(data.get("protocol") or "TCP"), data.get("port"), data.get("endPort"))
