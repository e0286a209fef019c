"""ClusterNetworkPolicy (policy.networking.k8s.io), parsed so that other code need not handle absent fields.

Versions v1alpha2 and v1beta1 have the same fields.

Decided here, once: ``namespaces: S`` is the same as ``pods`` with this ``namespaceSelector`` and an empty
``podSelector``; an absent or empty list of rules does not touch its direction; a peer or a protocol that this reader
does not know is ``UNKNOWN``, and so is an empty one. What follows from an unknown part is a question of evaluation:
see ``ClusterRule.has_unknown_parts``.

Source: the Go types of network-policy-api v0.3.0, ``clusternetworkpolicy_types.go`` of both versions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from ipaddress import ip_network
from typing import Any

from netpol_harness.model.labels import Labels, LabelSelector
from netpol_harness.model.names import Direction, Protocol
from netpol_harness.model.policy import PEERS_FIELD, Network


class Tier(StrEnum):
    """The tier of a policy. NetworkPolicies are evaluated between these two, in a tier without a name in the API."""

    ADMIN = "Admin"
    BASELINE = "Baseline"


class Action(StrEnum):
    """What a rule does with traffic that it matches. PASS skips the other policies of its tier, and nothing else."""

    ACCEPT = "Accept"
    DENY = "Deny"
    PASS = "Pass"


class Unknown(Enum):
    """A peer or a protocol without a field that this reader knows: that of a newer version of the API, or empty."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class PodSelection:
    """Pods whose namespace matches ``namespaces`` and whose labels match ``pods``; never pods on a node's network."""

    namespaces: LabelSelector
    pods: LabelSelector

    def selects(self, namespace_labels: Labels, pod_labels: Labels) -> bool:
        """Return whether both selectors match."""
        return self.namespaces.matches(namespace_labels) and self.pods.matches(pod_labels)


@dataclass(frozen=True, slots=True)
class Networks:
    """Addresses in one of these blocks, those of pods included (egress only)."""

    blocks: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class NodeSelection:
    """The addresses in ``status.addresses`` of the nodes whose labels match (egress only, experimental)."""

    nodes: LabelSelector


@dataclass(frozen=True, slots=True)
class DomainNames:
    """The addresses to which these names resolve (egress only, experimental, for Accept rules).

    In lower case, without the final dot. ``*.example.com`` stands for every name below example.com, at any depth.
    """

    names: tuple[str, ...]


ClusterPeer = PodSelection | Networks | NodeSelection | DomainNames | Unknown


@dataclass(frozen=True, slots=True)
class PortRange:
    """Destination ports ``first`` to ``last``, both included, of one protocol."""

    protocol: Protocol
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class NamedPort:
    """The ports that the destination pod declares under this name, with the protocol of each declaration."""

    name: str


ClusterPort = PortRange | NamedPort | Unknown


@dataclass(frozen=True, slots=True)
class ClusterRule:
    """One rule. It matches where one of ``peers`` and one of ``ports`` match.

    ``ports is None`` means traffic of every protocol, ICMP included. ``name`` is empty if the rule has none.
    """

    action: Action
    peers: tuple[ClusterPeer, ...]
    ports: tuple[ClusterPort, ...] | None
    name: str = ""

    @property
    def has_unknown_parts(self) -> bool:
        """Whether the rule has to fail closed.

        The API says how: an Accept rule then matches no traffic; a Deny or a Pass rule is then one that denies all
        traffic of its direction.
        """
        return not self.peers or UNKNOWN in self.peers or UNKNOWN in (self.ports or ())


@dataclass(frozen=True, slots=True)
class ClusterNetworkPolicy:
    """Rules of an administrator for the pods of ``subject``, in order: the first that matches decides.

    Within a tier, policies with a lower ``priority`` (0 to 1000) go first; between equal ones, the API leaves the order
    open. It isolates nothing: traffic that no rule matches goes on as if the policy did not exist.
    """

    name: str
    tier: Tier
    priority: int
    subject: PodSelection
    ingress: tuple[ClusterRule, ...] = ()
    egress: tuple[ClusterRule, ...] = ()

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "ClusterNetworkPolicy":
        """Read an API object that passed the server's validation (or ours)."""
        spec = data["spec"]
        return cls(
            name=data["metadata"]["name"],
            tier=Tier(spec["tier"]),
            priority=int(spec["priority"]),
            subject=parse_selection(spec["subject"]),
            ingress=_rules(spec, Direction.INGRESS),
            egress=_rules(spec, Direction.EGRESS),
        )

    def rules(self, direction: Direction) -> tuple[ClusterRule, ...]:
        """Return the rules of one direction; empty if the policy does not touch it."""
        return self.ingress if direction is Direction.INGRESS else self.egress


def with_namespace_requirement(subject: Mapping[str, Any], requirement: Mapping[str, Any]) -> dict[str, Any]:
    """Return the subject of an API object that also requires this of the namespace of its pods.

    ``requirement`` is an item of ``matchExpressions``. The subject has ``namespaces`` or ``pods``.
    """
    if subject.get("pods") is None:
        return {**subject, "namespaces": _narrowed(subject.get("namespaces"), requirement)}
    pods = subject["pods"]
    selector = _narrowed(pods.get("namespaceSelector"), requirement)
    return {**subject, "pods": {**pods, "namespaceSelector": selector}}


def _narrowed(selector: Mapping[str, Any] | None, requirement: Mapping[str, Any]) -> dict[str, Any]:
    expressions = (selector or {}).get("matchExpressions") or ()
    return {**(selector or {}), "matchExpressions": [*expressions, requirement]}


def selects_nodes(data: Mapping[str, Any]) -> bool:
    """Return whether a rule of an API object has peers of nodes."""
    rules = (data.get("spec") or {}).get("egress") or ()
    return any((peer or {}).get("nodes") is not None for rule in rules for peer in rule.get("to") or ())


def _rules(spec: Mapping[str, Any], direction: Direction) -> tuple[ClusterRule, ...]:
    return tuple(_rule(rule, direction) for rule in spec.get(direction.lower()) or ())


def _rule(data: Mapping[str, Any], direction: Direction) -> ClusterRule:
    peers, ports = data.get(PEERS_FIELD[direction]), data.get("protocols")
    return ClusterRule(
        action=Action(data["action"]),
        peers=tuple(_peer(peer or {}, direction) for peer in peers or ()),
        ports=None if ports is None else tuple(_port(port or {}) for port in ports),
        name=data.get("name") or "",
    )


def _peer(data: Mapping[str, Any], direction: Direction) -> ClusterPeer:
    """Read a peer. Fields that the direction does not have are unknown."""
    if data.get("namespaces") is not None or data.get("pods") is not None:
        return parse_selection(data)
    if direction is Direction.INGRESS:
        return UNKNOWN
    if data.get("networks"):
        return Networks(tuple(ip_network(block) for block in data["networks"]))
    if data.get("nodes") is not None:
        return NodeSelection(LabelSelector.parse(data["nodes"]))
    if data.get("domainNames"):
        return DomainNames(tuple(name.lower().removesuffix(".") for name in data["domainNames"]))
    return UNKNOWN


def parse_selection(data: Mapping[str, Any]) -> PodSelection:
    """Read ``namespaces`` or ``pods``, as a subject and some peers have it."""
    pods = data.get("pods")
    if pods is None:
        return PodSelection(LabelSelector.parse(data["namespaces"]), LabelSelector())
    return PodSelection(LabelSelector.parse(pods.get("namespaceSelector")), LabelSelector.parse(pods["podSelector"]))


def _port(data: Mapping[str, Any]) -> ClusterPort:
    if data.get("destinationNamedPort"):
        return NamedPort(data["destinationNamedPort"])
    for protocol in (Protocol.TCP, Protocol.UDP, Protocol.SCTP):
        destination = (data.get(protocol.lower()) or {}).get("destinationPort") or {}
        if destination.get("number"):
            return PortRange(protocol, destination["number"], destination["number"])
        if destination.get("range"):
            return PortRange(protocol, destination["range"]["start"], destination["range"]["end"])
    return UNKNOWN
