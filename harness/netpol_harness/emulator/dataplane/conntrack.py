"""Open datagram flows leave an endpoint that its Service no longer sends to, as with kube-proxy.

Conntrack repeats a translation for as long as a flow lives, and a datagram flow lives for as long as its client sends
(``services``). So the flows of an address that is no longer a ready endpoint must be flushed. TCP connections continue
and end by themselves. Deleted pods are the kubelet's task. Pure, apart from the function that it calls.
"""

from collections.abc import Callable

from netpol_harness.emulator.store import Event, EventType, Key, Store
from netpol_harness.model.json_object import JsonObject


class StaleFlows:
    """Watches a store's EndpointSlices, and calls ``flush`` with each address that is no longer a ready UDP
    endpoint.
    """

    def __init__(self, store: Store, flush: Callable[[str], None]) -> None:
        self._flush = flush
        self._ready: dict[Key, frozenset[str]] = {}
        store.subscribe(self._note)

    def _note(self, event: Event) -> None:
        if event.key.resource != "endpointslices":
            return
        ready = frozenset() if event.type is EventType.DELETED else _ready(event.object)
        removed = self._ready.pop(event.key, frozenset()) - ready
        if ready:
            self._ready[event.key] = ready
        for address in sorted(removed):
            self._flush(address)


def _ready(endpoints: JsonObject) -> frozenset[str]:
    """Return the addresses that a slice sends datagrams to."""
    if not any(port.get("protocol") == "UDP" for port in endpoints.get("ports") or ()):
        return frozenset()
    return frozenset(
        address
        for endpoint in endpoints.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready") is not False
        for address in endpoint["addresses"]
    )
