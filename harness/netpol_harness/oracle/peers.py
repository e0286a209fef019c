"""Whether an entry of ``from`` or ``to`` matches the other end: NetworkPolicyPeer of networking.k8s.io/v1. Pure."""

from collections.abc import Iterator, Sequence

from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import IPBlock, PodPeer
from netpol_harness.oracle.blocks import block_match
from netpol_harness.oracle.endpoints import EndpointIndex
from netpol_harness.oracle.match import NEVER, SURE, Match, admitted, choice
from netpol_harness.oracle.mismatch import (
    NamespaceLabelMismatch,
    NotAPod,
    OtherNamespace,
    PodLabelMismatch,
    SelectorReason,
)
from netpol_harness.oracle.points import Point, Profile
from netpol_harness.oracle.verdict import Outside


class Peers:
    """Matches entries in one world, as one profile reads them."""

    def __init__(self, places: EndpointIndex, profile: Profile) -> None:
        self._places = places
        self._profile = profile

    def selected(self, peer: PodPeer, home: str, end: Pod | Outside) -> Match:
        """Whether the selectors pick the end; ``home`` is the policy's namespace. They pick pods, nobody else."""
        if next(self.selector_reasons(peer, home, end), None) is not None:
            return NEVER
        return admitted(self._profile, Point.HOST_NETWORK) if isinstance(end, Pod) and end.host_network else SURE

    def selector_reasons(self, peer: PodPeer, home: str, end: Pod | Outside) -> Iterator[SelectorReason]:
        """Yield every reason why the selectors do not pick the end; nothing if they do."""
        if isinstance(end, Outside):
            yield NotAPod()
            return
        namespace = end.ref.namespace
        if peer.namespaces is not None:
            labels = self._places.namespace_labels(namespace)
            for unmet in peer.namespaces.unmet(labels):
                yield NamespaceLabelMismatch(namespace, unmet, labels.get(unmet.key))
        elif namespace != home:
            yield OtherNamespace(namespace)
        if peer.pods is not None:
            for unmet in peer.pods.unmet(end.labels):
                yield PodLabelMismatch(unmet, end.labels.get(unmet.key))

    def in_block(self, block: IPBlock, end: Pod | Outside) -> Match:
        """Whether the block holds the end by its own address; a pod on its node's network has the node's."""
        held = block_match(block, addresses_of(end))
        if isinstance(end, Outside) or end.host_network:
            return held
        return choice(self._profile, Point.IP_BLOCK_OF_PODS, yes=held, no=NEVER)


def addresses_of(end: Pod | Outside) -> Sequence[str]:
    """The known addresses of an end, of which a flow uses one."""
    if isinstance(end, Pod):
        return end.addresses
    return (end.address,) if end.address else ()
