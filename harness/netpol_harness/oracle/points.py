"""What the two policy APIs leave to implementations, point by point, and profiles that decide some of the points.

The sources are the API text of NetworkPolicySpec, the page "Network Policies" of the Kubernetes documentation, the Go
types of ClusterNetworkPolicy (network-policy-api v0.3.0), its page "API Overview", its proposal npep-133, and the
threads of that project that are named beside the points.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class OpenPoint(StrEnum):
    """A point on which a verdict can depend. The value is its name in reports and in profile files.

    All but the last two are questions that the API leaves open; the comment is the question to which YES is an answer.
    No profile decides the last two, since they do not depend on the network plugin.
    """

    IP_BLOCK_OF_PODS = "ipblock-of-pods"  # does an ipBlock match pods by their addresses
    TRANSLATION = "address-translation"  # does an ipBlock match a Service's address, not the addresses behind it
    FORWARDED = "forwarded-source"  # does a node that forwards a connection replace its source by its own address
    ESTABLISHED = "established-connections"  # does a change of policies cut open connections
    OTHER_PROTOCOLS = "other-protocols"  # do rules without ports, and only they, match all but TCP, UDP and SCTP
    OWN_NODE = "own-node"  # is egress from a pod to its own node always allowed
    HOST_NETWORK = "host-network"  # do selectors match pods on the node's network, as subjects and as peers
    TAKING_EFFECT = "taking-effect"  # is what a policy allows a new pod in effect from the pod's start
    HAIRPIN = "hairpin"  # can a pod always reach itself through its Service
    ADMIN_TIERS = "admin-tiers"  # network-policy-api#216: of one tier and priority, does the first by name go first
    OTHER_DIRECTION = (
        "other-direction"  # does a NetworkPolicy keep the Baseline from directions that it does not isolate
    )
    TIER_HAIRPIN = (
        "tier-hairpin"  # #390: is a pod that reaches itself through a Service subject to ClusterNetworkPolicies
    )
    NODE_TO_OWN_POD = (
        "node-to-own-pod"  # #314: are a node's connections to its own pods exempt from rules that deny all
    )
    NODE_PEERS = "node-peers"  # does the network plugin support peers of nodes (experimental)
    DOMAIN_NAMES = "domain-names"  # does the network plugin support peers of domainNames (experimental)
    DOMAIN_NAMES_ELSEWHERE = "domain-names-elsewhere"  # npep-133: what are domainNames in other than Admin Accept rules
    LOOKED_UP = (
        "looked-up-names"  # npep-133: do domainNames match an address that the pod has not looked up just before
    )
    NAMED_PORT_OUTSIDE = "named-port-outside"  # does a port's name match if the destination is not a pod
    OPTIONAL_FEATURES = "optional-features"  # does the network plugin support SCTP and endPort
    NO_IMPLEMENTATION = "no-implementation"  # does the cluster lack a network plugin that enforces policies
    HOW_BLOCKED = "how-blocked"  # is a blocked connection rejected, not dropped
    NAMESPACE_LABELS = "namespace-labels"  # a label of a namespace that no manifest declares
    NOT_KNOWN = "not-known"  # an address, a node or a pod that is not in the flow or the world


class Decision(StrEnum):
    """The answer of a profile to the question of a point."""

    YES = "yes"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Profile:
    """The decisions of one network plugin, as far as they are known; all other points stay undefined."""

    name: str
    decided: Mapping[OpenPoint, Decision] = field(default_factory=dict)


SPECIFICATION = Profile("specification")
"""The API text alone: no point is decided."""
