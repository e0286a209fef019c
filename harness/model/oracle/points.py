"""What networking.k8s.io/v1 leaves to implementations, point by point, and profiles that decide some of it.

The sources are the API text of NetworkPolicySpec and the page "Network Policies" of the Kubernetes documentation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Point(StrEnum):
    """One point that the API leaves open. The value is its name in reports and in profile files."""

    IP_BLOCK_OF_PODS = "ipblock-of-pods"  # does an ipBlock match pod addresses
    TRANSLATION = "address-translation"  # policy before or after DNAT and SNAT
    ESTABLISHED = "established-connections"  # what a change does to connections that are open
    OTHER_PROTOCOLS = "other-protocols"  # ICMP and all that is not TCP, UDP or SCTP
    OWN_NODE = "own-node"  # egress from a pod to the node that it runs on
    HOST_NETWORK = "host-network"  # pods on the node's network as subjects and peers
    TAKING_EFFECT = "taking-effect"  # when a policy, or what it allows a new pod, takes effect
    HAIRPIN = "hairpin"  # a pod that reaches itself through its Service
    ADMIN_TIERS = "admin-tiers"  # ties among policies of administrators
    NAMED_PORT_OUTSIDE = "named-port-outside"  # a port's name where the destination is no pod
    OPTIONAL_FEATURES = "optional-features"  # SCTP and endPort need a network plugin that knows them
    NO_IMPLEMENTATION = "no-implementation"  # a cluster without anybody who enforces policies
    HOW_BLOCKED = "how-blocked"  # silence or an explicit refusal


class Decision(StrEnum):
    """How a profile decides a point, as the answer to "does it match, does it pass"."""

    YES = "yes"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Profile:
    """What one network plugin is known to do at points that the API leaves open; all others stay undefined."""

    name: str
    decided: Mapping[Point, Decision] = field(default_factory=dict)


SPECIFICATION = Profile("specification")
"""Decides nothing: the API text alone."""
