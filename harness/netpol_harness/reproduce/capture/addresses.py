"""The addresses of stand-ins, and the blocks of policies that speak of them. Pure.

A pod of the cluster may be in an ipBlock of a policy. Its stand-in has other addresses, one of each family of the pod:
of the embedded cluster's ranges, which it asks for. A block that contains other stand-ins than it contained pods is
written again: without the range of the stand-ins, and beside it the address of each stand-in whose pod it contained.
What the block says of the world outside stays as it was.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod

Network = IPv4Network | IPv6Network

_PODS: Mapping[int, Network] = {4: IPv4Network("10.244.0.0/16"), 6: IPv6Network("fd00:10:244::/56")}
"""The addresses of pods of an embedded cluster, by IP version."""
_PODS_OF_A_NODE = {4: 24, 6: 64}
"""The length of the prefix of one node's pods."""

ADDRESSES_OF_A_NODE = 180
"""How many stand-ins of a node may ask for an address; the cluster needs the others for pods that do not ask."""
MOST_NODES = 100
"""Nodes of an embedded cluster."""

_parsed = lru_cache(maxsize=65_536)(ip_address)
_FIELDS = (("ingress", "from"), ("egress", "to"))
_MOST_NETWORKS = 25
"""Networks of one peer of a ClusterNetworkPolicy, as its definition allows."""


@dataclass(frozen=True, slots=True)
class Block:
    """An ipBlock of a NetworkPolicy, or one of the networks of a ClusterNetworkPolicy."""

    cidr: Network
    excepts: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, cidr: str, excepts: Iterable[str] = ()) -> "Block":
        """Read a block; host bits are ignored, as network plugins do. Raises ``ValueError``."""
        return cls(ip_network(cidr, strict=False), tuple(ip_network(text, strict=False) for text in excepts))

    def contains(self, address: str) -> bool:
        """Return whether the address is in the block."""
        parsed = _parsed(address)
        return parsed in self.cidr and not any(parsed in network for network in self.excepts)

    @property
    def is_everything(self) -> bool:
        """Whether every address of its family is in it, so that no address matters."""
        return self.cidr.prefixlen == 0 and not self.excepts


def stand_in_range(version: int, nodes: int) -> Network:
    """Return the range of the stand-ins of so many nodes: that of the first node, or of all."""
    return _PODS[version] if nodes > 1 else _pods_of_node(version, 0)


def _pods_of_node(version: int, node: int) -> Network:
    prefix = _PODS_OF_A_NODE[version]
    first = _PODS[version].network_address + (node << (_PODS[version].max_prefixlen - prefix))
    return ip_network(f"{first}/{prefix}")


def blocks_of(policies: Iterable[JsonMapping]) -> Iterator[Block]:
    """Yield the blocks of NetworkPolicies and of ClusterNetworkPolicies."""
    for policy in policies:
        for peer in _peers(policy.get("spec") or {}):
            if block := peer.get("ipBlock"):
                yield Block.parse(block["cidr"], block.get("except") or ())
            yield from map(Block.parse, peer.get("networks") or ())


def _peers(spec: JsonMapping) -> Iterator[JsonMapping]:
    for direction, key in _FIELDS:
        for rule in spec.get(direction) or ():
            yield from (rule or {}).get(key) or ()


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of the pods of the cluster, and of their stand-ins: a pair for each address of a stand-in.

    ``nodes`` is the number of nodes that have these addresses.
    """

    pairs: tuple[tuple[str, str], ...]
    nodes: int = 1

    def rewritten(self, policy: JsonMapping) -> tuple[JsonObject, int]:
        """Return a policy with blocks that mean the stand-ins, and how many blocks had to be changed for it."""
        spec: JsonObject = dict(policy.get("spec") or {})
        changed = 0
        for direction, key in _FIELDS:
            if not isinstance(spec.get(direction), list):
                continue
            rules = []
            for rule in spec[direction]:
                parts = [self._rewritten_peer(peer) for peer in (rule or {}).get(key) or ()]
                changed += sum(has_changed for _, has_changed in parts)
                peers = [peer for peers, _ in parts for peer in peers]
                rules.append({**rule, key: peers} if peers else rule)
            spec[direction] = rules
        return {**policy, "spec": spec}, changed

    def stand_in(self, address: str) -> str:
        """Return the address of the stand-in of a pod; empty if no pod of the capture has the address."""
        return next((new for old, new in self.pairs if old == address), "")

    def _rewritten_peer(self, peer: JsonMapping) -> tuple[Sequence[JsonMapping], bool]:
        if block := peer.get("ipBlock"):
            return self._block(peer, Block.parse(block["cidr"], block.get("except") or ()))
        networks = peer.get("networks") or ()
        if not networks:
            return [peer], False
        texts = [text for cidr in networks for text in self._network(cidr)]
        distinct = [*dict.fromkeys(texts)]
        parts = [distinct[n : n + _MOST_NETWORKS] for n in range(0, len(distinct), _MOST_NETWORKS)]
        return [{**peer, "networks": part} for part in parts], texts != [*networks]

    def _block(self, peer: JsonMapping, block: Block) -> tuple[Sequence[JsonMapping], bool]:
        if self._means_the_same(block):
            return [peer], False
        stand_ins = stand_in_range(block.cidr.version, self.nodes)
        meant = [{"ipBlock": {"cidr": host}} for host in self._meant(block)]
        if block.cidr.subnet_of(stand_ins):  # type: ignore[arg-type]  # of one version
            return meant or [_never(peer)], True
        if not block.cidr.overlaps(stand_ins):
            return [peer, *meant], True
        inner = [text for text in peer["ipBlock"].get("except") or () if not _within(text, stand_ins)]
        outside = {"ipBlock": {"cidr": peer["ipBlock"]["cidr"], "except": [*inner, str(stand_ins)]}}
        return [outside, *meant], True

    def _network(self, cidr: str) -> Sequence[str]:
        block = Block.parse(cidr)
        stand_ins = stand_in_range(block.cidr.version, self.nodes)
        if self._means_the_same(block):
            return [cidr]
        if block.cidr.subnet_of(stand_ins):  # type: ignore[arg-type]  # of one version
            return self._meant(block) or [_nowhere(block.cidr.version)]
        if not block.cidr.overlaps(stand_ins):
            return [cidr, *self._meant(block)]
        rest: Any = block.cidr.address_exclude(stand_ins)  # type: ignore[arg-type]  # of one version
        return [*map(str, sorted(rest)), *self._meant(block)]

    def _means_the_same(self, block: Block) -> bool:
        return all(block.contains(old) is block.contains(new) for old, new in self.pairs)

    def _meant(self, block: Block) -> list[str]:
        version = block.cidr.version
        return [f"{new}/{32 if version == 4 else 128}" for old, new in self.pairs if block.contains(old)]


def _within(text: str, network: Network) -> bool:
    inner = ip_network(text, strict=False)
    return inner.version == network.version and inner.subnet_of(network)  # type: ignore[arg-type]  # of one version


def _never(peer: JsonMapping) -> JsonMapping:
    """Return a block that no stand-in is in: that of addresses that nobody has."""
    version = Block.parse(peer["ipBlock"]["cidr"]).cidr.version
    return {"ipBlock": {"cidr": _nowhere(version)}}


def _nowhere(version: int) -> str:
    """Return a network without hosts: of the documentation's prefixes (RFC 5737, RFC 3849)."""
    return "198.51.100.255/32" if version == 4 else "2001:db8:ffff::ffff/128"


AddressPairs = tuple[tuple[str, str], ...]
"""The addresses of a pod, each with that of its stand-in."""


def given_addresses(pods: Sequence[Pod]) -> Mapping[NamespacedName, AddressPairs]:
    """Return the addresses of each pod that has some, and those of its stand-in: the last of a node's range first.

    No address is given if there are too many pods.
    """
    addressed = [pod for pod in pods if pod.addresses and not pod.host_network]
    if len(addressed) > ADDRESSES_OF_A_NODE * MOST_NODES:
        return {}
    return {pod.ref: tuple(_pairs(pod, number)) for number, pod in enumerate(addressed)}


def _pairs(pod: Pod, number: int) -> Iterator[tuple[str, str]]:
    node, index = divmod(number, ADDRESSES_OF_A_NODE)
    by_version = {_parsed(address).version: address for address in reversed(pod.addresses)}  # the first of each family
    for version, address in reversed(by_version.items()):
        yield address, str(_pods_of_node(version, node)[254 - index])


def nodes_for(pods: int) -> int:
    """Return the number of nodes that have addresses for so many stand-ins."""
    return max(1, -(-pods // ADDRESSES_OF_A_NODE))
