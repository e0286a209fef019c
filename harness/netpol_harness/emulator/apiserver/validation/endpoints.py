"""EndpointSlices (discovery.k8s.io/v1) and Endpoints (v1), as in ``pkg/apis/discovery`` and ``pkg/apis/core``."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from netpol_harness.emulator.apiserver import syntax
from netpol_harness.emulator.apiserver.errors import Cause, duplicate, invalid, not_supported, required
from netpol_harness.emulator.apiserver.validation.networkpolicy import PROTOCOLS
from netpol_harness.model.json_object import JsonObject

_VERSIONS = {"IPv4": 4, "IPv6": 6}
_ADDRESS_TYPES = ("FQDN", *_VERSIONS)


def check_slice(endpoint_slice: JsonObject) -> list[Cause]:
    """Return causes to refuse an EndpointSlice."""
    address_type = endpoint_slice.get("addressType", "")
    if not address_type:
        return [required("addressType")]
    if address_type not in _ADDRESS_TYPES:
        return [not_supported("addressType", address_type, _ADDRESS_TYPES)]
    endpoints = enumerate(endpoint_slice.get("endpoints") or ())
    causes = [cause for i, endpoint in endpoints for cause in _endpoint(endpoint, address_type, f"endpoints[{i}]")]
    return [*causes, *_slice_ports(endpoint_slice.get("ports") or ())]


def compare_slices(endpoint_slice: JsonObject, previous: JsonObject) -> list[Cause]:
    """Return causes to refuse the change: the family of the addresses is fixed."""
    new, old = endpoint_slice.get("addressType"), previous.get("addressType")
    return [] if new == old else [invalid("addressType", new, "field is immutable")]


def check_endpoints(endpoints: JsonObject) -> list[Cause]:
    """Return causes to refuse Endpoints."""
    return [
        cause
        for i, subset in enumerate(endpoints.get("subsets") or ())
        for cause in (*_subset_addresses(subset, f"subsets[{i}]"), *_subset_ports(subset, f"subsets[{i}]"))
    ]


def _endpoint(endpoint: Mapping[str, Any], address_type: str, path: str) -> Iterator[Cause]:
    addresses = endpoint.get("addresses") or ()
    if not addresses:
        yield required(f"{path}.addresses", "must contain at least 1 address")
    for i, address in enumerate(addresses):
        where = f"{path}.addresses[{i}]"
        if address_type == "FQDN":
            yield from (invalid(where, address, words) for words in syntax.dns_subdomain(address))
        elif syntax.address(address) or ip_address(address).version != _VERSIONS[address_type]:
            yield invalid(where, address, f"must be a valid {address_type} address")
        else:
            yield from _special(address, where)
    if hostname := endpoint.get("hostname"):
        yield from (invalid(f"{path}.hostname", hostname, words) for words in syntax.dns_label(hostname))


def _slice_ports(ports: Sequence[Mapping[str, Any]]) -> Iterator[Cause]:
    names: set[str] = set()
    for i, port in enumerate(ports):
        name = port.get("name") or ""
        yield from (invalid(f"ports[{i}].name", name, words) for words in (syntax.dns_label(name) if name else ()))
        if name in names:
            yield duplicate(f"ports[{i}].name", name)
        names.add(name)
        yield from _protocol(port, f"ports[{i}]")
        if port.get("port") is not None:
            yield from (invalid(f"ports[{i}].port", port["port"], words) for words in syntax.port_number(port["port"]))


def _subset_addresses(subset: Mapping[str, Any], path: str) -> Iterator[Cause]:
    if not (subset.get("addresses") or subset.get("notReadyAddresses")):
        yield required(path, "must specify `addresses` or `notReadyAddresses`")
    for field in ("addresses", "notReadyAddresses"):
        for i, entry in enumerate(subset.get(field) or ()):
            where, address = f"{path}.{field}[{i}].ip", entry.get("ip") or ""
            problems = syntax.address(address)
            yield from (invalid(where, address, words) for words in problems)
            yield from _special(address, where) if not problems else ()


def _subset_ports(subset: Mapping[str, Any], path: str) -> Iterator[Cause]:
    ports = subset.get("ports") or ()
    for i, port in enumerate(ports):
        where, name = f"{path}.ports[{i}]", port.get("name") or ""
        if len(ports) > 1 and not name:
            yield required(f"{where}.name")
        yield from (invalid(f"{where}.name", name, words) for words in (syntax.dns_label(name) if name else ()))
        yield from (invalid(f"{where}.port", port.get("port"), words) for words in syntax.port_number(port["port"]))
        yield from _protocol(port, where)


def _protocol(port: Mapping[str, Any], path: str) -> Iterator[Cause]:
    protocol = port.get("protocol") or "TCP"
    if protocol not in PROTOCOLS:
        yield not_supported(f"{path}.protocol", protocol, PROTOCOLS)


def _special(address: str, path: str) -> Iterator[Cause]:
    """Yield causes to refuse an address that means something on one host or link only."""
    parsed = ip_address(address)
    for is_special, words in (
        (parsed.is_unspecified, f"may not be unspecified ({address})"),
        (parsed.is_loopback, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (parsed.is_link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (parsed.is_multicast, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    ):
        if is_special:
            yield invalid(path, address, words)
