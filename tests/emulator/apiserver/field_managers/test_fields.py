"""Paths of fields, and their encoding."""

from typing import Any

import pytest

from netpol_harness.emulator.apiserver.errors import StatusError
from netpol_harness.emulator.apiserver.field_managers import fields
from netpol_harness.emulator.apiserver.schema import SchemaForm, Type

DEPLOYMENT = Type(SchemaForm.RECORD, definition="io.k8s.api.apps.v1.Deployment")
CONFIG = {
    "metadata": {"labels": {"a": "b"}, "finalizers": ["x/y"]},
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "spec": {"containers": [{"name": "c", "ports": [{"containerPort": 80}], "args": ["x"], "resources": {}}]}
        },
    },
}


def test_fields_are_encoded_as_fields_v1() -> None:
    owned = frozenset(path for path, _ in fields.leaves(DEPLOYMENT, CONFIG))
    container: dict[str, Any] = {
        ".": {},
        "f:name": {},
        "f:args": {},
        "f:resources": {},
        "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
    }
    written = {
        "f:metadata": {"f:labels": {"f:a": {}}, "f:finalizers": {'v:"x/y"': {}}},
        "f:spec": {
            "f:selector": {},
            "f:template": {"f:spec": {"f:containers": {'k:{"name":"c"}': container}}},
        },
    }
    assert fields.encode(owned) == written
    assert fields.decode(written) == owned


def test_paths_in_messages() -> None:
    path = ("f:spec", "f:containers", 'k:{"containerPort":80,"name":"a"}', "f:args", 'v:"x"', "k:broken")
    assert fields.text(path) == '.spec.containers[containerPort=80,name="a"].args[="x"][broken]'


def test_an_item_named_twice_is_refused() -> None:
    twice = {"spec": {"template": {"spec": {"containers": [{"name": "c"}, {"name": "c"}]}}}}
    with pytest.raises(
        StatusError, match=r'\.spec\.template\.spec\.containers: duplicate entries for key \[name="c"\]'
    ):
        fields.check_unique(DEPLOYMENT, twice)


@pytest.mark.parametrize("tree", [None, [], "text", {"f:a": None}, {"f:a": []}])
def test_any_tree_of_a_client_can_be_decoded(tree: object) -> None:
    assert fields.decode(tree) in (frozenset(), {("f:a",)})
