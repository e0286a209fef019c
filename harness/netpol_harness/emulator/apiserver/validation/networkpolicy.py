"""NetworkPolicy (networking.k8s.io/v1), as in ``pkg/apis/networking/validation``."""

from collections.abc import Mapping
from typing import Any

from netpol_harness.emulator.apiserver import syntax
from netpol_harness.emulator.apiserver.errors import Cause, forbidden, invalid, not_supported, required
from netpol_harness.emulator.apiserver.validation.metadata import check_selector
from netpol_harness.model.json_object import JsonObject

PROTOCOLS = ("TCP", "UDP", "SCTP")
_POLICY_TYPES = ("Ingress", "Egress")


def check(policy: JsonObject) -> list[Cause]:
    """Return causes to refuse the policy."""
    spec = policy.get("spec", {})
    causes = check_selector(spec.get("podSelector", {}), "spec.podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for i, rule in enumerate(spec.get(direction, ())):
            causes += _check_rule(rule, peers, f"spec.{direction}[{i}]")
    return causes + _check_policy_types(spec.get("policyTypes", []))


def _check_rule(rule: Mapping[str, Any], peers: str, path: str) -> list[Cause]:
    causes = [
        cause for i, port in enumerate(rule.get("ports", ())) for cause in _check_port(port, f"{path}.ports[{i}]")
    ]
    return causes + [
        cause for i, peer in enumerate(rule.get(peers, ())) for cause in _check_peer(peer, f"{path}.{peers}[{i}]")
    ]


def _check_port(port: Mapping[str, Any], path: str) -> list[Cause]:
    causes = []
    if port.get("protocol", "TCP") not in PROTOCOLS:
        causes.append(not_supported(f"{path}.protocol", port["protocol"], PROTOCOLS))
    number = port.get("port")
    if isinstance(number, int):
        causes += [invalid(f"{path}.port", number, words) for words in syntax.port_number(number)]
    elif isinstance(number, str):
        causes += [invalid(f"{path}.port", number, words) for words in syntax.port_name(number)]
    return causes + _check_end_port(port.get("endPort"), number, f"{path}.endPort")


def _check_end_port(end: int | None, port: int | str | None, path: str) -> list[Cause]:
    if end is None:
        return []
    if port is None:
        return [invalid(path, end, "may not be specified when `port` is not specified")]
    if isinstance(port, str):
        return [invalid(path, end, "may not be specified when `port` is non-numeric")]
    order = [] if end >= port else [invalid(path, end, "must be greater than or equal to `port`")]
    return order + [invalid(path, end, words) for words in syntax.port_number(end)]


def _check_peer(peer: Mapping[str, Any], path: str) -> list[Cause]:
    causes = []
    for selector in ("podSelector", "namespaceSelector"):
        causes += check_selector(peer.get(selector, {}), f"{path}.{selector}")
    if "ipBlock" in peer:
        causes += _check_ip_block(peer["ipBlock"], f"{path}.ipBlock")
    kinds = {"podSelector", "namespaceSelector", "ipBlock"} & peer.keys()
    if not kinds:
        causes.append(required(path, "must specify a peer"))
    elif "ipBlock" in kinds and len(kinds) > 1:
        causes.append(forbidden(path, "may not specify both ipBlock and another peer"))
    return causes


def _check_ip_block(block: Mapping[str, Any], path: str) -> list[Cause]:
    cidr = block.get("cidr", "")
    if not cidr:
        return [required(f"{path}.cidr")]
    network = syntax.network(cidr)
    if network is None:
        return [not_a_network(f"{path}.cidr", cidr)]
    causes = []
    for i, text in enumerate(block.get("except", ())):
        inner = syntax.network(text)
        if inner is None:
            causes.append(not_a_network(f"{path}.except[{i}]", text))
        elif inner.prefixlen <= network.prefixlen or inner.network_address not in network:
            causes.append(invalid(f"{path}.except[{i}]", text, "must be a strict subset of `cidr`"))
    return causes


def not_a_network(path: str, value: str) -> Cause:
    """Return the cause that refuses a text as a range of addresses."""
    return invalid(path, value, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")


def _check_policy_types(types: list[str]) -> list[Cause]:
    path = "spec.policyTypes"
    if len(types) > len(_POLICY_TYPES):
        return [invalid(path, types, "may not specify more than two policyTypes")]
    return [
        not_supported(f"{path}[{i}]", word, _POLICY_TYPES) for i, word in enumerate(types) if word not in _POLICY_TYPES
    ]
