"""What network plugins do at the points that the API leaves open, as far as it is documented or measured.

A point that a profile does not decide stays undefined under it: nothing is guessed. The sources stand beside each
decision; "plugin#number" is an issue or pull request of that project.
"""

from collections.abc import Mapping

from netpol_harness.oracle.points import SPECIFICATION, Decision, Point, Profile

_YES, _NO = Decision.YES, Decision.NO

EMBEDDED = Profile(
    "embedded",
    {
        Point.IP_BLOCK_OF_PODS: _YES,  # this package: "an ipBlock holds pods too, by their own addresses"
        Point.TRANSLATION: _NO,  # ... "after DNAT, before SNAT"
        Point.OTHER_PROTOCOLS: _YES,  # ... an admission without ports is "the empty condition for every protocol"
        Point.OWN_NODE: _YES,  # ... "traffic between a pod and its node meets no policy"
        Point.HOST_NETWORK: _NO,  # ... "pods on the host's network are neither subjects nor peers"
        Point.HAIRPIN: _YES,  # ... "a pod reaches itself, also through its Service"
        Point.NAMED_PORT_OUTSIDE: _NO,  # ... "a named port that nobody declares admits nothing"
        Point.OPTIONAL_FEATURES: _YES,  # ... "endPort, TCP/UDP/SCTP"
        Point.NO_IMPLEMENTATION: _NO,
        Point.TAKING_EFFECT: _YES,  # ... "a new pod has its policy before its listeners start"
        Point.ESTABLISHED: _YES,  # ... every packet of the original direction is judged
        Point.HOW_BLOCKED: _NO,  # ... dropped
    },
)
"""The embedded cluster of this package, by its documentation."""

CALICO = Profile(
    "calico",
    {
        Point.IP_BLOCK_OF_PODS: _YES,  # kubernetes#96341: pods in an except of 0.0.0.0/0 blocked by pod IP, others not
        Point.TRANSLATION: _NO,  # calico#8049: what policies see of a Service is the pod behind it and that pod's port
        Point.HOST_NETWORK: _NO,  # calico#4493, #4667: a selector that names such a pod matches nothing
        Point.ESTABLISHED: _NO,  # calico#2759, istio#5815: only the set-up of a connection is checked
        Point.NO_IMPLEMENTATION: _NO,
    },
)
"""Calico with its iptables dataplane."""

CILIUM = Profile(
    "cilium",
    {
        Point.IP_BLOCK_OF_PODS: _NO,  # cilium#9209: pods have label identities, CIDR rules match only what is no pod
        Point.ESTABLISHED: _YES,  # cilium re-evaluates open connections on every packet
        Point.NO_IMPLEMENTATION: _NO,
    },
)
"""Cilium with its eBPF dataplane."""

KINDNET = Profile(
    "kindnet",
    {
        Point.HOST_NETWORK: _NO,  # kube-network-policies#380, #389: pods on the host's network are not to be isolated
        Point.ESTABLISHED: _YES,  # kube-network-policies#268: strict mode, the default, judges them again
        Point.NO_IMPLEMENTATION: _NO,
    },
)
"""kindnet, which enforces by kube-network-policies."""

PROFILES: Mapping[str, Profile] = {
    profile.name: profile for profile in (SPECIFICATION, EMBEDDED, CALICO, CILIUM, KINDNET)
}
"""Every profile by its name."""
