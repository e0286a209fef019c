"""Gives Services of type LoadBalancer an address, as the load balancer of a cloud or MetalLB would."""

import zlib
from collections.abc import Iterator
from ipaddress import ip_address

from netpol_harness.emulator.address_plan import FAMILIES, FamilyPlan
from netpol_harness.emulator.store import Event, Key, Store
from netpol_harness.model.json_object import JsonObject


class LoadBalancerController:
    """Keeps ``status.loadBalancer`` of all Services. Those with a ``loadBalancerClass`` are left to others."""

    resources = ("services",)

    def __init__(self, store: Store) -> None:
        self._store = store

    def affected_keys(self, event: Event) -> Iterator[Key]:
        """Yield the Service; when an address becomes free, also those that may wait for one."""
        yield event.key
        if event.previous is not None and _addresses(event.previous):
            yield from (Key.of("services", service) for service in self._store.list("services"))

    def reconcile(self, key: Key) -> None:
        service = self._store.find(key)
        if service is None or service["spec"].get("loadBalancerClass"):
            return
        is_balanced = service["spec"].get("type") == "LoadBalancer" and "deletionTimestamp" not in service["metadata"]
        if is_balanced and not _addresses(service):
            if addresses := self._free_addresses(service):
                self._report(key, {"ingress": [{"ip": address, "ipMode": "VIP"} for address in addresses]})
        elif not is_balanced and _addresses(service):
            self._report(key, {})

    def _report(self, key: Key, state: JsonObject) -> None:
        self._store.modify(key, lambda copy: {**copy, "status": {**copy.get("status", {}), "loadBalancer": state}})

    def _free_addresses(self, service: JsonObject) -> list[str]:
        """Return an address of each family of the Service: the requested one or another, the same each time as far as
        possible; none of a family whose addresses are all taken.
        """
        taken = {address for other in self._store.list("services") for address in _addresses(other)}
        requested = service["spec"].get("loadBalancerIP") or ""
        families = service["spec"].get("ipFamilies") or ()
        plans = [plan for family in families for plan in FAMILIES if family == plan.api_name]
        wanted = ([*_in_range(requested, plan), *_all(service, plan)] for plan in plans)
        free = (next((address for address in addresses if address not in taken), "") for addresses in wanted)
        return [address for address in free if address]


def _addresses(service: JsonObject) -> list[str]:
    entries = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return [entry["ip"] for entry in entries if entry.get("ip")]


def _in_range(address: str, plan: FamilyPlan) -> Iterator[str]:
    try:
        if ip_address(address) in plan.load_balancers:
            yield address
    except ValueError:
        return


def _all(service: JsonObject, plan: FamilyPlan) -> Iterator[str]:
    hosts = [*map(str, plan.load_balancers.hosts())]
    start = zlib.crc32(f"{service['metadata']['namespace']}/{service['metadata']['name']}".encode()) % len(hosts)
    yield from (*hosts[start:], *hosts[:start])
