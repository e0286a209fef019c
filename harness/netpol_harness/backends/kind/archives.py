"""Images for the nodes: out of archives that ``docker save`` wrote, and which nodes hold them already.

An archive names its images and their configurations by digest (manifest.json); a node tells the same of what it has.
Only where both agree is an image left out: a tag alone may mean other bits than it did.
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
    """An image by its full name and the digest of its configuration (hexadecimal)."""

    name: str
    configuration: str


def archive_of(engine: Engine, wanted: Path | str, directory: Path) -> Path:
    """The archive itself, or a new one in ``directory`` of an image that the engine has.

    Raises ``ClusterFailed`` where it does not have it.
    """
    if isinstance(wanted, Path):
        return wanted
    if wanted.startswith("-") or not engine.has_image(wanted):
        raise ClusterFailed(
            f"--netpol-load-image {wanted}: neither a file nor an image that {engine.program} has; `{engine.program} "
            f"pull` it, or name an archive made by `{engine.program} save`"
        )
    file = directory / f"image-{re.sub(r'[^A-Za-z0-9.-]', '-', wanted)}.tar"
    engine("save", "--output", str(file), wanted, deadline=Deadline(_SAVE_SECONDS)).or_fail(
        f"the image {wanted} cannot be saved", "see that there is room on the disk"
    )
    return file


def images_in(archive: Path) -> frozenset[Image]:
    """The images of an archive; none where it does not say so in the way of ``docker save``."""
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
    """The nodes that lack one of these images, or do not tell; all of them where it is not known what is wanted."""
    return tuple(node for node in nodes if not wanted or wanted - frozenset(_held(engine, node)))


def full_name(name: str) -> str:
    """``docker.io/library/nginx:1`` for ``nginx:1``: nodes know images by their whole names."""
    first, slash, _ = name.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        return name
    return f"{_HUB}/{name}" if slash else f"{_HUB}/library/{name}"


def _held(engine: Engine, node: str) -> Iterator[Image]:
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
    """A file of the archive, open; raises ``KeyError`` where it is not there, or is no file."""
    if (found := tar.extractfile(name)) is None:
        raise KeyError(name)
    return found
