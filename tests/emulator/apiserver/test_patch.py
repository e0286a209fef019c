from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.emulator.apiserver.errors import StatusError
from netpol_harness.emulator.apiserver.patch import json_patch, merge_patch

_SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
)


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_as_in_the_rfc(target: Any, patch: Any, merged: Any) -> None:
    assert merge_patch(target, patch) == merged


@given(JSON, JSON)
def test_a_merge_patch_is_idempotent(target: Any, patch: Any) -> None:
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once


@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        ({"op": "add", "path": "/a/1", "value": 9}, {"a": [1, 9, 2], "b": {"c/d": 3}}),
        ({"op": "add", "path": "/a/-", "value": 9}, {"a": [1, 2, 9], "b": {"c/d": 3}}),
        ({"op": "remove", "path": "/a/0"}, {"a": [2], "b": {"c/d": 3}}),
        ({"op": "replace", "path": "/b/c~1d", "value": 4}, {"a": [1, 2], "b": {"c/d": 4}}),
        ({"op": "move", "from": "/a/0", "path": "/b/e"}, {"a": [2], "b": {"c/d": 3, "e": 1}}),
        ({"op": "copy", "from": "/a", "path": "/b/e"}, {"a": [1, 2], "b": {"c/d": 3, "e": [1, 2]}}),
        ({"op": "test", "path": "/a/0", "value": 1}, {"a": [1, 2], "b": {"c/d": 3}}),
    ],
)
def test_json_patch(operation: Any, changed: Any) -> None:
    document = {"a": [1, 2], "b": {"c/d": 3}}
    assert json_patch(document, [operation]) == changed
    assert document == {"a": [1, 2], "b": {"c/d": 3}}


@pytest.mark.parametrize(
    ("operations", "code"),
    [
        ({"op": "add"}, 400),
        ([{"op": "jump", "path": "/a"}], 400),
        ([{"op": "remove", "path": "/x"}], 422),
        ([{"op": "replace", "path": "/x", "value": 1}], 422),
        ([{"op": "add", "path": "/a/7", "value": 1}], 422),
        ([{"op": "test", "path": "/a/0", "value": 2}], 422),
        ([{"op": "add", "path": "a", "value": 2}], 422),
        ([{"op": "add", "path": 1, "value": 2}], 422),
        ([{"op": "copy", "from": ["a"], "path": "/b"}], 422),
        ([{"op": "copy", "from": "", "path": "/a/-"}] * 40, 413),
        ([{"op": "copy", "from": "", "path": "/a"}] * 800, 422),
        ([{"op": "test", "path": "/a/0", "value": 1}] * 10_001, 413),
    ],
)
def test_json_patches_that_are_refused(operations: Any, code: int) -> None:
    with pytest.raises(StatusError) as refusal:
        json_patch({"a": [1]}, operations)
    assert refusal.value.code == code
