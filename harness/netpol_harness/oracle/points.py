"""What networking.k8s.io/v1 leaves to implementations, point by point, and profiles that decide some of it.

The sources are the API text of NetworkPolicySpec and the page "Network Policies" of the Kubernetes documentation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Point(StrEnum):
    """One thing that an answer can hang on. The value is its name in reports and in profile files.

    All but the last are questions that the API leaves open, with what the decision YES means for each. The last is no
    question to a network plugin, and no profile decides it.
    """

    IP_BLOCK_OF_PODS = "ipblock-of-pods"  # does an ipBlock match pods by their addresses
    TRANSLATION = "address-translation"  # does an ipBlock match a Service's address, not what is behind it
    ESTABLISHED = "established-connections"  # does a change cut connections that are open
    OTHER_PROTOCOLS = "other-protocols"  # do rules without ports, and only they, match all that is not TCP, UDP or SCTP
    OWN_NODE = "own-node"  # does egress from a pod to the node that it runs on always pass
    HOST_NETWORK = "host-network"  # do selectors match pods on the node's network, as subjects and as peers
    TAKING_EFFECT = "taking-effect"  # is what a policy allows a new pod in effect from the pod's start
    HAIRPIN = "hairpin"  # does a pod always reach itself through its Service
    ADMIN_TIERS = "admin-tiers"  # ties among policies of administrators
    NAMED_PORT_OUTSIDE = "named-port-outside"  # does a port's name match where the destination is no pod
    OPTIONAL_FEATURES = "optional-features"  # does the network plugin know SCTP and endPort
    NO_IMPLEMENTATION = "no-implementation"  # is it a cluster without anybody who enforces policies
    HOW_BLOCKED = "how-blocked"  # is there an explicit refusal, not silence
    NOT_KNOWN = "not-known"  # an address, a node or a pod that the question or the world does not tell


class Decision(StrEnum):
    """How a profile decides a point: the answer to the question beside it."""

    YES = "yes"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Profile:
    """What one network plugin is known to do at points that the API leaves open; all others stay undefined."""

    name: str
    decided: Mapping[Point, Decision] = field(default_factory=dict)


SPECIFICATION = Profile("specification")
"""Decides nothing: the API text alone."""
