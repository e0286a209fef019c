"""Sandboxes of pods: their addresses, and the files that their processes see."""

import socket
from collections.abc import Iterable, Mapping, Sequence

from netpol_harness.emulator.address_plan import PODS_PER_NODE, plan_of
from netpol_harness.emulator.kernel.netns import Contents, Namespaces
from netpol_harness.emulator.kernel.network import Network, Place
from netpol_harness.emulator.kernel.node import NetworkNode, Sandbox
from netpol_harness.emulator.kubelet import podspec
from netpol_harness.emulator.kubelet.addresses import (
    AddressesExhausted,
    AddressPool,
    AddressUnavailable,
    external_address,
    pod_address,
)
from netpol_harness.emulator.kubelet.listeners import Listeners
from netpol_harness.emulator.pod import is_external_host
from netpol_harness.model.json_object import JsonMapping


class Sandboxes:
    """Creates and removes the sandboxes of one node's pods.

    External hosts hang on the router of ``network``. ``hidden`` names programs that every sandbox lacks. The group
    ``group`` may open ICMP sockets. ``plan`` is the node's.
    """

    def __init__(self, place: Place, network: Network, *, hidden: Sequence[str], group: int) -> None:
        self._node = place.node
        self.plan = place.plan
        self._network = network
        self._hidden = hidden
        self._group = group
        self._pod_addresses: dict[int, AddressPool] = {
            pods.version: AddressPool(pods, most=PODS_PER_NODE) for pods in self.plan.pod_ranges
        }
        self._external_addresses: dict[int, AddressPool] = {
            family.version: AddressPool(family.external) for family in network.plan.families
        }

    @property
    def is_only_node(self) -> bool:
        """Whether the cluster has no other node."""
        return len(self._network.places) == 1

    @property
    def home(self) -> Namespaces:
        """The daemon's namespaces."""
        return self._node.home

    @property
    def network(self) -> int:
        """A descriptor of the node's network."""
        return self._node.network

    def listeners(self, sandbox: Sandbox) -> Listeners:
        """Return what listens in a sandbox, at its addresses of all families; nothing does yet."""
        family = socket.AF_INET6 if self._network.plan.has_ipv6 else socket.AF_INET
        return Listeners(sandbox.namespaces, self.home, family)

    def create(self, pod: JsonMapping) -> Sandbox:
        """Create a sandbox with an address of each family.

        Raises ``OSError`` if the kernel refuses, ``AddressesExhausted``, or ``AddressUnavailable``.
        """
        if pod["spec"].get("hostNetwork"):
            contents = self._contents(pod, self.plan.addresses, podspec.hidden_tools(pod))
            return self._node.sandbox_in_node_network(contents)
        addresses = self._take_addresses(pod)
        try:
            contents = self._contents(pod, addresses, podspec.hidden_tools(pod))
            return self._place(pod).sandbox(addresses, contents, podspec.interface(pod, self._node.interfaces))
        except OSError:
            self._free(addresses)
            raise

    def add_container(self, pod: JsonMapping, sandbox: Sandbox) -> Namespaces:
        """Create namespaces for a container with its own files and no hidden tools. The caller closes them."""
        return self._node.container_namespaces(sandbox, self._contents(pod, sandbox.addresses))

    def remove(self, sandbox: Sandbox) -> None:
        """Remove the sandbox and free its addresses."""
        is_external = sandbox.address in self._external_addresses[plan_of(sandbox.address).version]
        (self._network.router if is_external else self._node).remove(sandbox)
        self._free(sandbox.addresses)

    def files(self, pod: JsonMapping, addresses: Sequence[str]) -> dict[str, str]:
        """Return the files of a pod with these addresses that differ from the host's, by path."""
        resolv_conf = podspec.resolv_conf(pod, self._network.plan.primary.cluster_dns)
        return {"/etc/resolv.conf": resolv_conf, "/etc/hosts": podspec.hosts(pod, addresses)}

    def flush_conntrack(self, address: str) -> None:
        """Delete the conntrack entries of UDP flows to this address."""
        self._network.flush_conntrack(address)

    def _place(self, pod: JsonMapping) -> NetworkNode:
        return self._network.router if is_external_host(pod) else self._node

    def _take_addresses(self, pod: JsonMapping) -> tuple[str, ...]:
        """Take an address of each family. An external host that requests an address has no other."""
        if is_external_host(pod):
            pools, requested = self._external_addresses, podspec.requested_address(pod)
            if requested:
                address = external_address(requested, pools)
                return (pools[plan_of(address).version].claim(address),)
            return _one_of_each(pools, {})
        chosen = [pod_address(text, self.plan.pod_ranges) for text in podspec.chosen_addresses(pod)]
        return _one_of_each(self._pod_addresses, {plan_of(address).version: address for address in chosen})

    def _free(self, addresses: Iterable[str]) -> None:
        for address in addresses:
            for pools in (self._pod_addresses, self._external_addresses):
                pools[plan_of(address).version].free(address)

    def _contents(self, pod: JsonMapping, addresses: Sequence[str], hidden: Sequence[str] = ()) -> Contents:
        """Return what a container sees; it lacks the programs ``hidden`` and those that all sandboxes lack."""
        files = self.files(pod, addresses)
        return Contents(podspec.hostname(pod), files, (*self._hidden, *hidden), self._group)


def _one_of_each(pools: Mapping[int, AddressPool], chosen: Mapping[int, str]) -> tuple[str, ...]:
    """Take an address from each pool, those that are chosen or any, or none at all."""
    taken: dict[int, str] = {}
    try:
        for version, pool in pools.items():
            taken[version] = pool.claim(chosen[version]) if version in chosen else pool.take()
    except (AddressesExhausted, AddressUnavailable):
        for version, address in taken.items():
            pools[version].free(address)
        raise
    return tuple(taken.values())
