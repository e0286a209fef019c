"""Whether an entry of ``from`` or ``to`` matches the other end: NetworkPolicyPeer of networking.k8s.io/v1. Pure."""

from collections.abc import Iterator, Sequence

from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import IPBlock, PodPeer
from netpol_harness.oracle.blocks import block_match
from netpol_harness.oracle.endpoints import EndpointIndex
from netpol_harness.oracle.match import ALWAYS, NEVER, Match, by_profile, undecided
from netpol_harness.oracle.mismatch import (
    NamespaceLabelMismatch,
    NotAPod,
    OtherNamespace,
    PodLabelMismatch,
    SelectorReason,
)
from netpol_harness.oracle.points import OpenPoint, Profile
from netpol_harness.oracle.verdict import Host


class PeerMatcher:
    """Matches entries in one world, as one profile reads them."""

    def __init__(self, endpoints: EndpointIndex, profile: Profile) -> None:
        self._endpoints = endpoints
        self._profile = profile

    def selector_match(self, peer: PodPeer, home: str, end: Pod | Host) -> Match:
        """Whether the selectors select the end. ``home`` is the policy's namespace. Selectors select only pods."""
        end = self._endpoints.as_pod(end)
        if isinstance(end, Host) or next(self.selector_reasons(peer, home, end), None) is not None:
            return NEVER
        unknown = peer.namespaces and self._endpoints.has_unknown_labels(end.ref.namespace, peer.namespaces)
        match = undecided(OpenPoint.NAMESPACE_LABELS) if unknown else ALWAYS
        return by_profile(self._profile, OpenPoint.HOST_NETWORK, yes=match) if end.host_network else match

    def selector_reasons(self, peer: PodPeer, home: str, end: Pod | Host) -> Iterator[SelectorReason]:
        """Yield every reason why the selectors do not select the end; nothing if they do."""
        end = self._endpoints.as_pod(end)
        if isinstance(end, Host):
            yield NotAPod()
            return
        namespace = end.ref.namespace
        if peer.namespaces is not None:
            labels = self._endpoints.namespace_labels(namespace)
            for unmet in peer.namespaces.unmet(labels):
                if not self._endpoints.has_unknown_labels(namespace, LabelSelector((unmet,))):
                    yield NamespaceLabelMismatch(namespace, unmet, labels.get(unmet.key))
        elif namespace != home:
            yield OtherNamespace(namespace)
        if peer.pods is not None:
            for unmet in peer.pods.unmet(end.labels):
                yield PodLabelMismatch(unmet, end.labels.get(unmet.key))

    def block_match(self, block: IPBlock, end: Pod | Host, version: int = 0) -> Match:
        """Whether the block contains the end's own address of the flow's IP version, which may be unknown (0).

        A pod on its node's network has the node's address.
        """
        match = block_match(block, addresses_of(end), version)
        if isinstance(end, Host) or end.host_network:
            return match
        return by_profile(self._profile, OpenPoint.IP_BLOCK_OF_PODS, yes=match)


def addresses_of(end: Pod | Host) -> Sequence[str]:
    """Return the known addresses of an end, of which a flow uses one."""
    if isinstance(end, Pod):
        return end.addresses
    return (end.address,) if end.address else ()
