from typing import Any

import pytest

from netpol_harness.emulator.apiserver.custom.structural import apply_defaults, as_type, prune
from netpol_harness.emulator.apiserver.schema import SchemaForm

TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


def record(properties: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **rest}


@pytest.mark.parametrize(
    ("schema", "value", "kept", "unknown"),
    [
        (record({"a": TEXT}), {"a": "x", "b": 1}, {"a": "x"}, ["b"]),
        (record({"a": record({"b": TEXT})}), {"a": {"b": "x", "c": 1}}, {"a": {"b": "x"}}, ["a.c"]),
        (record({}, **{"x-kubernetes-preserve-unknown-fields": True}), {"a": {"b": 1}}, {"a": {"b": 1}}, []),
        ({"type": "object", "additionalProperties": record({"a": TEXT})}, {"k": {"b": 1}}, {"k": {}}, ["k.b"]),
        ({"type": "object", "additionalProperties": True}, {"k": 1}, {"k": 1}, []),
        (record({"l": {"type": "array", "items": record({"a": TEXT})}}), {"l": [{"b": 1}]}, {"l": [{}]}, ["l[0].b"]),
        (record({"a": TEXT}), {"a": None}, {}, []),
        (record({"a": {**TEXT, "nullable": True}}), {"a": None}, {"a": None}, []),
        (record({}, **{"x-kubernetes-embedded-resource": True}), {"kind": "A", "b": 1}, {"kind": "A"}, ["b"]),
    ],
)
def test_unknown_fields_are_pruned(schema: Any, value: Any, kept: Any, unknown: list[str]) -> None:
    found: list[str] = []
    assert prune(schema, value, "", found) == kept
    assert found == unknown


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        (record({"a": {**NUMBER, "default": 3}}), {}, {"a": 3}),
        (record({"a": {**NUMBER, "default": 3}}), {"a": 0}, {"a": 0}),
        (record({"a": record({"b": {**NUMBER, "default": 3}})}), {}, {}),
        (record({"a": record({"b": {**NUMBER, "default": 3}}, default={})}), {}, {"a": {"b": 3}}),
        (
            record({"l": {"type": "array", "items": record({"p": {**TEXT, "default": "TCP"}})}}),
            {"l": [{}, {"p": "UDP"}]},
            {"l": [{"p": "TCP"}, {"p": "UDP"}]},
        ),
    ],
)
def test_defaults(schema: Any, value: Any, expected: Any) -> None:
    apply_defaults(schema, value)
    assert value == expected


def test_defaults_are_not_shared() -> None:
    schema = record({"a": record({}, default={"b": []})})
    first: dict[str, Any] = {}
    second: dict[str, Any] = {}
    apply_defaults(schema, first)
    apply_defaults(schema, second)
    first["a"]["b"].append(1)
    assert second == {"a": {"b": []}}


def test_types_for_server_side_apply() -> None:
    items = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    kind = as_type(record({"ports": {"type": "array", "items": record({"name": TEXT}), **items}, "free": {}}))
    ports = kind.part("ports")
    assert (ports.list_type, ports.keys) == ("map", ("name",))
    assert ports.element is not None
    assert ports.element.part("name").form is SchemaForm.STRING
    assert kind.part("free").form is SchemaForm.JSON
    assert as_type({"type": "array", "items": TEXT}).list_type == "atomic"
