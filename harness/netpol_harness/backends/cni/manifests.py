"""Turn a definition into the objects to apply: fetch or read its manifests, patch them, and replace the registry."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from netpol_harness.backends.base import Progress, ignore
from netpol_harness.backends.cni.definition import UNKNOWN, CniDefinition, ManifestSource
from netpol_harness.backends.cni.fetch import cache_directory, fetch
from netpol_harness.backends.cni.patch import ObjectPattern, apply_patches, with_registry
from netpol_harness.errors import ClusterFailed
from netpol_harness.model.json_object import JsonObject
from netpol_harness.yaml_loader import safe_loader

_LOADER = safe_loader(without={"timestamp"})  # a date is a string, as in the API


@dataclass(frozen=True, slots=True)
class ManifestOverrides:
    """What the user changes. ``manifest`` replaces those of the definition; ``prefix`` is the registry of all images,
    empty for their own.
    """

    manifest: Path | None = None
    prefix: str = ""
    offline: bool = False


def load_objects(
    definition: CniDefinition, overrides: ManifestOverrides, family: str, progress: Progress = ignore
) -> list[JsonObject]:
    """Return the objects to apply, in order.

    Raises ``ClusterFailed`` if a manifest cannot be read or fetched, or if a patch does not match it.
    """
    if overrides.manifest and not definition.manifests:
        raise ClusterFailed(
            f"{definition.title} is installed by kind itself; leave --cni-manifest out, or choose a --cni"
        )
    files = (
        [overrides.manifest] if overrides.manifest else [_file(m, overrides, progress) for m in definition.manifests]
    )
    objects = apply_patches([data for file in files for data in _objects(file)], definition.patches, family)
    return with_registry(objects, overrides.prefix) if overrides.prefix else objects


def controllers_of(definition: CniDefinition, objects: list[JsonObject]) -> tuple[ObjectPattern, ...]:
    """Return the controllers to wait for: those of the definition, or else all of the manifests."""
    if definition.wait:
        return definition.wait
    kinds = ("DaemonSet", "Deployment")
    controllers = [data for data in objects if data["kind"] in kinds]
    return tuple(
        ObjectPattern(data["kind"], data["metadata"].get("namespace") or "default", data["metadata"]["name"])
        for data in controllers
    )


def _file(manifest: ManifestSource, overrides: ManifestOverrides, progress: Progress) -> Path:
    if manifest.file:
        return manifest.file
    if manifest.obtain:
        raise ClusterFailed(f"{manifest.location}: this CNI has no manifest to download; {manifest.obtain}")
    if manifest.sha256 == UNKNOWN:
        raise ClusterFailed(
            f"{manifest.location}: no checksum has been published for {manifest.url}, so it is not fetched; fetch it, "
            "read it, and pass it with --cni-manifest FILE"
        )
    return fetch(manifest.url, manifest.sha256, cache_directory(), offline=overrides.offline, progress=progress)


def _objects(file: Path) -> Iterator[JsonObject]:
    """Yield the objects of a manifest and of its lists. It may be larger than the manifests of scenarios."""
    try:
        documents = list(yaml.load_all(file.read_text("utf-8"), Loader=_LOADER))
    except OSError as error:
        raise ClusterFailed(f"{file} cannot be read ({error.strerror}); choose an existing file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ClusterFailed(f"{file} is not a manifest: {error}") from error
    for document in documents:
        if document is not None:
            yield from _validated(document, file)


def _validated(document: Any, file: Path) -> Iterator[JsonObject]:
    is_object = isinstance(document, Mapping) and {"apiVersion", "kind"} <= document.keys()
    if not is_object:
        raise ClusterFailed(f"{file} is not a manifest: a document has no apiVersion and kind; is it an HTML page?")
    if document["kind"] == "List":
        for item in document.get("items") or ():
            yield from _validated(item, file)
    elif not (document.get("metadata") or {}).get("name"):
        raise ClusterFailed(f"{file}: a {document['kind']} has no metadata.name")
    else:
        yield dict(document)
