"""All running pods of a world as sets: by label, namespace, address, node and declared port.

Invariant: pod number ``n`` is the n-th in order of namespace and name, and bit ``n`` of every set. The labels and
addresses of the pods are read once. Implements apimachinery ``metav1.LabelSelector`` as set operations. Pure.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from netpol_harness.model.labels import Labels, LabelSelector, Operator, Requirement
from netpol_harness.model.names import NamespacedName, Port
from netpol_harness.model.policy import IPBlock, Network
from netpol_harness.oracle.blocks import contains_every_address, of_version
from netpol_harness.oracle.endpoints import EndpointIndex
from netpol_harness.oracle.pod_set import EMPTY, PodSet


class LabelIndex:
    """Numbered objects by their labels."""

    def __init__(self, labels_of_each: Iterable[Labels]) -> None:
        self._all = 0
        self._with_key: dict[str, int] = defaultdict(int)
        self._with_value: dict[tuple[str, str], int] = defaultdict(int)
        for number, labels in enumerate(labels_of_each):
            bit = 1 << number
            self._all |= bit
            for key, value in labels.items():
                self._with_key[key] |= bit
                self._with_value[key, value] |= bit

    def select(self, selector: LabelSelector) -> int:
        """Return the objects for which every requirement holds."""
        selected = self._all
        for requirement in selector.requirements:
            selected &= self._satisfying(requirement)
        return selected

    def _satisfying(self, requirement: Requirement) -> int:
        match requirement.operator:
            case Operator.IN:
                return self._with_any_value(requirement)
            case Operator.NOT_IN:
                return self._all & ~self._with_any_value(requirement)
            case Operator.EXISTS:
                return self._with_key.get(requirement.key, 0)
            case Operator.DOES_NOT_EXIST:
                return self._all & ~self._with_key.get(requirement.key, 0)

    def _with_any_value(self, requirement: Requirement) -> int:
        objects = 0
        for value in requirement.values:
            objects |= self._with_value.get((requirement.key, value), 0)
        return objects


class AddressIndex:
    """Pods by their addresses of an IP version (0: of both), in order, so that a range of addresses is a slice."""

    def __init__(self, addresses_of_each: Iterable[Iterable[str]], version: int = 0) -> None:
        entries: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        self.with_address = 0
        for number, addresses in enumerate(addresses_of_each):
            for address in map(ip_address, of_version(addresses, version)):
                entries[address.version].append((int(address), 1 << number))
                self.with_address |= 1 << number
        self._values = {version: [value for value, _ in sorted(pairs)] for version, pairs in entries.items()}
        self._pods = {version: [bit for _, bit in sorted(pairs)] for version, pairs in entries.items()}

    def split(self, block: IPBlock) -> tuple[int, int]:
        """Return the pods with an address in the block, and those with an address outside it."""
        inside = outside = 0
        for version, pods in self._pods.items():
            contained = [False] * len(pods)
            if version == block.cidr.version:
                self._mark(contained, block)
            for bit, is_contained in zip(pods, contained, strict=True):
                if is_contained:
                    inside |= bit
                else:
                    outside |= bit
        return inside, outside

    def _mark(self, contained: list[bool], block: IPBlock) -> None:
        for network in (block.cidr, *block.excepts):
            if network.version == block.cidr.version:
                span = self._span(network)
                contained[span] = [network is block.cidr] * (span.stop - span.start)

    def _span(self, network: Network) -> slice:
        values = self._values[network.version]
        first, last = int(network.network_address), int(network.broadcast_address)
        return slice(bisect_left(values, first), bisect_right(values, last))


class PodIndex:
    """The running pods of one world as sets. ``version`` is the IP version of their connections, 0 if not known."""

    def __init__(self, endpoints: EndpointIndex, version: int = 0) -> None:
        self.pods = tuple(endpoints.pods[ref] for ref in sorted(endpoints.pods))
        self.all_pods = (1 << len(self.pods)) - 1
        self.on_host_network = 0
        self._by_namespace: dict[str, int] = defaultdict(int)
        self._by_node: dict[str, int] = defaultdict(int)
        self._declaring: dict[tuple[str, Port], int] = defaultdict(int)
        for number, pod in enumerate(self.pods):
            bit = 1 << number
            self._by_namespace[pod.ref.namespace] |= bit
            self._by_node[pod.node] |= bit
            self.on_host_network |= bit if pod.host_network else 0
            for declared in pod.ports:
                self._declaring[declared.name, declared.port] |= bit
        self._pod_labels = LabelIndex(pod.labels for pod in self.pods)
        self._addresses = AddressIndex((pod.addresses for pod in self.pods), version)
        self._version = version
        self._namespace_labels = LabelIndex(endpoints.namespace_labels(name) for name in self._by_namespace)
        self._endpoints = endpoints
        self._incomplete = endpoints.incomplete_namespaces
        self._blocks: dict[IPBlock, PodSet] = {}

    def numbers(self) -> Mapping[NamespacedName, int]:
        """Return each pod's number."""
        return {pod.ref: number for number, pod in enumerate(self.pods)}

    def in_namespace(self, namespace: str, selector: LabelSelector) -> int:
        """Return the pods of one namespace that the selector selects."""
        pods = self._by_namespace.get(namespace, 0)
        return pods & self._pod_labels.select(selector) if pods else 0

    def select(self, selector: LabelSelector | None) -> int:
        """Return the pods that the selector selects; ``None`` selects all."""
        return self.all_pods if selector is None else self._pod_labels.select(selector)

    def in_namespaces(self, selector: LabelSelector | None, home: str) -> PodSet:
        """Return the pods of the namespaces that the selector selects; ``None`` selects ``home``."""
        if selector is None:
            return PodSet.exactly(self._by_namespace.get(home, 0))
        selected, certain, possible = self._namespace_labels.select(selector), 0, 0
        for number, (name, residents) in enumerate(self._by_namespace.items()):
            if name in self._incomplete and self._endpoints.has_unknown_labels(name, selector):
                possible |= residents if self._may_select(selector, name) else 0
            elif selected >> number & 1:
                certain |= residents
        return PodSet(certain, certain | possible)

    def _may_select(self, selector: LabelSelector, namespace: str) -> bool:
        """Return whether the requirements hold that the known labels of a namespace decide."""
        unmet = selector.unmet(self._endpoints.namespace_labels(namespace))
        return all(self._endpoints.has_unknown_labels(namespace, LabelSelector((each,))) for each in unmet)

    def in_block(self, block: IPBlock) -> PodSet:
        """Return the pods that the block contains by their addresses. One of another IP version contains none."""
        if self._version not in (0, block.cidr.version):
            return EMPTY
        pods = self._blocks.get(block)
        if pods is None:
            inside, outside = self._addresses.split(block)
            unknown = self.all_pods & ~self._addresses.with_address
            certain = inside & ~outside | (unknown if contains_every_address(block) else 0)
            pods = self._blocks[block] = PodSet(certain, inside | unknown)
        return pods

    def declaring(self, name: str, port: Port) -> int:
        """Return the pods that declare this port under this name."""
        return self._declaring.get((name, port), 0) if name else 0

    def on_node_of(self, number: int) -> PodSet:
        """Return the pods on the node that this pod runs on, as far as its node and theirs are known."""
        node, unknown = self.pods[number].node, self._by_node.get("", 0)
        return PodSet(self._by_node[node], self._by_node[node] | unknown) if node else PodSet(0, self.all_pods)
