"""Addresses and node ports of Services.

What is taken is read off the Services in the store, so that there is nothing to release or to repair. A free
number is searched from a place that depends on the Service's name: a Service that is made again tends to get
its address back, and a deleted one's address is not handed to the next comer.
"""

import zlib
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, ip_address

from netpol_harness.emulator.address_plan import CLUSTER_DNS_ADDRESS, KUBERNETES_ADDRESS, SERVICE_CIDR
from netpol_harness.emulator.apiserver.errors import Cause, invalid
from netpol_harness.emulator.store import Store
from netpol_harness.model.json_object import JsonObject

NODE_PORTS = range(30000, 32768)

_STATIC_BAND = 256
"""Addresses at the start of the network that are given only to those who ask for them (KEP-3070)."""
_RESERVED = {KUBERNETES_ADDRESS: ("default", "kubernetes"), CLUSTER_DNS_ADDRESS: ("kube-system", "kube-dns")}


def allocate(store: Store, service: JsonObject, previous: JsonObject | None) -> list[Cause]:
    """Give the Service its addresses and node ports, in place; the causes are why a wish cannot be granted.

    An update that leaves an address or port out keeps the one it had.
    """
    spec = service["spec"]
    if spec["type"] == "ExternalName":
        return []
    others = [other for other in store.list("services") if not _same(other, service)]
    before = (previous or {}).get("spec", {})
    return _address(service, before, others) + _node_ports(service, before, others)


def _same(one: JsonObject, other: JsonObject) -> bool:
    return _name(one) == _name(other)


def _name(service: JsonObject) -> tuple[str, str]:
    return service["metadata"].get("namespace", ""), service["metadata"]["name"]


def _address(service: JsonObject, before: JsonObject, others: Sequence[JsonObject]) -> list[Cause]:
    spec = service["spec"]
    wish = spec.get("clusterIP") or next(iter(spec.get("clusterIPs", ())), "") or before.get("clusterIP", "")
    if not wish:
        taken = {other["spec"].get("clusterIP") for other in others}
        wish = next(address for address in _addresses(service) if address not in taken)
    elif wish != "None" and wish != before.get("clusterIP"):
        refusal = _refusal(service, wish, others)
        if refusal:
            words = f"failed to allocate IP {wish}: {refusal}"
            return [invalid("spec.clusterIPs", [wish], words)]
    spec["clusterIP"], spec["clusterIPs"] = wish, [wish]
    return []


def _refusal(service: JsonObject, wish: str, others: Sequence[JsonObject]) -> str:
    """Why a requested address cannot be had; empty when it can (or is no address, which validation reports)."""
    try:
        address = ip_address(wish)
    except ValueError:
        return ""
    if address not in SERVICE_CIDR:
        return f"the provided IP ({wish}) is not in the valid range. The range of valid IPs is {SERVICE_CIDR}"
    used = any(other["spec"].get("clusterIP") == wish for other in others)
    if used or _RESERVED.get(wish, _name(service)) != _name(service):
        return "provided IP is already allocated"
    return ""


def _addresses(service: JsonObject) -> Iterator[str]:
    first = int(SERVICE_CIDR.network_address) + _STATIC_BAND
    count = SERVICE_CIDR.num_addresses - _STATIC_BAND - 1
    for offset in _around(service, count):
        yield str(IPv4Address(first + offset))


def _around(service: JsonObject, count: int, salt: int = 0) -> Iterator[int]:
    """All offsets below `count`, from the service's own place on."""
    start = zlib.crc32("/".join(_name(service)).encode()) + salt
    return ((start + step) % count for step in range(count))


def _node_ports(service: JsonObject, before: JsonObject, others: Sequence[JsonObject]) -> list[Cause]:
    spec = service["spec"]
    if spec["type"] not in ("NodePort", "LoadBalancer"):
        for port in spec.get("ports", ()):
            if port.get("nodePort") in _used_ports([{"spec": before}]):
                del port["nodePort"]
        return []
    taken = _used_ports(others)
    causes = []
    for i, port in enumerate(spec.get("ports", ())):
        wish = port.get("nodePort") or _kept(port, before)
        if wish and wish not in NODE_PORTS:
            words = f"provided port is not in the valid range. The range of valid ports is {_PORTS_TEXT}"
            causes.append(invalid(f"spec.ports[{i}].nodePort", wish, words))
        elif wish in taken:
            causes.append(invalid(f"spec.ports[{i}].nodePort", wish, "provided port is already allocated"))
        port["nodePort"] = wish or next(n for n in _free_ports(service, i) if n not in taken)
        taken.add(port["nodePort"])
    return causes


_PORTS_TEXT = f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"


def _free_ports(service: JsonObject, index: int) -> Iterator[int]:
    return (NODE_PORTS.start + offset for offset in _around(service, len(NODE_PORTS), index))


def _kept(port: JsonObject, before: JsonObject) -> int:
    """The node port that this port, by number and protocol, had already."""
    for old in before.get("ports", ()):
        if (old.get("port"), old.get("protocol")) == (port.get("port"), port.get("protocol")):
            return int(old.get("nodePort", 0))
    return 0


def _used_ports(services: Sequence[JsonObject]) -> set[int]:
    return {port["nodePort"] for each in services for port in each["spec"].get("ports", ()) if port.get("nodePort")}
