"""Names, labels, port names and addresses of a capture, replaced by others: the same by the same everywhere. Pure.

Every selector selects what it selected, and every block contains what it contained. Well-known keys, the system's
namespaces and the name server keep their names, because policies rely on them.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import Any

from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.model.names import NamespacedName
from netpol_harness.reproduce.capture.addresses import stand_in_range
from netpol_harness.reproduce.capture.capture import Capture
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.scenario import SYSTEM_NAMESPACES

_KEPT_NAMES = frozenset({*SYSTEM_NAMESPACES, "default", "kube-dns", "openshift-dns", "dns-default", ""})
_KEPT_KEYS = frozenset({"k8s-app"})
_KEPT_DOMAINS = ("kubernetes.io", "k8s.io")
_OPEN_BITS = {4: 8, 6: 16}
"""Leading bits of addresses that stay, by IP version, so that a private address stays one."""
_SELECTOR_FIELDS = frozenset({"matchLabels", "matchExpressions"})


def redacted(capture: Capture, key: bytes) -> Capture:
    """Return the capture without its names. Equal keys replace equal names by equal ones.

    Policies of other APIs are left out: their selectors are languages of their own.
    """
    words = _Words(key, capture.nodes)
    policies = {
        namespace: [words.policy(policy) for policy in group if not _is_foreign(policy)]
        for namespace, group in capture.policies.items()
    }
    return replace(
        capture,
        objects=_by_name(words, {name: [*map(words.manifest, group)] for name, group in capture.objects.items()}),
        policies=_by_name(words, {name: group for name, group in policies.items() if group}),
        hosts=dict(sorted((words.address(address), ports) for address, ports in capture.hosts.items())),
        stand_ins={pod: words.ref(stand_in) for pod, stand_in in capture.stand_ins.items()},
        warnings=(*_hidden(capture.warnings), *_left_out(capture.policies.values())),
        notes=capture.notes[:1],
    )


@dataclass(frozen=True, slots=True)
class _Words:
    """Replaces words by the digest of them under a key. Stand-ins have addresses of so many ``nodes``."""

    key: bytes
    nodes: int = 1

    def name(self, text: str) -> str:
        """Replace a name or the value of a label, which may be the name of something."""
        return text if text in _KEPT_NAMES else f"n{self._digest(text)}"

    def ref(self, ref: NamespacedName) -> NamespacedName:
        return NamespacedName(self.name(ref.namespace), self.name(ref.name))

    def label(self, key: str) -> str:
        """Replace the key of a label, unless it is one of Kubernetes'."""
        domain = key.rpartition("/")[0]
        known = any(domain == each or domain.endswith(f".{each}") for each in _KEPT_DOMAINS)
        return key if known or key in _KEPT_KEYS else f"k{self._digest(key)}"

    def port(self, value: Any) -> Any:
        """Replace the name of a port; a number stays."""
        return f"p{self._digest(value)}" if isinstance(value, str) and value else value

    def domain(self, text: str) -> str:
        """Replace each part of a domain name, so that a name matches the wildcards that it matched."""
        parts = text.rstrip(".").split(".")
        return ".".join([*(part if part == "*" else self.name(part) for part in parts), "example"])

    def address(self, text: str) -> str:
        """Replace an address, so that two of them share as many leading bits as before; stand-ins keep theirs."""
        address = ip_address(text)
        width, number = address.max_prefixlen, int(address)
        stand_ins = stand_in_range(address.version, self.nodes)
        own = int(stand_ins.network_address)
        result = number
        for bit in range(_OPEN_BITS[address.version], width):
            rest = width - bit
            is_stand_in = number >> rest == own >> rest or address in stand_ins
            if not is_stand_in and self._digest(f"{address.version}/{bit}/{number >> rest}")[0] in "01234567":
                result ^= 1 << (rest - 1)
        return str(type(address)(result))

    def block(self, text: str) -> str:
        network = ip_network(text, strict=False)
        start = ip_network(f"{self.address(str(network.network_address))}/{network.prefixlen}", strict=False)
        return str(start)

    def manifest(self, data: JsonMapping) -> JsonObject:
        """Replace the names in a manifest of the capture other than a policy."""
        return {key: self._value(key, value) for key, value in data.items()}

    def policy(self, data: JsonMapping) -> JsonObject:
        """Replace the names in a NetworkPolicy or ClusterNetworkPolicy."""
        return {**data, "metadata": self._value("metadata", data["metadata"]), "spec": self._policy(data["spec"])}

    def _policy(self, value: Any, key: str = "") -> Any:
        if isinstance(value, Mapping):
            if key == "matchLabels":
                return self._labels(value)
            return {name: self._policy(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [self._policy(item, key) for item in value]
        return self._word(key, value)

    def _word(self, key: str, value: Any) -> Any:
        match key:
            case "key":
                return self.label(value)
            case "values" | "name":
                return self.name(value)
            case "cidr" | "except" | "networks":
                return self.block(value)
            case "domainNames":
                return self.domain(value)
            case "port" | "destinationNamedPort":
                return self.port(value)
            case _:
                return value

    def _labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        return {self.label(key): self.name(value) for key, value in labels.items()}

    def _value(self, key: str, value: Any) -> Any:
        if key in ("labels", "matchLabels") or (key == "selector" and not _SELECTOR_FIELDS & value.keys()):
            return self._labels(value)
        if key in ("metadata", "template", "spec", "selector", "dnsConfig"):
            return {name: self._value(name, item) for name, item in value.items()}
        if key in ("name", "namespace", "hostname", "subdomain", "serviceName"):
            return self.name(value)
        return self.domain(value) if key == "externalName" else self._items(key, value)

    def _items(self, key: str, value: Any) -> Any:
        replacing: Mapping[str, Callable[[Any], Any]] = {
            "loadBalancerSourceRanges": self.block,
            "containers": self._container,
            "ports": self._port,
            "endpoints": self._endpoint,
            "nameservers": self.address,
        }
        return [replacing[key](item) for item in value] if key in replacing else value

    def _container(self, container: JsonMapping) -> JsonObject:
        environment = [{**entry, "value": self.name(entry["value"])} for entry in container["env"]]
        return {**container, "env": environment, "ports": self._value("ports", container["ports"])}

    def _port(self, port: JsonMapping) -> JsonObject:
        host = {"hostIP": self.address(port["hostIP"])} if port.get("hostIP") else {}
        return {**port, **{key: self.port(port[key]) for key in ("name", "targetPort") if key in port}, **host}

    def _endpoint(self, endpoint: JsonMapping) -> JsonObject:
        named = {"hostname": self.name(endpoint["hostname"])} if endpoint.get("hostname") else {}
        return {**endpoint, "addresses": [self.address(text) for text in endpoint["addresses"]], **named}

    def _digest(self, text: str) -> str:
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()[:10]


def _by_name(words: _Words, groups: Mapping[str, Sequence[JsonObject]]) -> Mapping[str, Sequence[JsonObject]]:
    return dict(sorted((words.name(name), group) for name, group in groups.items()))


def _is_foreign(policy: JsonMapping) -> bool:
    family = ApiGroupFamily.of(policy["kind"], policy["apiVersion"])
    return family is None or family.is_foreign


def _hidden(warnings: Sequence[str]) -> Iterable[str]:
    if warnings:
        yield f"the capture lacks {len(warnings)} things, which its author has seen"


def _left_out(groups: Iterable[Sequence[JsonMapping]]) -> Iterable[str]:
    foreign = sum(map(_is_foreign, (policy for group in groups for policy in group)))
    if foreign:
        yield f"{foreign} policies of other APIs are left out, because they cannot be redacted"
