"""Decisions of network plugins on the points that the API leaves open, as far as documented, measured or read in code.

A point that a profile does not decide stays undefined: nothing is guessed. Each decision has its source beside it;
"plugin#number" is an issue or pull request of that project. docs/open-points.md lists all points.
"""

from collections.abc import Mapping

from netpol_harness.oracle.points import SPECIFICATION, Decision, OpenPoint, Profile

_YES, _NO = Decision.YES, Decision.NO

EMBEDDED = Profile(
    "embedded",
    {
        OpenPoint.IP_BLOCK_OF_PODS: _YES,  # an ipBlock contains pods too, by their own addresses
        OpenPoint.TRANSLATION: _NO,  # policies see a packet after DNAT and before SNAT
        OpenPoint.FORWARDED: _NO,  # policies see the source before a node replaces it
        OpenPoint.OTHER_PROTOCOLS: _YES,  # a rule without ports applies to every protocol
        OpenPoint.OWN_NODE: _YES,  # NetworkPolicies do not apply between a pod and its node
        OpenPoint.HOST_NETWORK: _NO,  # pods on a node's network are neither subjects nor peers
        OpenPoint.HAIRPIN: _YES,  # a pod reaches itself, also through its Service
        OpenPoint.ADMIN_TIERS: _YES,  # the first by name goes first
        OpenPoint.OTHER_DIRECTION: _NO,  # the Baseline is left out only where a NetworkPolicy isolates
        OpenPoint.TIER_HAIRPIN: _YES,  # a pod that reaches itself through its Service is subject to tiers
        OpenPoint.NODE_TO_OWN_POD: _YES,  # what a node sends to its pods is not filtered
        OpenPoint.NODE_PEERS: _YES,
        OpenPoint.DOMAIN_NAMES: _YES,  # the addresses that its name server answers, until their time to live ends
        OpenPoint.LOOKED_UP: _YES,  # every pod may use an address, whoever has looked the name up
        OpenPoint.NAMED_PORT_OUTSIDE: _NO,  # a named port that the pod does not declare admits nothing
        OpenPoint.OPTIONAL_FEATURES: _YES,  # endPort and SCTP are supported
        OpenPoint.NO_IMPLEMENTATION: _NO,
        OpenPoint.TAKING_EFFECT: _YES,  # a new pod has its policies before its listeners start
        OpenPoint.ESTABLISHED: _YES,  # policies apply to every packet of the original direction
        OpenPoint.HOW_BLOCKED: _NO,  # dropped
    },
)
"""The embedded cluster of this package, as the modules of its dataplane document it."""

CALICO = Profile(
    "calico",
    {
        OpenPoint.IP_BLOCK_OF_PODS: _YES,  # kubernetes#96341: pods in an except of 0.0.0.0/0 are blocked by pod IP
        OpenPoint.TRANSLATION: _NO,  # calico#8049: of a Service, policies see the backing pod and its port
        OpenPoint.HOST_NETWORK: _NO,  # calico#4493, #4667: a selector never matches such a pod
        OpenPoint.ESTABLISHED: _NO,  # calico#2759, istio#5815: only the set-up of a connection is checked
        OpenPoint.NO_IMPLEMENTATION: _NO,
        OpenPoint.ADMIN_TIERS: _YES,  # the reference of GlobalNetworkPolicy: policies of one order go by their names
        OpenPoint.OTHER_DIRECTION: _NO,  # calico#10810: a tier acts only in the directions of its policies
        OpenPoint.NODE_PEERS: _NO,  # calico#10810: peers that it does not convert fail closed
        OpenPoint.DOMAIN_NAMES: _NO,  # calico#10810: the same
    },
)
"""Calico with its iptables dataplane."""

CILIUM = Profile(
    "cilium",
    {
        OpenPoint.IP_BLOCK_OF_PODS: _NO,  # cilium#9209: CIDR rules do not match pods, which have label identities
        OpenPoint.ESTABLISHED: _YES,  # cilium re-evaluates open connections on every packet
        OpenPoint.NO_IMPLEMENTATION: _NO,
    },
)
"""Cilium with its eBPF dataplane."""

KINDNET = Profile(
    "kindnet",
    {
        OpenPoint.HOST_NETWORK: _NO,  # kube-network-policies#380, #389: pods on a node's network are not isolated
        OpenPoint.ESTABLISHED: _YES,  # kube-network-policies#268: strict mode, the default, evaluates them again
        OpenPoint.NO_IMPLEMENTATION: _NO,
    },
)
"""kindnet, which enforces policies with kube-network-policies."""

KUBE_NETWORK_POLICIES = Profile(
    "kube-network-policies",
    {
        **KINDNET.decided,
        OpenPoint.ADMIN_TIERS: _YES,  # v1.1.1, clusternetworkpolicy.go: by priority, then by name
        OpenPoint.OTHER_DIRECTION: _YES,  # v1.1.1, networkpolicy.go: a pod that a policy selects has a final answer
        OpenPoint.NODE_PEERS: _YES,  # v1.1.1, clusternetworkpolicy.go: internal and external addresses of nodes
        OpenPoint.DOMAIN_NAMES: _YES,  # v1.1.1, npa-v1alpha2/main.go: the answers that its cache has seen
    },
)
"""kube-network-policies with its program for ClusterNetworkPolicy, npa-v1alpha2."""

PROFILES: Mapping[str, Profile] = {
    profile.name: profile for profile in (SPECIFICATION, EMBEDDED, CALICO, CILIUM, KINDNET, KUBE_NETWORK_POLICIES)
}
"""Every profile by name."""
