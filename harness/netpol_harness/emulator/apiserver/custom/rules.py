"""Checks of custom objects beyond their schema: lists that are sets, and rules in CEL whose text is known.

There is no evaluator of CEL here: a rule (``x-kubernetes-validations``) is evaluated if its text is one of ``_KNOWN``,
and ignored otherwise. The words are those of ``pkg/apiserver/schema/cel`` of apiextensions-apiserver v0.35. Pure.
"""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from netpol_harness.emulator.apiserver.custom.structural import Schema
from netpol_harness.emulator.apiserver.errors import Cause, Reason, duplicate, invalid

RANGE_RULE = "self.start < self.end"
CIDR_RULE = "isCIDR(self) && cidr(self) == cidr(self).masked()"
NAMED_PORT_RULE = (
    "!(self.to.exists(peer, has(peer.networks) || has(peer.nodes) || has(peer.domainNames)) && has(self.protocols)"
    " && self.protocols.exists(protocol, has(protocol.destinationNamedPort)))"
)
_NETWORKS_RULE = (
    "!(self.to.exists(peer, has(peer.networks)) && has(self.protocols)"
    " && self.protocols.exists(protocol, has(protocol.destinationNamedPort)))"
)
_BLOCKING = {Reason.NOT_SUPPORTED, Reason.REQUIRED}
_BLOCKING_WORDS = ("must be of type", "should be at most", "should have at most")


def duplicates(schema: Schema, value: Any, path: str = "") -> Iterator[Cause]:
    """Yield a cause for every item that a list of the type ``set`` has twice."""
    if isinstance(value, list) and schema.get("x-kubernetes-list-type") == "set":
        yield from (duplicate(f"{path}[{i}]", item) for i, item in enumerate(value) if item in value[:i])
    for name, part, item in _parts(schema, value, path):
        yield from duplicates(part, item, name)


def broken_rules(schema: Schema, value: Any, path: str = "") -> Iterator[Cause]:
    """Yield a cause for every known rule that does not hold. ``value`` has the shape of the schema."""
    for rule in schema.get("x-kubernetes-validations") or ():
        holds = _KNOWN.get(" ".join(str(rule.get("rule")).split()))
        if holds is not None and not holds(value):
            words = rule.get("message") or f"failed rule: {rule['rule']}"
            if isinstance(value, dict | list):
                yield Cause(Reason.INVALID, path, f"Invalid value: {words}")
            else:
                yield invalid(path, value, words)
    for name, part, item in _parts(schema, value, path):
        yield from broken_rules(part, item, name)


def unchecked_rules() -> Cause:
    """Return the cause that says that rules were not evaluated."""
    why = "some validation rules were not checked because the object was invalid"
    return invalid("<nil>", "null", f"{why}; correct the existing errors to complete validation")


def prevents_rules(cause: Cause) -> bool:
    """Return whether an object with this problem is not of the shape that rules need."""
    return cause.reason in _BLOCKING or any(words in cause.message for words in _BLOCKING_WORDS)


def has_rules(schema: Schema) -> bool:
    """Return whether there is a rule anywhere in the schema."""
    if schema.get("x-kubernetes-validations"):
        return True
    parts = [*(schema.get("properties") or {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return any(has_rules(part) for part in parts if isinstance(part, Mapping))


def _parts(schema: Schema, value: Any, path: str) -> Iterator[tuple[str, Schema, Any]]:
    """Yield the parts of a value: path, schema, and value of each."""
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield f"{path}[{i}]", schema.get("items") or {}, item
    elif isinstance(value, dict):
        known, others = schema.get("properties") or {}, schema.get("additionalProperties")
        for name, item in value.items():
            part = known.get(name, others)
            if isinstance(part, Mapping):
                yield f"{path}.{name}" if path else name, part, item


def _is_masked_cidr(text: str) -> bool:
    """Whether ``isCIDR`` of CEL holds, and no bit beyond the length is set."""
    address, _, length = text.partition("/")
    if not length.isdecimal() or (len(length) > 1 and length.startswith("0")) or "%" in text:
        return False
    try:
        ip_network(text)
    except ValueError:
        return False
    return "." not in address or ":" not in address  # CEL knows no IPv4 address within an IPv6 address


def _named_ports_have_pods(*fields: str) -> Callable[[Any], bool]:
    def holds(rule: Any) -> bool:
        is_addressed = any(name in peer for peer in rule["to"] for name in fields)
        return not (is_addressed and any("destinationNamedPort" in port for port in rule.get("protocols") or ()))

    return holds


_KNOWN: Mapping[str, Callable[[Any], bool]] = {
    RANGE_RULE: lambda value: bool(value["start"] < value["end"]),
    CIDR_RULE: _is_masked_cidr,
    NAMED_PORT_RULE: _named_ports_have_pods("networks", "nodes", "domainNames"),
    _NETWORKS_RULE: _named_ports_have_pods("networks"),
}
"""What must hold, by the text of a rule with single spaces."""
