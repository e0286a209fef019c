"""Whether a peer of a ClusterNetworkPolicy matches the other end of a flow. Pure.

Source: the Go types of policy.networking.k8s.io/v1alpha2 and npep-133.
"""

from collections.abc import Iterable, Sequence

from netpol_harness.model.cluster_policy import ClusterPeer, DomainNames, Networks, NodeSelection, PodSelection
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction
from netpol_harness.model.nodes import Node
from netpol_harness.model.objects import Pod, World
from netpol_harness.model.policy import IPBlock, Network
from netpol_harness.oracle.blocks import block_match
from netpol_harness.oracle.endpoints import EndpointIndex
from netpol_harness.oracle.match import ALWAYS, NEVER, Match, any_of, by_profile, definite, undecided
from netpol_harness.oracle.peers import addresses_of
from netpol_harness.oracle.points import OpenPoint, Profile
from netpol_harness.oracle.rules import DirectedFlow
from netpol_harness.oracle.verdict import Host


class ClusterPeerMatcher:
    """Matches peers in one world, as one profile reads them."""

    def __init__(self, world: World, endpoints: EndpointIndex, profile: Profile) -> None:
        self._world = world
        self._endpoints = endpoints
        self._profile = profile
        self._node_of_address = {address: node for node in world.nodes.values() for address in node.addresses}

    def selection(self, selection: PodSelection, end: Pod | Host) -> Match:
        """Whether both selectors match a pod. Hosts, and pods on the network of their nodes, are never selected."""
        end = self._endpoints.as_pod(end)
        if isinstance(end, Host) or end.host_network or not selection.pods.matches(end.labels):
            return NEVER
        return self._namespace(end.ref.namespace, selection.namespaces)

    def peer(self, peer: ClusterPeer, directed: DirectedFlow) -> Match:
        """Whether a peer matches the other end of the flow. An unknown peer matches nothing by itself."""
        match peer:
            case PodSelection():
                return self.selection(peer, directed.peer)
            case Networks(blocks):
                return self._networks(blocks, directed)
            case NodeSelection(nodes):
                return self.node(nodes, directed.peer)
            case DomainNames(names):
                return self.domain_names(names, directed.peer, directed.flow.name)
            case _:
                return NEVER

    def node(self, selector: LabelSelector, end: Pod | Host) -> Match:
        """Whether the end has an address of a node whose labels match."""
        if isinstance(end, Pod) and not end.host_network:
            return NEVER
        node = self.node_of(end)
        if node is not None:
            return definite(selector.matches(node.labels))
        if isinstance(end, Host) and not end.node:
            return NEVER
        return undecided(OpenPoint.NOT_KNOWN) if selector.requirements else ALWAYS

    def domain_names(self, names: Sequence[str], end: Pod | Host, looked_up: str) -> Match:
        """Whether a name resolves to an address of the end, and the client has just ``looked_up`` such a name.

        A host whose address is not known may have any name, and certainly has the one that was looked up.
        """
        resolving = {
            name
            for name, addresses in self._world.domain_names.items()
            if any(is_below(name, pattern) for pattern in names) and set(addresses) & set(addresses_of(end))
        }
        if isinstance(end, Host) and not end.address and not end.node:
            is_meant = any(is_below(looked_up, pattern) for pattern in names)
            return ALWAYS if is_meant else undecided(OpenPoint.NOT_KNOWN)
        if not resolving:
            return NEVER
        return ALWAYS if looked_up in resolving else by_profile(self._profile, OpenPoint.LOOKED_UP)

    def _namespace(self, name: str, selector: LabelSelector) -> Match:
        unmet = selector.unmet(self._endpoints.namespace_labels(name))
        if any(not self._endpoints.has_unknown_labels(name, LabelSelector((each,))) for each in unmet):
            return NEVER
        is_unknown = self._endpoints.has_unknown_labels(name, selector)
        return undecided(OpenPoint.NAMESPACE_LABELS) if is_unknown else ALWAYS

    def _networks(self, blocks: Iterable[Network], directed: DirectedFlow) -> Match:
        """Whether a block contains the address; pods have theirs, unlike in NetworkPolicy, where that is open."""
        own = _in_blocks(blocks, addresses_of(directed.peer), directed.flow.version)
        if directed.direction is Direction.INGRESS or not self._endpoints.is_translated(directed.flow):
            return own
        virtual = _in_blocks(blocks, self._endpoints.virtual_addresses(directed.flow), directed.flow.version)
        return by_profile(self._profile, OpenPoint.TRANSLATION, yes=virtual, no=own)

    def node_of(self, end: Pod | Host) -> Node | None:
        """Return the node whose address the end has; ``None`` if it has none, or if the node is not known."""
        if isinstance(end, Pod) and not end.host_network:
            return None
        pod = end if isinstance(end, Pod) else self._endpoints.pods.get(end.runs) if end.runs else None
        if pod is not None:
            return self._world.nodes.get(pod.node)
        return self._node_of_address.get(end.address) if isinstance(end, Host) else None


def is_below(name: str, pattern: str) -> bool:
    """Return whether a pattern of ``domainNames`` means the name: itself, or any name below ``*.``, at any depth."""
    return name.endswith(pattern[1:]) and name != pattern[2:] if pattern.startswith("*.") else name == pattern


def _in_blocks(blocks: Iterable[Network], addresses: Sequence[str], version: int) -> Match:
    return any_of(block_match(IPBlock(block), addresses, version) for block in blocks)
