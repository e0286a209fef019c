"""Custom kinds on a real embedded cluster, with the real kubectl."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

pytestmark = pytest.mark.live

SPEC = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "description": "The number of parts."},
        "color": {"type": "string", "enum": ["red", "blue"], "default": "blue"},
        "ports": {
            "type": "array",
            "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    },
}
STATUS = {"type": "object", "properties": {"size": {"type": "integer"}, "ready": {"type": "boolean"}}}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wi"], "categories": ["all"]},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": SPEC, "status": STATUS}}},
                "subresources": {
                    "status": {},
                    "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"},
                },
                "additionalPrinterColumns": [
                    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                    {"name": "Color", "type": "string", "jsonPath": ".spec.color", "priority": 1},
                ],
            },
            {
                "name": "v1beta1",
                "served": True,
                "storage": False,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            },
        ],
    },
}


def widget(name: str, version: str = "v1", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": f"example.com/{version}", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module")
def widgets(kubectl: Any) -> Iterator[Any]:
    apply(kubectl, DEFINITION)
    kubectl.ok("wait", "--for=condition=established", "crd/widgets.example.com", "--timeout=10s")
    apply(kubectl, widget("first", size=1))
    yield kubectl
    kubectl.ok("delete", "crd", "widgets.example.com", "--ignore-not-found")


def apply(kubectl: Any, *objects: Mapping[str, Any]) -> None:
    kubectl.ok("apply", "-f", "-", data="\n---\n".join(map(json.dumps, objects)))


def field(kubectl: Any, name: str, path: str) -> str:
    return str(kubectl.ok("get", "wi", name, "-o", f"jsonpath={path}"))


def test_discovery_and_documentation(widgets: Any) -> None:
    assert "widgets" in widgets.ok("api-resources", "--api-group=example.com")
    assert "The number of parts." in widgets.ok("explain", "widgets.spec.size")
    assert "red\n    blue" in widgets.ok("explain", "widgets.spec.color")


def test_tables_have_the_printed_columns(widgets: Any) -> None:
    head, row = widgets.ok("get", "widgets", "first", "-o", "wide").splitlines()
    assert head.split() == ["NAME", "SIZE", "COLOR"]
    assert row.split() == ["first", "1", "blue"]
    assert "widget.example.com/first" in widgets.ok("get", "all")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, "spec.size: Required value"),
        ({"size": 0}, "should be greater than or equal to 1"),
        ({"size": 1, "color": "green"}, 'Unsupported value: "green"'),
        ({"size": 1, "colour": "red"}, 'unknown field "spec.colour"'),
    ],
)
def test_the_schema_is_checked(widgets: Any, spec: dict[str, Any], words: str) -> None:
    refused = widgets("create", "-f", "-", data=json.dumps(widget("bad", **spec)))
    assert refused.returncode != 0
    assert words in refused.stderr


def test_an_unchanged_object_is_unchanged(widgets: Any) -> None:
    same = json.dumps(widget("first", size=1))
    assert widgets.ok("apply", "-f", "-", data=same) == "widget.example.com/first unchanged\n"
    assert widgets.ok("apply", "--server-side", "--field-manager=me", "-f", "-", data=same)


def test_server_side_apply_merges_lists_by_their_keys(widgets: Any) -> None:
    for manager in ("one", "two"):
        applied = widget("shared", size=1, ports=[{"name": manager}])
        widgets.ok("apply", "--server-side", f"--field-manager={manager}", "-f", "-", data=json.dumps(applied))
    assert field(widgets, "shared", "{.spec.ports[*].name}") == "one two"


def test_the_status_is_a_part_of_its_own(widgets: Any) -> None:
    apply(widgets, widget("own", size=1))
    status = {"status": {"ready": True, "size": 4}}
    widgets.ok("patch", "wi", "own", "--type=merge", "-p", json.dumps(status))
    assert field(widgets, "own", "{.status}") == ""
    widgets.ok("patch", "wi", "own", "--type=merge", "--subresource=status", "-p", json.dumps(status))
    assert field(widgets, "own", "{.metadata.generation} {.status.ready}") == "1 true"
    widgets.ok("scale", "wi", "own", "--replicas=5")
    assert field(widgets, "own", "{.metadata.generation} {.spec.size}") == "2 5"


def test_versions_share_their_objects(widgets: Any) -> None:
    apply(widgets, widget("old", "v1beta1", size=2))
    assert widgets.ok("get", "widgets.v1.example.com", "old", "-o", "jsonpath={.apiVersion}") == "example.com/v1"
    assert (
        widgets.ok("get", "widgets.v1beta1.example.com", "old", "-o", "jsonpath={.apiVersion}") == "example.com/v1beta1"
    )


def test_a_namespace_ends_with_its_custom_objects(widgets: Any) -> None:
    widgets.ok("create", "namespace", "custom")
    widgets.ok("create", "-n", "custom", "-f", "-", data=json.dumps(widget("inside", size=1)))
    widgets.ok("delete", "namespace", "custom")
    assert widgets.ok("get", "wi", "-A", "--field-selector=metadata.name=inside", "--ignore-not-found") == ""


def test_objects_are_deleted_before_their_definition(widgets: Any) -> None:
    gadgets = json.loads(json.dumps(DEFINITION).replace("idget", "adget").replace('"wi"', '"ga"'))
    apply(widgets, gadgets)
    metadata = {"name": "held", "finalizers": ["example.com/hold"]}
    held = {**widget("held", size=1), "kind": "Wadget", "metadata": metadata}
    widgets.ok("create", "-f", "-", data=json.dumps(held))
    widgets.ok("delete", "crd", "wadgets.example.com", "--wait=false")
    assert widgets.ok("get", "crd", "wadgets.example.com", "-o", "jsonpath={.metadata.deletionTimestamp}") != ""
    widgets.ok("patch", "wadgets", "held", "--type=json", "-p", '[{"op": "remove", "path": "/metadata/finalizers"}]')
    widgets.ok("wait", "--for=delete", "crd/wadgets.example.com", "--timeout=10s")
    assert "could not find the requested resource" in widgets("get", "wadgets").stderr
