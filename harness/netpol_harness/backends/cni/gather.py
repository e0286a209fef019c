"""From a definition to the objects that are applied: manifests fetched or read, patched, and moved to a registry."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from netpol_harness.backends.base import Progress, ignore
from netpol_harness.backends.cni.definition import UNKNOWN, CniDefinition, ManifestSource
from netpol_harness.backends.cni.fetch import cache_directory, fetch
from netpol_harness.backends.cni.patch import ObjectPattern, patched, with_registry
from netpol_harness.errors import ClusterFailed
from netpol_harness.model.json_object import JsonObject
from netpol_harness.yaml_loader import safe_loader

_LOADER = safe_loader(without={"timestamp"})  # a date is text, as it is for the API


@dataclass(frozen=True, slots=True)
class Supply:
    """Where manifests and images come from. ``manifest`` takes the place of the definition's own; ``prefix`` is the
    registry of all images, empty for theirs.
    """

    manifest: Path | None = None
    prefix: str = ""
    offline: bool = False


def gather(definition: CniDefinition, supply: Supply, family: str, progress: Progress = ignore) -> list[JsonObject]:
    """Every object to apply, in order. Raises ``ClusterFailed`` where a manifest is not to be had or does not fit."""
    if supply.manifest and not definition.manifests:
        raise ClusterFailed(f"{definition.title} is applied by kind itself; leave --cni-manifest out, or name a --cni")
    files = [supply.manifest] if supply.manifest else [_file(m, supply, progress) for m in definition.manifests]
    objects = patched([data for file in files for data in _objects(file)], definition.patches, family)
    return with_registry(objects, supply.prefix) if supply.prefix else objects


def awaited(definition: CniDefinition, objects: list[JsonObject]) -> tuple[ObjectPattern, ...]:
    """The controllers to wait for: those that the definition names, else all of the manifests."""
    if definition.wait:
        return definition.wait
    kinds = ("DaemonSet", "Deployment")
    controllers = [data for data in objects if data["kind"] in kinds]
    return tuple(
        ObjectPattern(data["kind"], data["metadata"].get("namespace") or "default", data["metadata"]["name"])
        for data in controllers
    )


def _file(manifest: ManifestSource, supply: Supply, progress: Progress) -> Path:
    if manifest.file:
        return manifest.file
    if manifest.obtain:
        raise ClusterFailed(f"{manifest.place}: this CNI has no manifest to download; {manifest.obtain}")
    if manifest.sha256 == UNKNOWN:
        raise ClusterFailed(
            f"{manifest.place}: no checksum has been published for {manifest.url}, so it is not fetched; fetch it, "
            "read it, and give it with --cni-manifest FILE"
        )
    return fetch(manifest.url, manifest.sha256, cache_directory(), offline=supply.offline, progress=progress)


def _objects(file: Path) -> Iterator[JsonObject]:
    """The objects of a manifest; lists are opened. A CNI's manifest may be larger than any scenario's."""
    try:
        documents = list(yaml.load_all(file.read_text("utf-8"), Loader=_LOADER))
    except OSError as error:
        raise ClusterFailed(f"{file} cannot be read ({error.strerror}); name a file that is there") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ClusterFailed(f"{file} is not a manifest: {error}") from error
    for document in documents:
        if document is not None:
            yield from _checked(document, file)


def _checked(document: Any, file: Path) -> Iterator[JsonObject]:
    is_object = isinstance(document, Mapping) and {"apiVersion", "kind"} <= document.keys()
    if not is_object:
        raise ClusterFailed(
            f"{file} is not a manifest: a document has no apiVersion and kind; did a page come instead?"
        )
    if document["kind"] == "List":
        for item in document.get("items") or ():
            yield from _checked(item, file)
    elif not (document.get("metadata") or {}).get("name"):
        raise ClusterFailed(f"{file}: a {document['kind']} has no metadata.name")
    else:
        yield dict(document)
