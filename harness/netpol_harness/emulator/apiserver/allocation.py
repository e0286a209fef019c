"""Addresses and node ports of Services.

The values in use are read from the Services in the store, so there is nothing to release or to repair. The search for a
free number starts at a position that depends on the Service's name: a Service that is created again tends to get its
address back, and the address of a deleted one is not assigned to the next Service.
"""

import zlib
from collections.abc import Iterator, Sequence, Set
from ipaddress import ip_address

from netpol_harness.emulator.address_plan import FAMILIES, FamilyPlan, plan_of
from netpol_harness.emulator.apiserver.errors import Cause, invalid
from netpol_harness.emulator.apiserver.service_families import service_families, settle_families
from netpol_harness.emulator.store import Store
from netpol_harness.model.json_object import JsonObject

NODE_PORTS = range(30000, 32768)

_STATIC_BAND = 256
"""Addresses at the start of the range that are assigned only on request (KEP-3070)."""
_RESERVED = {plan.kubernetes: ("default", "kubernetes") for plan in FAMILIES}
_RESERVED |= {plan.cluster_dns: ("kube-system", "kube-dns") for plan in FAMILIES}


def allocate(store: Store, service: JsonObject, previous: JsonObject | None) -> list[Cause]:
    """Assign the Service its addresses and node ports, in place. Return causes for requests that cannot be met.

    An update that omits an address or port keeps the current one.
    """
    spec = service["spec"]
    _drop_fields_of_the_old_type(spec, (previous or {}).get("spec", {}))
    if spec["type"] == "ExternalName":
        return []
    others = [other for other in store.list("services") if not _same(other, service)]
    before = (previous or {}).get("spec", {})
    return settle_families(service, before, service_families(store)) or (
        _addresses(service, before, others) + _node_ports(service, before, others)
    )


def _drop_fields_of_the_old_type(spec: JsonObject, before: JsonObject) -> None:
    """Remove what a Service had for its old type and its new one does not need, unless it changes at the same time."""
    is_open = spec["type"] in ("NodePort", "LoadBalancer") or spec.get("externalIPs")
    unneeded = () if is_open else ("externalTrafficPolicy", "healthCheckNodePort")
    if spec["type"] != "LoadBalancer":
        unneeded = (*unneeded, "allocateLoadBalancerNodePorts", "loadBalancerClass")
    for name in unneeded:
        if name in spec and spec[name] == before.get(name):
            del spec[name]


def _same(first: JsonObject, second: JsonObject) -> bool:
    return _name(first) == _name(second)


def _name(service: JsonObject) -> tuple[str, str]:
    return service["metadata"].get("namespace", ""), service["metadata"]["name"]


def _addresses(service: JsonObject, before: JsonObject, others: Sequence[JsonObject]) -> list[Cause]:
    """Assign an address for each family of the Service that has none yet. Headless ones get none."""
    spec = service["spec"]
    if spec.get("clusterIP") == "None":
        return []
    used = {address for other in others for address in other["spec"].get("clusterIPs", ())}
    requested: list[str] = spec.get("clusterIPs", [])
    for address in requested:
        refusal = "" if address in before.get("clusterIPs", ()) else _refusal(service, address, used)
        if refusal:
            return [invalid("spec.clusterIPs", requested, f"failed to allocate IP {address}: {refusal}")]
    plans = [plan for family in spec["ipFamilies"][len(requested) :] for plan in FAMILIES if plan.api_name == family]
    free = (next(address for address in _in_range(service, plan) if address not in used) for plan in plans)
    spec["clusterIPs"] = [*requested, *free]
    spec["clusterIP"] = spec["clusterIPs"][0]
    return []


def _refusal(service: JsonObject, requested: str, used: Set[str]) -> str:
    """Return why a requested address is unavailable. Empty if it is available, or invalid, which validation reports."""
    try:
        address = ip_address(requested)
    except ValueError:
        return ""
    valid = plan_of(requested).services
    if address not in valid:
        return f"the provided IP ({requested}) is not in the valid range. The range of valid IPs is {valid}"
    if requested in used or _RESERVED.get(requested, _name(service)) != _name(service):
        return "provided IP is already allocated"
    return ""


def _in_range(service: JsonObject, plan: FamilyPlan) -> Iterator[str]:
    count = plan.services.num_addresses - _STATIC_BAND - 1
    for offset in _around(service, count):
        yield str(plan.services[_STATIC_BAND + offset])


def _around(service: JsonObject, count: int, salt: int = 0) -> Iterator[int]:
    """Yield all offsets below ``count``, starting at the Service's own position."""
    start = zlib.crc32("/".join(_name(service)).encode()) + salt
    return ((start + step) % count for step in range(count))


def _node_ports(service: JsonObject, before: JsonObject, others: Sequence[JsonObject]) -> list[Cause]:
    spec = service["spec"]
    if spec["type"] not in ("NodePort", "LoadBalancer"):
        for port in spec.get("ports", ()):
            if port.get("nodePort") in _used_ports([{"spec": before}]):
                del port["nodePort"]
        return []
    used = _used_ports(others)
    causes = []
    for i, port in enumerate(spec.get("ports", ())):
        requested = port.get("nodePort") or _current_node_port(port, before)
        if requested and requested not in NODE_PORTS:
            words = f"provided port is not in the valid range. The range of valid ports is {_PORTS_TEXT}"
            causes.append(invalid(f"spec.ports[{i}].nodePort", requested, words))
        elif requested in used:
            causes.append(invalid(f"spec.ports[{i}].nodePort", requested, "provided port is already allocated"))
        port["nodePort"] = requested or next(n for n in _free_ports(service, i) if n not in used)
        used.add(port["nodePort"])
    return causes


_PORTS_TEXT = f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"


def _free_ports(service: JsonObject, index: int) -> Iterator[int]:
    return (NODE_PORTS.start + offset for offset in _around(service, len(NODE_PORTS), index))


def _current_node_port(port: JsonObject, before: JsonObject) -> int:
    """Return the node port that this port, by number and protocol, has already; 0 if none."""
    for old in before.get("ports", ()):
        if (old.get("port"), old.get("protocol")) == (port.get("port"), port.get("protocol")):
            return int(old.get("nodePort", 0))
    return 0


def _used_ports(services: Sequence[JsonObject]) -> set[int]:
    return {port["nodePort"] for each in services for port in each["spec"].get("ports", ()) if port.get("nodePort")}
