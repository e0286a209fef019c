"""Open datagram flows leave an endpoint that its Service no longer sends to; so does kube-proxy.

Conntrack repeats a translation for as long as a flow lives, and a flow of datagrams lives for as long as somebody sends
(``services``). So whatever is no ready endpoint any longer must have its flows forgotten. Connections go on: TCP ends
by itself. Pods that are gone altogether are the kubelet's matter. Pure but for what it calls.
"""

from collections.abc import Callable

from netpol_harness.emulator.store import Event, EventType, Key, Store
from netpol_harness.model.json_object import JsonObject


class StaleFlows:
    """Watches the EndpointSlices of a store. ``forget`` is called with each address that has left one of UDP."""

    def __init__(self, store: Store, forget: Callable[[str], None]) -> None:
        self._forget = forget
        self._ready: dict[Key, frozenset[str]] = {}
        store.subscribe(self._note)

    def _note(self, event: Event) -> None:
        if event.key.resource != "endpointslices":
            return
        ready = frozenset() if event.type is EventType.DELETED else _ready(event.object)
        lost = self._ready.pop(event.key, frozenset()) - ready
        if ready:
            self._ready[event.key] = ready
        for address in sorted(lost):
            self._forget(address)


def _ready(endpoints: JsonObject) -> frozenset[str]:
    """The addresses that a slice sends datagrams to."""
    if not any(port.get("protocol") == "UDP" for port in endpoints.get("ports") or ()):
        return frozenset()
    ready = [one for one in endpoints.get("endpoints") or () if (one.get("conditions") or {}).get("ready") is not False]
    return frozenset(address for one in ready for address in one["addresses"])
