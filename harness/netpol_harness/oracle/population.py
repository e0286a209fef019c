"""All running pods of a world as sets: by label, namespace, address, node and declared port.

Invariant: pod number ``n`` is the n-th reference in order, and bit ``n`` of every set. No pod's labels or addresses are
read again once the index stands. Implements apimachinery ``metav1.LabelSelector`` as set operations. Pure.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from netpol_harness.model.labels import Labels, LabelSelector, Operator, Requirement
from netpol_harness.model.names import NamespacedName, Port
from netpol_harness.model.policy import IPBlock, Network
from netpol_harness.oracle.blocks import holds_every_address
from netpol_harness.oracle.endpoints import EndpointIndex
from netpol_harness.oracle.extent import Extent


class LabelIndex:
    """Numbered things by their labels."""

    def __init__(self, labels: Iterable[Labels]) -> None:
        self.all = 0
        self._carrying: dict[str, int] = defaultdict(int)
        self._valued: dict[tuple[str, str], int] = defaultdict(int)
        for number, own in enumerate(labels):
            bit = 1 << number
            self.all |= bit
            for key, value in own.items():
                self._carrying[key] |= bit
                self._valued[key, value] |= bit

    def select(self, selector: LabelSelector) -> int:
        """The things for which every requirement holds."""
        found = self.all
        for requirement in selector.requirements:
            found &= self._satisfying(requirement)
        return found

    def _satisfying(self, requirement: Requirement) -> int:
        match requirement.operator:
            case Operator.IN:
                return self._valued_any(requirement)
            case Operator.NOT_IN:
                return self.all & ~self._valued_any(requirement)
            case Operator.EXISTS:
                return self._carrying.get(requirement.key, 0)
            case Operator.DOES_NOT_EXIST:
                return self.all & ~self._carrying.get(requirement.key, 0)

    def _valued_any(self, requirement: Requirement) -> int:
        found = 0
        for value in requirement.values:
            found |= self._valued.get((requirement.key, value), 0)
        return found


class AddressIndex:
    """Pods by their addresses, in order, so that a range of addresses is a slice."""

    def __init__(self, addresses: Iterable[Iterable[str]]) -> None:
        entries: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        self.everywhere = 0
        for number, own in enumerate(addresses):
            for address in map(ip_address, own):
                entries[address.version].append((int(address), 1 << number))
                self.everywhere |= 1 << number
        self._values = {version: [value for value, _ in sorted(own)] for version, own in entries.items()}
        self._pods = {version: [bit for _, bit in sorted(own)] for version, own in entries.items()}

    def split(self, block: IPBlock) -> tuple[int, int]:
        """The pods with an address in the block, and those with one that is not in it."""
        inside = outside = 0
        for version, pods in self._pods.items():
            held = [False] * len(pods)
            if version == block.cidr.version:
                self._mark(held, block)
            for bit, holds in zip(pods, held, strict=True):
                if holds:
                    inside |= bit
                else:
                    outside |= bit
        return inside, outside

    def _mark(self, held: list[bool], block: IPBlock) -> None:
        for network in (block.cidr, *block.excepts):
            if network.version == block.cidr.version:
                span = self._span(network)
                held[span] = [network is block.cidr] * (span.stop - span.start)

    def _span(self, network: Network) -> slice:
        values = self._values[network.version]
        first, last = int(network.network_address), int(network.broadcast_address)
        return slice(bisect_left(values, first), bisect_right(values, last))


class Population:
    """The sets of one world."""

    def __init__(self, places: EndpointIndex) -> None:
        self.pods = tuple(places.pods[ref] for ref in sorted(places.pods))
        self.everyone = (1 << len(self.pods)) - 1
        self.on_host_network = 0
        self._homes: dict[str, int] = defaultdict(int)
        self._nodes: dict[str, int] = defaultdict(int)
        self._declaring: dict[tuple[str, Port], int] = defaultdict(int)
        for number, pod in enumerate(self.pods):
            bit = 1 << number
            self._homes[pod.ref.namespace] |= bit
            self._nodes[pod.node] |= bit
            self.on_host_network |= bit if pod.host_network else 0
            for declared in pod.ports:
                self._declaring[declared.name, declared.port] |= bit
        self._labelled = LabelIndex(pod.labels for pod in self.pods)
        self._addressed = AddressIndex(pod.addresses for pod in self.pods)
        self._spaces = LabelIndex(places.namespace_labels(name) for name in self._homes)
        self._blocks: dict[IPBlock, Extent] = {}

    def numbered(self) -> Mapping[NamespacedName, int]:
        """Each pod's number."""
        return {pod.ref: number for number, pod in enumerate(self.pods)}

    def within(self, namespace: str, selector: LabelSelector) -> int:
        """The pods of one namespace that the selector picks."""
        home = self._homes.get(namespace, 0)
        return home & self._labelled.select(selector) if home else 0

    def select(self, selector: LabelSelector | None) -> int:
        """The pods that the selector picks; ``None`` picks all."""
        return self.everyone if selector is None else self._labelled.select(selector)

    def residents(self, selector: LabelSelector | None, home: str) -> int:
        """The pods of the namespaces that the selector picks; ``None`` picks ``home``."""
        if selector is None:
            return self._homes.get(home, 0)
        picked, found = self._spaces.select(selector), 0
        for number, pods in enumerate(self._homes.values()):
            found |= pods if picked >> number & 1 else 0
        return found

    def held(self, block: IPBlock) -> Extent:
        """The pods that the block holds by their addresses."""
        found = self._blocks.get(block)
        if found is None:
            inside, outside = self._addressed.split(block)
            unknown = self.everyone & ~self._addressed.everywhere
            sure = inside & ~outside | (unknown if holds_every_address(block) else 0)
            found = self._blocks[block] = Extent(sure, inside | unknown)
        return found

    def declaring(self, name: str, port: Port) -> int:
        """The pods that declare this port under this name."""
        return self._declaring.get((name, port), 0) if name else 0

    def on_node_of(self, number: int) -> Extent:
        """The pods on the node that this pod runs on, as far as it and theirs are known."""
        own, unknown = self.pods[number].node, self._nodes.get("", 0)
        return Extent(self._nodes[own], self._nodes[own] | unknown) if own else Extent(0, self.everyone)
