"""Manifests of every form that kubectl reads become a scenario."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from netpol_harness.errors import ScenarioInvalid
from netpol_harness.scenario.derive import derive, derive_text, has_manifests, objects_at, open_source
from netpol_harness.scenario.scenario import Scenario


def deployment(name: str, namespace: str = "shop") -> dict[str, Any]:
    pod = {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 8080}]}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
        },
    }


def deny(namespace: str = "shop") -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "deny", "namespace": namespace},
        "spec": {"podSelector": {}},
    }


SHOP = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
OBJECTS = [SHOP, deployment("web"), deployment("db"), deny()]


def names(scenario: Scenario) -> list[str]:
    (step,) = scenario.steps
    written = (manifest for manifest in (*scenario.workloads, *step.policies) if manifest.where != step.where)
    return sorted(str(manifest.name) for manifest in written)


EXPECTED = ["Deployment shop/db", "Deployment shop/web", "Namespace shop", "NetworkPolicy shop/deny"]


def typed_list(kind: str, *items: dict[str, Any]) -> dict[str, Any]:
    bare = [{key: value for key, value in item.items() if key not in ("apiVersion", "kind")} for item in items]
    return {"apiVersion": items[0]["apiVersion"], "kind": kind, "metadata": {}, "items": bare}


LISTS = [
    SHOP,
    typed_list("DeploymentList", deployment("web"), deployment("db")),
    typed_list("NetworkPolicyList", deny()),
]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("all.yaml", yaml.safe_dump_all(OBJECTS)),
        ("all.yml", yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": OBJECTS})),
        ("all.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": OBJECTS}, indent="\t")),
        ("all.json", "\n".join(map(json.dumps, OBJECTS))),
        ("lists.yaml", yaml.safe_dump_all(LISTS)),
        ("nested.yaml", yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": LISTS})),
    ],
)
def test_a_file_holds_objects_in_any_form(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert names(derive(tmp_path / name)) == EXPECTED
    assert names(derive(tmp_path)) == EXPECTED
    assert names(derive_text(text)) == EXPECTED


def test_an_item_of_a_typed_list_may_repeat_its_type(tmp_path: Path) -> None:
    whole = {"apiVersion": "v1", "kind": "PodList", "items": [deployment("web")]}
    (tmp_path / "all.yaml").write_text(yaml.safe_dump(whole))
    assert names(derive(tmp_path)) == ["Deployment shop/web"]


def test_an_object_whose_kind_ends_in_list_is_not_a_list(tmp_path: Path) -> None:
    allow = {"apiVersion": "example.org/v1", "kind": "AllowList", "metadata": {"name": "a"}, "items": ["10.0.0.0/8"]}
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all([allow, *OBJECTS]))
    assert names(derive(tmp_path)) == ["AllowList default/a", *EXPECTED]


def test_problems_of_a_stream_name_its_lines() -> None:
    with pytest.raises(ScenarioInvalid, match=r"<stdin>:3:1: 'metadata' is missing"):
        derive_text("\n\napiVersion: v1\nkind: Pod\nspec: {containers: [{name: c, image: i}]}\n")


def test_problems_of_json_name_its_lines(tmp_path: Path) -> None:
    (tmp_path / "all.json").write_text(json.dumps({**deny(), "spec": {"podSelectr": {}}}, indent=1))
    with pytest.raises(ScenarioInvalid, match=r"all\.json:9:3: unknown key 'podSelectr'"):
        derive(tmp_path)


def test_namespaces_that_nobody_declares_are_assumed(tmp_path: Path) -> None:
    objects = [
        SHOP,
        deployment("web"),
        deployment("prometheus", "monitoring"),
        deny("else"),
        deployment("x", "default"),
    ]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(objects))
    scenario = derive(tmp_path)
    assert scenario.assumed_namespaces == {"monitoring", "else"}
    assert scenario.derived


def test_other_files_of_a_folder_are_not_manifests_and_are_named(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(OBJECTS))
    (tmp_path / "values.yaml").write_text("image: x\n")
    (tmp_path / "package.json").write_text('{"name": "x"}')
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    scenario = derive(tmp_path)
    assert scenario.not_manifests == ("package.json", "values.yaml")
    with pytest.raises(ScenarioInvalid, match=r"values\.yaml:1:1: 'apiVersion' is missing"):
        derive(tmp_path / "values.yaml")


def test_a_manifest_that_lacks_its_kind_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "deny.yaml").write_text("apiVersion: networking.k8s.io/v1\nmetadata: {name: x}\n")
    with pytest.raises(ScenarioInvalid, match="'kind' is missing"):
        derive(tmp_path)


def test_a_policy_behind_a_broken_link_is_not_passed_over(tmp_path: Path) -> None:
    """As for kubectl: a table without this policy would be wrong."""
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(OBJECTS))
    (tmp_path / "deny.yaml").symlink_to("elsewhere/deny.yaml")
    with pytest.raises(ScenarioInvalid, match=r"deny\.yaml:1:1: this is a link to elsewhere/deny.yaml, which does not"):
        derive(tmp_path)


@pytest.mark.parametrize("read", [derive, objects_at])
def test_what_does_not_exist_has_the_name_that_the_user_gave(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(ScenarioInvalid, match=r"^[^:]*nothing\.yaml: there is no such file or directory; name"):
        read(tmp_path / "nothing.yaml")
    with pytest.raises(ScenarioInvalid, match=f"^there is no manifest in {tmp_path}; add a file"):
        read(tmp_path)


def test_a_chart_is_refused_with_the_command_that_renders_it(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Chart.yaml").write_text("name: web\n")
    with pytest.raises(
        ScenarioInvalid, match=r"web:1:1: this folder is a Helm chart.*`helm template DIR \| netpol table -`"
    ):
        derive(tmp_path)


@pytest.fixture
def kustomization(tmp_path: Path) -> Path:
    """Return a kustomization that puts a base into a namespace."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "all.yaml").write_text(yaml.safe_dump_all(OBJECTS[1:]))
    (tmp_path / "base" / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    overlay = tmp_path / "overlays" / "live"
    overlay.mkdir(parents=True)
    (overlay / "kustomization.yaml").write_text("resources: [../../base]\nnamespace: live\nnamePrefix: x-\n")
    return overlay


def test_a_kustomization_is_rendered(kustomization: Path, tmp_path: Path) -> None:
    rendered = ["Deployment live/x-db", "Deployment live/x-web", "NetworkPolicy live/x-deny"]
    assert names(derive(kustomization)) == rendered
    assert names(derive(tmp_path)) == rendered
    assert names(derive(kustomization / "kustomization.yaml")) == rendered


def test_what_kubectl_says_about_a_kustomization_is_passed_on(kustomization: Path) -> None:
    (kustomization / "kustomization.yaml").write_text("resources: [nowhere.yaml]\n")
    with pytest.raises(ScenarioInvalid, match=r"live:1:1: `kubectl kustomize` fails: .*nowhere\.yaml"):
        derive(kustomization)


def test_without_kubectl_a_kustomization_is_an_error(kustomization: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(ScenarioInvalid, match=r"live:1:1: this folder is a kustomization.*install kubectl"):
        derive(kustomization)


def test_kustomize_takes_the_place_of_kubectl(
    kustomization: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "kustomize"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$1" = build ] && /bin/cat {kustomization.parents[1]}/base/all.yaml\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert names(derive(kustomization)) == [name for name in EXPECTED if "Namespace" not in name]


def test_a_source_is_a_scenario_if_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(OBJECTS))
    assert open_source(tmp_path).derived
    assert open_source(tmp_path / "all.yaml").derived
    scenario = "title: x\nworkloads: [all.yaml]\nsteps: [{name: a, policies: [all.yaml], others: blocked}]\n"
    (tmp_path / "scenario.yaml").write_text(scenario)
    (tmp_path / "other-name.yaml").write_text(scenario)
    for written in (tmp_path, tmp_path / "scenario.yaml", tmp_path / "other-name.yaml"):
        assert not open_source(written).derived
    assert open_source(tmp_path / "all.yaml").derived


def test_a_folder_of_scenarios_is_not_a_folder_of_manifests(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "all.yaml").write_text(yaml.safe_dump_all(OBJECTS))
    assert has_manifests(tmp_path)
    (tmp_path / "a" / "scenario.yaml").write_text("")
    assert not has_manifests(tmp_path)
    with pytest.raises(ScenarioInvalid, match="there is no scenario and no manifest"):
        open_source(tmp_path)


def test_a_pipe_is_not_a_manifest(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert not has_manifests(tmp_path / "pipe.yaml")
    assert not has_manifests(tmp_path)


def test_an_empty_namespace_is_none() -> None:
    metadata = {"name": "r", "namespace": ""}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata}
    scenario = derive_text(yaml.safe_dump_all([deployment("web", namespace=""), role]))
    namespaces = {manifest.name.kind: manifest.name.ref.namespace for manifest in scenario.workloads}
    assert (namespaces["Deployment"], namespaces["ClusterRole"]) == ("default", "")
