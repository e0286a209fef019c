"""Changes to manifests, and images from another registry."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.backends.cni.patch import (
    ObjectPattern,
    Patch,
    Replacement,
    apply_patches,
    replace_registry,
    with_registry,
)
from netpol_harness.errors import ClusterFailed

EVERY = frozenset({"ipv4", "ipv6", "dual"})
TARGET = ObjectPattern("DaemonSet", "kube-system", "node")


def daemon(**spec: Any) -> dict[str, Any]:
    return {"kind": "DaemonSet", "metadata": {"name": "node", "namespace": "kube-system"}, "spec": spec}


def change(**given: Any) -> Patch:
    return Patch(**{"location": "f.yaml:7", "target": TARGET, "families": EVERY, **given})


def test_lists_of_named_items_merge_by_name() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    data = daemon(containers=[{"name": "x", "image": "i", "env": env}, {"name": "y"}])
    merge = {"spec": {"containers": [{"name": "x", "env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]}]}}
    (result,) = apply_patches([data], [change(merge=merge)], "ipv4")
    assert result["spec"]["containers"] == [
        {
            "name": "x",
            "image": "i",
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}, {"name": "C", "value": "4"}],
        },
        {"name": "y"},
    ]
    assert env[1]["value"] == "2", "the data given are left alone"


def test_null_removes_and_other_lists_are_replaced() -> None:
    (result,) = apply_patches([daemon(a=1, b=[1, 2])], [change(merge={"spec": {"a": None, "b": [3]}})], "ipv4")
    assert result["spec"] == {"b": [3]}


def test_a_patch_for_another_family_is_left_out() -> None:
    patch = change(families=frozenset({"ipv6"}), merge={"spec": {"a": 1}})
    assert apply_patches([daemon()], [patch], "ipv4") == [daemon()]
    assert apply_patches([daemon()], [patch], "ipv6") == [daemon(a=1)]


def test_text_is_replaced_at_its_keys() -> None:
    patch = change(replacements=(Replacement(("spec", "config"), '"mtu": 0', '"mtu": 1'),))
    (result,) = apply_patches([daemon(config='{"mtu": 0}')], [patch], "ipv4")
    assert result["spec"]["config"] == '{"mtu": 1}'


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        (
            change(target=ObjectPattern("Pod", "a", "b"), merge={"x": 1}),
            "f.yaml:7: .*there is no Pod a/b in the manifests",
        ),
        (
            change(replacements=(Replacement(("spec", "config"), "no", ""),)),
            "'no' occurs 0 times in spec.config of DaemonSet",
        ),
        (change(replacements=(Replacement(("spec", "config"), "a", ""),)), "'a' occurs 2 times"),
        (change(replacements=(Replacement(("spec", "x", "y"), "a", ""),)), "'a' occurs 0 times in spec.x.y"),
    ],
)
def test_a_patch_that_does_not_fit_is_an_error(patch: Patch, expected: str) -> None:
    with pytest.raises(ClusterFailed, match=expected):
        apply_patches([daemon(config="a a")], [patch], "ipv4")


def test_images_come_from_the_registry_given() -> None:
    template = {"spec": {"containers": [{"name": "c", "image": "quay.io/x/y:1"}], "initContainers": [{"name": "i"}]}}
    (result,) = with_registry([daemon(template=template, image="not.a/container")], "reg:5000/")
    assert result["spec"]["template"]["spec"]["containers"] == [{"name": "c", "image": "reg:5000/x/y:1"}]
    assert result["spec"]["image"] == "not.a/container"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("quay.io/calico/node:v3", "P/calico/node:v3"),
        ("localhost/x", "P/x"),
        ("reg:5000/x@sha256:0", "P/x@sha256:0"),
        ("nicolaka/netshoot:v1", "P/nicolaka/netshoot:v1"),
        ("nginx", "P/nginx"),
        ("nginx:1.2", "P/nginx:1.2"),
    ],
)
def test_only_the_host_of_an_image_is_replaced(image: str, expected: str) -> None:
    assert replace_registry(image, "P") == expected


_NAMED = st.lists(
    st.builds(lambda name, value: {"name": name, "value": value}, st.sampled_from("abcd"), st.integers()),
    min_size=1,
    unique_by=lambda item: item["name"],
)


@given(old=_NAMED, new=_NAMED)
def test_patching_twice_is_patching_once(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    patch = change(merge={"spec": {"env": new}})
    once = apply_patches([daemon(env=old)], [patch], "ipv4")
    assert apply_patches(once, [patch], "ipv4") == once
    values = {item["name"]: item["value"] for item in once[0]["spec"]["env"]}
    assert values == {item["name"]: item["value"] for item in [*old, *new]}
