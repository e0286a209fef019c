"""Sandboxes of pods: their addresses, and the files that their processes see."""

from collections.abc import Sequence

from netpol_harness.emulator.address_plan import EXTERNAL_CIDR, RESERVED_POD_ADDRESSES
from netpol_harness.emulator.kernel.netns import Contents, Namespaces
from netpol_harness.emulator.kernel.network import Network, Place
from netpol_harness.emulator.kernel.node import NetworkNode, Sandbox
from netpol_harness.emulator.kubelet import podspec
from netpol_harness.emulator.kubelet.addresses import AddressPool, external_address, pod_address
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
        self._pod_addresses = AddressPool(self.plan.pod_cidr, reserved=RESERVED_POD_ADDRESSES)
        self._external_addresses = AddressPool(EXTERNAL_CIDR)

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

    def create(self, pod: JsonMapping) -> Sandbox:
        """Create a sandbox with an address.

        Raises ``OSError`` if the kernel refuses, ``AddressesExhausted``, or ``AddressUnavailable``.
        """
        if pod["spec"].get("hostNetwork"):
            return self._node.sandbox_in_node_network(self._contents(pod, self.plan.address, podspec.hidden_tools(pod)))
        pool, address = self._take_address(pod)
        try:
            contents = self._contents(pod, address, podspec.hidden_tools(pod))
            return self._place(pod).sandbox(address, contents, podspec.interface(pod, self._node.interfaces))
        except OSError:
            pool.free(address)
            raise

    def add_container(self, pod: JsonMapping, sandbox: Sandbox) -> Namespaces:
        """Create namespaces for a container with its own files and no hidden tools. The caller closes them."""
        return self._node.container_namespaces(sandbox, self._contents(pod, sandbox.address))

    def remove(self, sandbox: Sandbox) -> None:
        """Remove the sandbox and free its address."""
        (self._network.router if sandbox.address in self._external_addresses else self._node).remove(sandbox)
        for pool in (self._pod_addresses, self._external_addresses):
            pool.free(sandbox.address)

    def flush_conntrack(self, address: str) -> None:
        """Delete the conntrack entries of UDP flows to this address."""
        self._network.flush_conntrack(address)

    def _place(self, pod: JsonMapping) -> NetworkNode:
        return self._network.router if is_external_host(pod) else self._node

    def _take_address(self, pod: JsonMapping) -> tuple[AddressPool, str]:
        if is_external_host(pod):
            pool, requested = self._external_addresses, podspec.requested_address(pod)
            return pool, pool.claim(external_address(requested)) if requested else pool.take()
        pool, chosen = self._pod_addresses, podspec.chosen_address(pod)
        return pool, pool.claim(pod_address(chosen, self.plan.pod_cidr)) if chosen else pool.take()

    def _contents(self, pod: JsonMapping, address: str, hidden: Sequence[str] = ()) -> Contents:
        """Return what a container sees; it lacks the programs ``hidden`` and those that all sandboxes lack."""
        files = {"/etc/resolv.conf": podspec.resolv_conf(pod), "/etc/hosts": podspec.hosts(pod, address)}
        return Contents(podspec.hostname(pod), files, (*self._hidden, *hidden), self._group)
