"""What was assumed and left out is said in a line each."""

from pathlib import Path

import pytest
import yaml

from netpol_harness.scenario.derive import derive
from netpol_harness.scenario.notices import notices, without_meaning

POD = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "c", "image": "i"}]}}


def pod(name: str, namespace: str) -> dict[str, object]:
    return {**POD, "metadata": {"name": name, "namespace": namespace}}


def of_kind(api: str, name: str) -> dict[str, object]:
    version, _, kind = api.rpartition("/")
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}


@pytest.mark.parametrize(
    ("namespaces", "line"),
    [
        ([], ""),
        (["shop"], "no manifest declares the namespace shop: assumed to exist, with labels that are not known"),
        (["a", "b"], "no manifest declares the namespaces a, b: assumed to exist, with labels that are not known"),
    ],
)
def test_assumed_namespaces(tmp_path: Path, namespaces: list[str], line: str) -> None:
    objects = [pod("x", name) for name in ["default", *namespaces]]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(objects))
    assert list(notices(derive(tmp_path))) == ([line] if line else [])


def test_files_that_are_not_manifests(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(yaml.safe_dump(pod("x", "default")))
    for number in range(9):
        (tmp_path / f"values-{number}.yaml").write_text("a: 1\n")
    (line,) = notices(derive(tmp_path))
    assert line.startswith("not a manifest: values-0.yaml, values-1.yaml, ")
    assert line.endswith(" and 3 more")


def test_objects_without_meaning_for_connectivity_are_counted_by_kind(tmp_path: Path) -> None:
    objects = [
        pod("x", "default"),
        of_kind("rbac.authorization.k8s.io/v1/Role", "a"),
        of_kind("networking.k8s.io/v1/Ingress", "a"),
        of_kind("rbac.authorization.k8s.io/v1/Role", "b"),
    ]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(objects))
    scenario = derive(tmp_path)
    assert without_meaning(scenario) == "without meaning for connectivity: 2 kinds, 3 objects (Role 2, Ingress)"
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(objects[:1]))
    assert without_meaning(derive(tmp_path)) == ""
