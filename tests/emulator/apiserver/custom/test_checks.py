from typing import Any

import pytest

from netpol_harness.emulator.apiserver.custom.checks import SchemaCheck


def spec(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"type": "integer"}, "x", 'spec.a: Invalid value: "x": spec.a in body must be of type integer'),
        ({"type": "integer", "maximum": 9}, 10, "spec.a in body should be less than or equal to 9"),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, 1, "spec.a in body should be greater than"),
        ({"type": "string", "pattern": "^a+$"}, "b", "spec.a in body should match '^a+$'"),
        ({"type": "string", "enum": ["A", "B"]}, "C", 'Unsupported value: "C": supported values: "A", "B"'),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, [], "should have at least 1 items"),
        ({"type": "array", "items": {"type": "string"}}, [1], "spec.a[0] in body must be of type string"),
        ({"type": "object", "properties": {"b": {}}, "required": ["b"]}, {}, "spec.a.b: Required value"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, {"k": 1}, "spec.a.k in body must be of type"),
        ({"type": "object", "oneOf": [{"required": ["b"]}, {"required": ["c"]}]}, {}, "one and only one schema"),
        ({"type": "string", "maxLength": 2}, "abc", "at most 2 chars long"),
        ({"x-kubernetes-int-or-string": True}, [], "must be of type integer or string"),
    ],
)
def test_refusals(schema: Any, value: Any, message: str) -> None:
    [cause] = SchemaCheck(spec(a=schema)).causes({"spec": {"a": value}})
    assert message in str(cause)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, 3),
        ({"type": "integer", "nullable": True}, None),
        ({"type": "string", "enum": ["A"], "nullable": True}, None),
        ({"x-kubernetes-int-or-string": True}, "80%"),
        ({"x-kubernetes-int-or-string": True}, 80),
        ({"x-kubernetes-preserve-unknown-fields": True}, {"a": [1]}),
        ({"type": "object", "anyOf": [{"required": ["b"]}, {"required": ["c"]}]}, {"c": 1}),
    ],
)
def test_accepted_values(schema: Any, value: Any) -> None:
    assert SchemaCheck(spec(a=schema)).causes({"spec": {"a": value}}) == []


def test_all_problems_are_reported() -> None:
    schema = spec(a={"type": "integer"}, b={"type": "string"})
    assert len(SchemaCheck(schema).causes({"spec": {"a": "x", "b": 1}})) == 2
