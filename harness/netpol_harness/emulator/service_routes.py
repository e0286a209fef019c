"""Keeps the routes from outside of several nodes to the addresses of Services: each address leads to one node."""

from netpol_harness.emulator.dataplane.entries import entry_nodes
from netpol_harness.emulator.dataplane.snapshot import WorldView
from netpol_harness.emulator.kernel.network import Network
from netpol_harness.emulator.store import Event, Store


class ServiceRoutes:
    """Routes external IPs and the addresses of load balancers as the store's objects say, at once."""

    def __init__(self, store: Store, network: Network) -> None:
        self._view = WorldView.of(store)
        self._router = network.router
        self._nodes = {place.plan.name: place.node for place in network.places}
        self._routed: dict[str, str] = {}
        store.subscribe(self._on_event)

    def _on_event(self, event: Event) -> None:
        if not self._view.apply(event):
            return
        before, self._routed = self._routed, entry_nodes(self._view.snapshot(), tuple(self._nodes))
        for address in before.keys() - self._routed.keys():
            self._router.forget(self._nodes[before[address]], address)
        for address, name in self._routed.items():
            if before.get(address) != name:
                self._router.lead_to(self._nodes[name], [address])
