from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.emulator.apiserver.errors import StatusError
from netpol_harness.emulator.apiserver.strategic import strategic_merge

POD = "io.k8s.api.core.v1.Pod"
SERVICE = "io.k8s.api.core.v1.Service"
DEPLOYMENT = "io.k8s.api.apps.v1.Deployment"


def containers(*items: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"containers": list(items)}}


TWO = containers({"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b", "image": "2"})


@pytest.mark.parametrize(
    ("patch", "names", "first_image"),
    [
        (containers({"name": "a", "image": "9"}), ["a", "b"], "9"),
        (containers({"name": "c", "image": "3"}), ["a", "b", "c"], "1"),
        (containers({"name": "a", "$patch": "delete"}), ["b"], "2"),
        (containers({"$patch": "replace"}, {"name": "z", "image": "0"}), ["z"], "0"),
        ({"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}, ["b", "a"], "2"),
        ({"spec": {"containers": None}}, [], ""),
    ],
)
def test_lists_that_merge_by_key(patch: dict[str, Any], names: list[str], first_image: str) -> None:
    merged = strategic_merge(POD, TWO, patch)["spec"].get("containers", [])
    assert [container["name"] for container in merged] == names
    assert next((container["image"] for container in merged), "") == first_image


def test_nested_lists_merge_too() -> None:
    merged = strategic_merge(POD, TWO, containers({"name": "a", "env": [{"name": "Y", "value": "2"}]}))
    assert merged["spec"]["containers"][0]["env"] == [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]


def test_atomic_lists_are_replaced() -> None:
    merged = strategic_merge(POD, {"spec": {"tolerations": [{"key": "a"}]}}, {"spec": {"tolerations": [{"key": "b"}]}})
    assert merged["spec"]["tolerations"] == [{"key": "b"}]


def test_primitive_lists_merge_and_lose_deleted_items() -> None:
    metadata = {"metadata": {"finalizers": ["a", "b"]}}
    patch = {"metadata": {"finalizers": ["c"], "$deleteFromPrimitiveList/finalizers": ["a"]}}
    assert strategic_merge(POD, metadata, patch)["metadata"]["finalizers"] == ["b", "c"]


def test_retain_keys() -> None:
    stored = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert strategic_merge(DEPLOYMENT, stored, patch)["spec"]["strategy"] == {"type": "Recreate"}


def test_a_map_can_be_replaced_or_deleted() -> None:
    stored = {"spec": {"selector": {"a": "1"}}}
    replaced = strategic_merge(SERVICE, stored, {"spec": {"selector": {"$patch": "replace", "b": "2"}}})
    assert replaced["spec"]["selector"] == {"b": "2"}
    assert strategic_merge(SERVICE, stored, {"spec": {"selector": {"$patch": "delete"}}})["spec"] == {}


@pytest.mark.parametrize("patch", [[], containers({"image": "1"}), {"spec": {"$patch": "burn"}}])
def test_invalid_patches(patch: Any) -> None:
    with pytest.raises(StatusError) as refusal:
        strategic_merge(POD, TWO, patch)
    assert refusal.value.code == 400


_CONTAINER = st.fixed_dictionaries({"name": st.sampled_from("abcd")}, optional={"image": st.text(max_size=2)})
_POD = st.lists(_CONTAINER, max_size=4, unique_by=lambda item: item["name"]).map(lambda items: containers(*items))


@given(_POD, _POD)
def test_a_patch_is_idempotent(pod: dict[str, Any], patch: dict[str, Any]) -> None:
    once = strategic_merge(POD, pod, patch)
    assert strategic_merge(POD, once, patch) == once
    names = [item["name"] for item in once["spec"]["containers"]]
    assert sorted(names) == sorted({item["name"] for part in (pod, patch) for item in part["spec"]["containers"]})


def test_a_delete_removes_all_items_with_the_key() -> None:
    ports = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}, {"port": 80}]
    patch = {"spec": {"ports": [{"port": 53, "$patch": "delete"}, {"port": 81}, {"port": 53, "name": "new"}]}}
    left = strategic_merge(SERVICE, {"spec": {"ports": ports}}, patch)
    assert left["spec"]["ports"] == [{"port": 80}, {"port": 81}, {"port": 53, "name": "new"}]


def test_a_very_long_list_is_merged_within_the_time_limit_of_a_test() -> None:
    many = [{"name": f"c{number}"} for number in range(60_000)]
    assert strategic_merge(POD, containers(*many), containers(*many))["spec"]["containers"] == many
