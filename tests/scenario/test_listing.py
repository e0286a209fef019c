"""The manifests below a folder are those that ``kubectl apply -f DIR -R`` reads."""

from pathlib import Path

import pytest

from netpol_harness.scenario.listing import FolderKind, folder_kind, manifests_below


def files(directory: Path, *names: str, text: str = "") -> None:
    for name in names:
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def below(directory: Path) -> list[str]:
    return [str(path.relative_to(directory)) for path in manifests_below(directory)]


def test_yaml_and_json_files_of_all_folders_in_order(tmp_path: Path) -> None:
    files(tmp_path, "b.yml", "a/z.json", "a.yaml", "README.md", "c/d/e.yaml", "script.sh", "scenario.yaml")
    assert below(tmp_path) == ["a/z.json", "a.yaml", "b.yml", "c/d/e.yaml"]


def test_hidden_files_and_linked_folders_are_left_out(tmp_path: Path) -> None:
    files(tmp_path, "k8s/a.yaml", "k8s/.hidden.yaml", "k8s/.git/config.yaml", "elsewhere/b.yaml")
    (tmp_path / "k8s" / "link").symlink_to(tmp_path / "elsewhere")
    assert below(tmp_path / "k8s") == ["a.yaml"]


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
def test_a_kustomization_stands_for_its_folder(tmp_path: Path, name: str) -> None:
    files(tmp_path, f"app/{name}", "app/deploy.yaml", "app/patches/p.yaml", "other.yaml")
    assert below(tmp_path) == ["app", "other.yaml"]
    assert below(tmp_path / "app") == ["."]


def test_a_base_of_another_kustomization_is_not_read_twice(tmp_path: Path) -> None:
    files(tmp_path, "base/kustomization.yaml", "parts/kustomization.yaml", text="resources: [deploy.yaml]")
    files(tmp_path, "overlays/live/kustomization.yaml", text="resources: [../../base]\ncomponents: [../../parts/]")
    assert below(tmp_path) == ["overlays/live"]


def test_a_kustomization_that_cannot_be_read_is_left_to_kubectl(tmp_path: Path) -> None:
    files(tmp_path, "a/kustomization.yaml", "b/kustomization.yaml", text="resources: {")
    assert below(tmp_path) == ["a", "b"]


def test_a_chart_is_one_thing(tmp_path: Path) -> None:
    files(tmp_path, "charts/web/Chart.yaml", "charts/web/templates/deploy.yaml", "charts/web/values.yaml")
    assert below(tmp_path) == ["charts/web"]
    assert folder_kind(["Chart.yaml", "values.yaml"]) is FolderKind.CHART
