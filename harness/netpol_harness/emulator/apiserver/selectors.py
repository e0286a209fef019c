"""Label selectors and field selectors of list, watch and deletecollection, as predicates over objects."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from netpol_harness.emulator.apiserver.errors import StatusError, bad_request
from netpol_harness.emulator.apiserver.resources import ServedResource
from netpol_harness.model.labels import LabelSelector, Operator, Requirement

Predicate: TypeAlias = Callable[[Mapping[str, Any]], bool]

_KEY = r"(?P<key>[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?)"
_VALUE = r"[A-Za-z0-9_.-]*"
_TERM = re.compile(
    rf"\s*(?P<absent>!)?\s*{_KEY}"
    rf"(\s*(?P<operator>==|=|!=)\s*(?P<value>{_VALUE})|\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?\s*(,|$)"
)
_FIELD = re.compile(r"([^=!]+)(==|!=|=)(.*)")
_OF_EVERYTHING = {"metadata.name": ("metadata", "name"), "metadata.namespace": ("metadata", "namespace")}
_DEFAULTS = {"spec.unschedulable": "false", "spec.hostNetwork": "false"}


def match_all(obj: Mapping[str, Any]) -> bool:
    """Match every object: the predicate of an absent selector."""
    return True


def parse_selectors(resource: ServedResource, labels: str, fields: str) -> Predicate:
    """Return a predicate for objects that match both selectors. Raises StatusError 400 for an invalid one."""
    parts = [*([_by_labels(labels)] if labels else []), *([_by_fields(resource, fields)] if fields else [])]
    if not parts:
        return match_all
    return lambda obj: all(part(obj) for part in parts)


def _by_labels(text: str) -> Predicate:
    selector = parse_labels(text)
    return lambda obj: selector.matches(obj["metadata"].get("labels", {}))


def parse_labels(text: str) -> LabelSelector:
    """Return the selector of ``a=b,c!=d,x in (1,2),!y``. Raises StatusError 400."""
    requirements: list[Requirement] = []
    position = 0
    while position < len(text):
        term = _TERM.match(text, position)
        if term is None or (term["absent"] and (term["operator"] or term["set"])):
            raise bad_request(f'unable to parse requirement: found "{text[position:]}"')
        requirements.append(_requirement(term))
        position = term.end()
    return LabelSelector(tuple(requirements))


def _requirement(term: re.Match[str]) -> Requirement:
    key = term["key"]
    if term["operator"] is None and term["set"] is None:
        return Requirement(key, Operator.DOES_NOT_EXIST if term["absent"] else Operator.EXISTS)
    values = [term["value"]] if term["operator"] else term["values"].split(",")
    operator = Operator.NOT_IN if term["operator"] == "!=" or term["set"] == "notin" else Operator.IN
    return Requirement(key, operator, frozenset(value.strip() for value in values))


def label_query(selector: Mapping[str, Any]) -> str:
    """Return a ``metav1.LabelSelector`` as the text that ``parse_labels`` reads."""
    words = [f"{key}={value}" for key, value in sorted(selector.get("matchLabels", {}).items())]
    for expression in selector.get("matchExpressions", ()):
        key, values = expression["key"], ",".join(sorted(expression.get("values", ())))
        forms = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        words.append(forms.get(expression["operator"], f"!{key}"))
    return ",".join(words)


def _by_fields(resource: ServedResource, text: str) -> Predicate:
    terms = [_field_term(resource, part) for part in text.split(",") if part]
    return lambda obj: all(term(obj) for term in terms)


def _field_term(resource: ServedResource, text: str) -> Predicate:
    match = _FIELD.fullmatch(text)
    if match is None:
        raise bad_request(f"invalid field selector: {text}")
    label, operator, wanted = match.groups()
    path = _OF_EVERYTHING.get(label) or resource.selectable.get(label)
    if path is None:
        raise _unknown_label(label)
    equal = operator != "!="
    default = _DEFAULTS.get(label, "")
    return lambda obj: (_text(obj, path, default) == wanted) is equal


def _text(obj: Mapping[str, Any], path: tuple[str, ...], default: str) -> str:
    value: Any = obj
    for name in path:
        value = value.get(name)
        if value is None:
            return default
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unknown_label(label: str) -> StatusError:
    return bad_request(f"field label not supported: {label}")
