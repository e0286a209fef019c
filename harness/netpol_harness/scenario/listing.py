"""Lists the manifests below a directory as ``kubectl apply -f DIR -R`` finds them.

A folder with a kustomization stands for all files below it, since the kustomization decides which of them count. So
does a Helm chart, whose templates are not manifests.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from os.path import normpath
from pathlib import Path
from typing import Any

import yaml

from netpol_harness.scenario import MANIFEST_SUFFIXES, SCENARIO_FILE
from netpol_harness.yaml_loader import SAFE_LOADER

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_CHART = "Chart.yaml"
_REFERENCES = ("resources", "bases", "components")


class FolderKind(Enum):
    """Folders that stand for the files below them."""

    KUSTOMIZATION = "kustomization"
    CHART = "chart"


def folder_kind(names: Iterable[str]) -> FolderKind | None:
    """Return what a folder with files of these names stands for; ``None`` for a plain folder."""
    present = set(names)
    if present.intersection(KUSTOMIZATIONS):
        return FolderKind.KUSTOMIZATION
    return FolderKind.CHART if _CHART in present else None


def kind_of(folder: Path) -> FolderKind | None:
    """Return what an existing folder stands for."""
    return folder_kind(os.listdir(folder))  # noqa: PTH208 - names are enough


def manifests_below(directory: Path) -> Iterator[Path]:
    """Yield the files and the folders of a special kind below a directory, in order of their names.

    Hidden files and folders are left out, and so are kustomizations that another one below the directory refers to.
    Symbolic links to folders are not followed.
    """
    found = list(_walk(directory))
    folders = {path: kind for path, kind in found if kind is FolderKind.KUSTOMIZATION}
    bases = {base for folder in folders for base in _bases(folder)} if len(folders) > 1 else set()
    yield from (path for path, _ in found if path not in folders or Path(normpath(path)) not in bases)


def _walk(folder: Path) -> Iterator[tuple[Path, FolderKind | None]]:
    with os.scandir(folder) as entries:
        visible = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    if kind := folder_kind(entry.name for entry in visible if entry.is_file()):
        yield folder, kind
        return
    for entry in visible:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / entry.name)
        elif entry.name.endswith(MANIFEST_SUFFIXES) and entry.name != SCENARIO_FILE and _stands_for_a_file(entry):
            yield folder / entry.name, None


def _stands_for_a_file(entry: "os.DirEntry[str]") -> bool:
    """Whether it is a file, or a link to one. A link that leads nowhere is no reason to miss a policy."""
    return entry.is_file() or (entry.is_symlink() and not Path(entry.path).exists())


def _bases(folder: Path) -> Iterator[Path]:
    """Yield the paths that a kustomization refers to; nothing if it cannot be read, which kubectl reports."""
    for name in KUSTOMIZATIONS:
        content = _content(folder / name)
        for key in _REFERENCES:
            entries = content.get(key)
            texts = entries if isinstance(entries, list) else ()
            yield from (Path(normpath(folder / text)) for text in texts if isinstance(text, str))


def _content(file: Path) -> Mapping[str, Any]:
    try:
        content = yaml.load(file.read_text(), Loader=SAFE_LOADER)
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, Mapping) else {}
