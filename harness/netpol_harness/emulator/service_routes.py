"""Keeps the routes from outside of several nodes to the addresses of Services: each address leads to one node."""

import logging

from netpol_harness.emulator.dataplane.entries import entry_nodes
from netpol_harness.emulator.dataplane.snapshot import WorldView
from netpol_harness.emulator.kernel.network import Network
from netpol_harness.emulator.store import Event, Store

log = logging.getLogger(__name__)


class ServiceRoutes:
    """Routes external IPs and the addresses of load balancers as the store's objects say, at once."""

    def __init__(self, store: Store, network: Network) -> None:
        self._view = WorldView.of(store)
        self._router = network.router
        self._nodes = {place.plan.name: place.node for place in network.places}
        self._families = network.plan.families
        self._routed: dict[str, str] = {}
        store.subscribe(self._on_event)

    def _on_event(self, event: Event) -> None:
        if not self._view.apply(event):
            return
        wanted = entry_nodes(self._view.snapshot(), tuple(self._nodes), self._families)
        for address in self._routed.keys() - wanted.keys():
            self._router.forget(self._nodes[self._routed.pop(address)], address)
        for address, name in wanted.items():
            if self._routed.get(address) != name:
                self._lead(address, name)

    def _lead(self, address: str, name: str) -> None:
        try:
            self._router.lead_to(self._nodes[name], [address])
        except OSError as problem:
            log.warning("no route to the address %s of a Service: %s", address, problem.strerror)
        else:
            self._routed[address] = name
