"""Whether rules of ClusterNetworkPolicies match all that another one matches, for every implementation. Pure."""

from collections.abc import Sequence

from netpol_harness.model.cluster_policy import (
    ClusterPeer,
    ClusterPort,
    ClusterRule,
    Networks,
    PodSelection,
    PortRange,
)
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.policy import Network


def covering(earlier: Sequence[ClusterRule], rule: ClusterRule) -> list[int]:
    """Return which of the earlier rules cover the rule wholly, taken together; none if they do not."""
    if rule.has_unknown_parts:
        return []
    known = [(number, each) for number, each in enumerate(earlier) if not each.has_unknown_parts]
    found = set[int]()
    for peer, port in ((peer, port) for peer in rule.peers for port in rule.ports or (None,)):
        number = next((number for number, each in known if _covers(each, peer, port)), None)
        if number is None:
            return []
        found.add(number)
    return sorted(found)


def includes(wide: PodSelection, narrow: PodSelection) -> bool:
    """Whether a selection certainly selects every pod that the other one selects."""
    return _requires_less(wide.namespaces, narrow.namespaces) and _requires_less(wide.pods, narrow.pods)


def _covers(rule: ClusterRule, peer: ClusterPeer, port: ClusterPort | None) -> bool:
    """Whether the rule matches all that a peer and a port match; ``None`` stands for every protocol."""
    ports = rule.ports is None or (port is not None and any(_port_covers(each, port) for each in rule.ports))
    return ports and any(_peer_covers(each, peer) for each in rule.peers) and all(map(_is_core, rule.peers))


def _is_core(peer: ClusterPeer) -> bool:
    """Whether every implementation knows such a peer: a rule with another one may fail closed."""
    return isinstance(peer, PodSelection | Networks)


def _peer_covers(wide: ClusterPeer, narrow: ClusterPeer) -> bool:
    match wide, narrow:
        case PodSelection(), PodSelection():
            return includes(wide, narrow)
        case Networks(), Networks():
            return all(any(_contains(block, part) for block in wide.blocks) for part in narrow.blocks)
    return False


def _requires_less(wide: LabelSelector, narrow: LabelSelector) -> bool:
    return set(wide.requirements) <= set(narrow.requirements)


def _contains(block: Network, part: Network) -> bool:
    return block.version == part.version and part.network_address in block and part.prefixlen >= block.prefixlen


def _port_covers(wide: ClusterPort, narrow: ClusterPort) -> bool:
    if isinstance(wide, PortRange) and isinstance(narrow, PortRange):
        return wide.protocol is narrow.protocol and wide.first <= narrow.first and narrow.last <= wide.last
    return wide == narrow
