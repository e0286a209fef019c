"""Services (v1), as in ``pkg/apis/core/validation``. ``allocation`` assigns addresses and ports."""

from collections.abc import Iterator, Mapping
from typing import Any

from netpol_harness.emulator.apiserver import syntax
from netpol_harness.emulator.apiserver.errors import (
    Cause,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from netpol_harness.emulator.apiserver.validation.metadata import check_labels
from netpol_harness.emulator.apiserver.validation.networkpolicy import PROTOCOLS, not_a_network
from netpol_harness.model.json_object import JsonObject

_TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
_LONGEST_AFFINITY = 86_400
_CHOICES = {
    "type": _TYPES,
    "sessionAffinity": ("ClientIP", "None"),
    "internalTrafficPolicy": ("Cluster", "Local"),
    "externalTrafficPolicy": ("Cluster", "Local"),
    "ipFamilyPolicy": ("SingleStack", "PreferDualStack", "RequireDualStack"),
}


def check(service: JsonObject) -> list[Cause]:
    """Return causes to refuse the Service."""
    spec = service.get("spec", {})
    causes = [
        not_supported(f"spec.{field}", spec[field], words)
        for field, words in _CHOICES.items()
        if field in spec and spec[field] not in words
    ]
    causes += check_labels(spec.get("selector", {}), "spec.selector")
    for i, address in enumerate(spec.get("externalIPs", ())):
        causes += [invalid(f"spec.externalIPs[{i}]", address, words) for words in syntax.address(address)]
    return causes + _check_addresses(spec) + _check_ports(spec) + [*_check_clients(spec)]


def compare(service: JsonObject, previous: JsonObject) -> list[Cause]:
    """Return causes to refuse the change: a ClusterIP is fixed once set, unless the Service becomes an ExternalName.

    The second one may be added or released (``validateUpgradeDowngradeClusterIPs``).
    """
    spec, before = service.get("spec", {}), previous.get("spec", {})
    old, new = before.get("clusterIPs", []), spec.get("clusterIPs", [])
    if not old or "ExternalName" in (spec.get("type"), before.get("type")):
        return []
    kept = max(1, min(len(old), len(new)))
    return [
        invalid(f"spec.clusterIPs[{i}]", new, "may not change once set")
        for i in range(kept)
        if new[i : i + 1] != [old[i]]
    ]


def _check_addresses(spec: Mapping[str, Any]) -> list[Cause]:
    if spec.get("type") == "ExternalName":
        return _check_external_name(spec)
    causes = []
    if spec.get("clusterIP") == "None":
        if spec.get("type") in ("NodePort", "LoadBalancer"):
            words = f"may not be set to 'None' for {spec['type']} services"
            causes.append(invalid("spec.clusterIPs[0]", "None", words))
        return causes
    for i, address in enumerate(spec.get("clusterIPs", ())):
        causes += [invalid(f"spec.clusterIPs[{i}]", address, words) for words in syntax.address(address)]
    return causes


def _check_clients(spec: Mapping[str, Any]) -> Iterator[Cause]:
    """Yield causes that concern who may connect, from where, and for how long they keep an endpoint."""
    kind, ranges = spec.get("type"), spec.get("loadBalancerSourceRanges") or ()
    if ranges and kind != "LoadBalancer":
        yield forbidden("spec.loadBalancerSourceRanges", "may only be used when `type` is 'LoadBalancer'")
    for i, text in enumerate(ranges):
        if syntax.network(text.strip()) is None:
            yield not_a_network(f"spec.loadBalancerSourceRanges[{i}]", text)
    is_open = kind in ("NodePort", "LoadBalancer") or spec.get("externalIPs")
    if spec.get("externalTrafficPolicy") and not is_open:
        policy, words = spec["externalTrafficPolicy"], "may only be set for externally-accessible services"
        yield invalid("spec.externalTrafficPolicy", policy, words)
    seconds = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds")
    if seconds is not None and not 0 < seconds <= _LONGEST_AFFINITY:
        words = f"must be greater than 0 and less than {_LONGEST_AFFINITY}"
        yield invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, words)


def _check_external_name(spec: Mapping[str, Any]) -> list[Cause]:
    path, name = "spec.externalName", spec.get("externalName", "")
    if not name:
        return [required(path)]
    causes = [invalid(path, name, words) for words in syntax.dns_subdomain(name.removesuffix("."))]
    if spec.get("clusterIP"):
        causes.append(forbidden("spec.clusterIPs", "may not be set when `type` is 'ExternalName'"))
    return causes


def _check_ports(spec: Mapping[str, Any]) -> list[Cause]:
    ports = spec.get("ports", [])
    if not ports and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
        return [required("spec.ports")]
    causes = []
    names: set[str] = set()
    numbers: set[tuple[int, str]] = set()
    for i, port in enumerate(ports):
        path, name = f"spec.ports[{i}]", port.get("name", "")
        causes += _check_port_name(name, names, path, len(ports))
        causes += _check_port(port, path, str(spec.get("type", "")))
        number = (port.get("port", 0), port.get("protocol", "TCP"))
        causes += [duplicate(path, {"port": number[0], "protocol": number[1]})] if number in numbers else []
        names.add(name)
        numbers.add(number)
    return causes


def _check_port_name(name: str, earlier: set[str], path: str, count: int) -> list[Cause]:
    if not name:
        return [required(f"{path}.name")] if count > 1 else []
    causes = [invalid(f"{path}.name", name, words) for words in syntax.dns_label(name)]
    return causes + ([duplicate(f"{path}.name", name)] if name in earlier else [])


def _check_port(port: Mapping[str, Any], path: str, service_type: str) -> list[Cause]:
    number, target = port.get("port", 0), port.get("targetPort")
    causes = [invalid(f"{path}.port", number, words) for words in syntax.port_number(number)]
    if port.get("protocol", "TCP") not in PROTOCOLS:
        causes.append(not_supported(f"{path}.protocol", port["protocol"], PROTOCOLS))
    if isinstance(target, int):
        causes += [invalid(f"{path}.targetPort", target, words) for words in syntax.port_number(target)]
    elif isinstance(target, str):
        causes += [invalid(f"{path}.targetPort", target, words) for words in syntax.port_name(target)]
    if port.get("nodePort") and service_type in ("ClusterIP", "ExternalName"):
        causes.append(forbidden(f"{path}.nodePort", f"may not be used when `type` is '{service_type}'"))
    return causes
