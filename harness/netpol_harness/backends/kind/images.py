"""Node images: the pinned ones, the kind release that each needs, and the version in a name. Pure.

A node image belongs to a kind release: an older kind cannot drive a newer image (kubernetes-sigs/kind#3853).
"""

import re
from dataclasses import dataclass

PINNED = {
    "v1.37.0": "a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5",
    "v1.36.4": "099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed",
    "v1.35.8": "07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0",
    "v1.34.11": "44e222ee2132dab25ff87301682f89eb82c7880ea3a1bf543bfe9708fd08d67d",
}
"""Kubernetes version -> digest of kind v0.33.0's image for it."""

DEFAULT = "v1.36.4"
"""The newest Kubernetes that the pinned Calico supports."""

KIND = (0, 33, 0)
"""The kind release that the pinned images belong to."""

_OLDER = {
    (0, 32): "kindest/node:v1.36.1@sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5",
    (0, 31): "kindest/node:v1.35.0@sha256:452d707d4862f52530247495d180205e029056831160e22870e37e3f6c1ac31f",
}
"""Images of older kind releases."""

_NEWEST = {(0, 33): 37, (0, 32): 36, (0, 31): 35}
"""kind release -> the newest Kubernetes minor version that it can drive."""

_NEWEST_BEFORE = 34
NEEDS_CGROUP_2 = 35
"""From this Kubernetes minor version on, the kubelet refuses cgroup v1 unless it is configured to allow it."""

_VERSION = re.compile(r"v?1\.\d+\.\d+")
_TAG = re.compile(r":v?1\.(\d+)(\.\d+)?[^/:]*$")


@dataclass(frozen=True, slots=True)
class NodeImage:
    """A node image by name. ``minor`` is Kubernetes' minor version, ``None`` if the tag does not contain it."""

    name: str
    minor: int | None

    @property
    def is_pinned(self) -> bool:
        """Whether the name has a digest, so that it always means the same image."""
        return "@sha256:" in self.name


def node_image(image: str, prefix: str = "") -> NodeImage:
    """Return the node image of ``--kube-image``: an image, a pinned version (``v1.35.8``), or empty for the default.

    ``prefix`` is a registry with copies of the pinned images.
    """
    version = f"v{image.removeprefix('v')}" if _VERSION.fullmatch(image) else image or DEFAULT
    if version in PINNED:
        version = f"{prefix.rstrip('/') + '/' if prefix else ''}kindest/node:{version}@sha256:{PINNED[version]}"
    elif _VERSION.fullmatch(version):
        version = f"kindest/node:{version}"
    match = _TAG.search(version.partition("@")[0])
    return NodeImage(version, int(match[1]) if match else None)


def parse_kind_version(output: str) -> tuple[int, int, int] | None:
    """Return the version in ``kind v0.33.0 go1.25.1 linux/amd64``."""
    match = re.search(r"\bv?(\d+)\.(\d+)\.(\d+)", output)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def mismatch(kind: tuple[int, int, int], image: NodeImage) -> str:
    """Return why this kind cannot drive this image, with a remedy, as one sentence; empty if it can."""
    newer_than_known = kind[:2] > KIND[:2]
    if newer_than_known or image.minor is None or image.minor <= _NEWEST.get(kind[:2], _NEWEST_BEFORE):
        return ""
    older = _OLDER.get(kind[:2])
    instead = f", or use --kube-image {older}" if older else ""
    return (
        f"kind v{'.'.join(map(str, kind))} is older than the node image {image.name}; install kind "
        f"v{'.'.join(map(str, KIND))} or newer (kind.sigs.k8s.io){instead}"
    )
