"""Whether an entry of ``from`` or ``to`` matches the other end: NetworkPolicyPeer of networking.k8s.io/v1. Pure."""

from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import IPBlock, PodPeer
from netpol_harness.oracle.blocks import block_match
from netpol_harness.oracle.endpoints import EndpointIndex
from netpol_harness.oracle.match import NEVER, SURE, Match, admitted, choice
from netpol_harness.oracle.points import Point, Profile
from netpol_harness.oracle.verdict import Outside


class Peers:
    """Matches entries in one world, as one profile reads them."""

    def __init__(self, places: EndpointIndex, profile: Profile) -> None:
        self._places = places
        self._profile = profile

    def selected(self, peer: PodPeer, home: str, end: Pod | Outside) -> Match:
        """Whether the selectors pick the end; ``home`` is the policy's namespace. They pick pods, nobody else."""
        if isinstance(end, Outside) or not self._picks(peer, home, end):
            return NEVER
        return admitted(self._profile, Point.HOST_NETWORK) if end.host_network else SURE

    def in_block(self, block: IPBlock, end: Pod | Outside) -> Match:
        """Whether the block holds the end by its own address; a pod on its node's network has the node's."""
        if isinstance(end, Outside):
            return block_match(block, (end.address,) if end.address else ())
        held = block_match(block, end.addresses)
        return held if end.host_network else choice(self._profile, Point.IP_BLOCK_OF_PODS, yes=held, no=NEVER)

    def _picks(self, peer: PodPeer, home: str, pod: Pod) -> bool:
        namespace = pod.ref.namespace
        if peer.namespaces is None:
            resident = namespace == home
        else:
            resident = peer.namespaces.matches(self._places.namespace_labels(namespace))
        return resident and (peer.pods is None or peer.pods.matches(pod.labels))
