"""Images for the nodes: archives of ``docker save``, and the nodes that lack their images.

An archive names its images and the digests of their configurations (manifest.json), and so does a node. An image is
left out only if both agree: a tag alone may be that of another image.
"""

import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from netpol_harness.backends.kind.engine import Engine
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ClusterFailed

_SAVE_SECONDS = 600.0
_SECONDS = 30.0
_HUB = "docker.io"


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its full name and the digest of its configuration (hexadecimal)."""

    name: str
    configuration: str


def archive_of(engine: Engine, wanted: Path | str, directory: Path) -> Path:
    """Return the archive itself, or a new one in ``directory`` of an image of the engine.

    Raises ``ClusterFailed`` if the engine does not have the image.
    """
    if isinstance(wanted, Path):
        return wanted
    if wanted.startswith("-") or not engine.has_image(wanted):
        raise ClusterFailed(
            f"--netpol-load-image {wanted}: neither a file nor an image of {engine.program}; `{engine.program} pull` "
            f"it, or give an archive made by `{engine.program} save`"
        )
    file = directory / f"image-{re.sub(r'[^A-Za-z0-9.-]', '-', wanted)}.tar"
    engine("save", "--output", str(file), wanted, deadline=Deadline(_SAVE_SECONDS)).or_fail(
        f"the image {wanted} cannot be saved", "make sure that there is room on the disk"
    )
    return file


def images_in(archive: Path) -> frozenset[Image]:
    """Return the images of an archive; none if it does not have the format of ``docker save``."""
    try:
        with tarfile.open(archive) as tar, _member(tar, "manifest.json") as manifest:
            entries = json.load(manifest)
            return frozenset(
                Image(full_name(name), PurePosixPath(entry["Config"]).name.removesuffix(".json"))
                for entry in entries
                for name in entry.get("RepoTags") or ()
            )
    except (tarfile.TarError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError):
        return frozenset()


def lacking(engine: Engine, nodes: Sequence[str], wanted: frozenset[Image]) -> tuple[str, ...]:
    """Return the nodes that lack one of these images, or do not list theirs; all nodes if no images are known."""
    return tuple(node for node in nodes if not wanted or wanted - frozenset(_images_of(engine, node)))


def full_name(name: str) -> str:
    """Return ``docker.io/library/nginx:1`` for ``nginx:1``: nodes list images by their full names."""
    first, slash, _ = name.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        return name
    return f"{_HUB}/{name}" if slash else f"{_HUB}/library/{name}"


def _images_of(engine: Engine, node: str) -> Iterator[Image]:
    result = engine("exec", node, "crictl", "images", "--output", "json", deadline=Deadline(_SECONDS))
    for image in _listed(result.text) if result.ok else ():
        for name in image.get("repoTags") or ():
            yield Image(name, str(image.get("id") or "").removeprefix("sha256:"))


def _listed(text: str) -> Iterable[Mapping[str, Any]]:
    try:
        return list(json.loads(text)["images"])
    except (ValueError, KeyError, TypeError):
        return ()


def _member(tar: tarfile.TarFile, name: str) -> Any:
    """Open a file of the archive; raises ``KeyError`` if it does not exist or is not a file."""
    if (file := tar.extractfile(name)) is None:
        raise KeyError(name)
    return file
