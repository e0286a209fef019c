"""From a definition to the objects that are applied."""

from hashlib import sha256
from pathlib import Path

import pytest

from netpol_harness.backends.cni.definition import CniDefinition, ManifestSource, load, plain
from netpol_harness.backends.cni.manifests import ManifestOverrides, controllers_of, load_objects
from netpol_harness.backends.cni.patch import ObjectPattern
from netpol_harness.errors import ClusterFailed

SHIPPED = Path(__file__).resolve().parents[3] / "manifests" / "cni"
MANIFEST = """
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {date: 2026-11-21}}
---
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: cni}
spec: {template: {spec: {containers: [{name: c, image: quay.io/x:1}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: controller}
"""


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    file = tmp_path / "m.yaml"
    file.write_text(MANIFEST)
    return file


def test_objects_come_in_order_and_lists_are_opened(manifest: Path) -> None:
    objects = load_objects(plain(manifest), ManifestOverrides(prefix="reg"), "ipv4")
    assert [data["kind"] for data in objects] == ["ConfigMap", "DaemonSet", "Deployment"]
    assert objects[0]["data"]["date"] == "2026-11-21", "a date is a text"
    assert objects[1]["spec"]["template"]["spec"]["containers"][0]["image"] == "reg/x:1"


def test_controllers_to_wait_for(manifest: Path) -> None:
    objects = load_objects(plain(manifest), ManifestOverrides(), "ipv4")
    all_of_them = (ObjectPattern("DaemonSet", "cni", "agent"), ObjectPattern("Deployment", "default", "controller"))
    assert controllers_of(plain(manifest), objects) == all_of_them
    named = CniDefinition("x", wait=(ObjectPattern("DaemonSet", "a", "b"),))
    assert controllers_of(named, objects) == named.wait


def test_the_users_manifest_replaces_those_of_the_definition(manifest: Path) -> None:
    objects = load_objects(
        CniDefinition("x", manifests=(ManifestSource("f:1", obtain="make it"),)), ManifestOverrides(manifest), "ipv4"
    )
    assert len(objects) == 3


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("flannel", r"flannel.yaml:\d+: no checksum has been published for https://.*--cni-manifest FILE"),
        ("cilium", r"cilium.yaml:\d+: this CNI has no manifest to download; make one with `helm template"),
    ],
)
def test_manifests_without_a_checksum_are_not_fetched(name: str, expected: str) -> None:
    with pytest.raises(ClusterFailed, match=expected):
        load_objects(load(name, SHIPPED), ManifestOverrides(), "ipv4")


def test_kinds_own_cni_takes_no_manifest(manifest: Path) -> None:
    assert load_objects(load("kindnet", SHIPPED), ManifestOverrides(), "ipv4") == []
    with pytest.raises(ClusterFailed, match="leave --cni-manifest out"):
        load_objects(load("kindnet", SHIPPED), ManifestOverrides(manifest), "ipv4")


def test_pinned_manifests_come_from_the_cache(manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    checksum = sha256(MANIFEST.encode()).hexdigest()
    cached = tmp_path / "netpol-harness" / "manifests" / checksum
    cached.parent.mkdir(parents=True)
    cached.write_text(MANIFEST)
    definition = CniDefinition(
        "x", manifests=(ManifestSource("f:1", url="https://nowhere.invalid/m", sha256=checksum),)
    )
    assert len(load_objects(definition, ManifestOverrides(offline=True), "ipv4")) == 3
    cached.unlink()
    with pytest.raises(ClusterFailed, match="--offline forbids"):
        load_objects(definition, ManifestOverrides(offline=True), "ipv4")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<html><body>404</body></html>", "is it an HTML page"),
        ("a: [", "is not a manifest"),
        ("apiVersion: v1\nkind: Pod\n", "a Pod has no metadata.name"),
        ("- 1\n", "has no apiVersion and kind"),
    ],
)
def test_files_that_are_not_a_manifest(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(text)
    with pytest.raises(ClusterFailed, match=expected):
        load_objects(plain(file), ManifestOverrides(), "ipv4")


def test_a_manifest_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ClusterFailed, match="cannot be read"):
        load_objects(plain(tmp_path / "nosuch.yaml"), ManifestOverrides(), "ipv4")


def test_a_large_manifest(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    many = "\n".join(f"  key{number}: {{a: {{b: [1, 2, 3]}}}}" for number in range(12_000))
    file.write_text(f"apiVersion: v1\nkind: Big\nmetadata: {{name: big}}\nspec:\n{many}\n")
    assert len(load_objects(plain(file), ManifestOverrides(), "ipv4")[0]["spec"]) == 12_000
