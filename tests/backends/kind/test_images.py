"""Node images and the kind release that each needs."""

import pytest

from netpol_harness.backends.kind.images import PINNED, mismatch, node_image, parse_kind_version


def test_the_default_is_pinned() -> None:
    image = node_image("")
    assert image.name == f"kindest/node:v1.36.4@sha256:{PINNED['v1.36.4']}"
    assert (image.minor, image.is_pinned) == (36, True)


@pytest.mark.parametrize(
    ("asked", "prefix", "name", "minor"),
    [
        ("v1.35.8", "", f"kindest/node:v1.35.8@sha256:{PINNED['v1.35.8']}", 35),
        ("1.35.8", "reg:5000/x/", f"reg:5000/x/kindest/node:v1.35.8@sha256:{PINNED['v1.35.8']}", 35),
        ("v1.33.1", "", "kindest/node:v1.33.1", 33),
        ("own/node:v1.36.1-beta@sha256:abc", "reg", "own/node:v1.36.1-beta@sha256:abc", 36),
        ("reg:5000/node", "", "reg:5000/node", None),
        ("own:latest", "", "own:latest", None),
    ],
)
def test_images_of_the_option(asked: str, prefix: str, name: str, minor: int | None) -> None:
    image = node_image(asked, prefix)
    assert (image.name, image.minor) == (name, minor)


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("kind v0.33.0 go1.25.1 linux/amd64", (0, 33, 0)),
        ("kind version 0.31.0", (0, 31, 0)),
        ("kind v0.34.0-alpha+abc go1.26.0 linux/arm64", (0, 34, 0)),
        ("what?", None),
    ],
)
def test_versions_of_kind(output: str, version: tuple[int, int, int] | None) -> None:
    assert parse_kind_version(output) == version


@pytest.mark.parametrize(
    ("kind", "image", "expected"),
    [
        ((0, 33, 0), "v1.37.0", ""),
        ((0, 33, 0), "own:latest", ""),
        ((0, 34, 0), "own:v1.39.0", ""),
        ((0, 33, 1), "own:v1.38.0", "install kind v0.33.0 or newer"),
        ((0, 32, 0), "v1.37.0", "or use --kube-image kindest/node:v1.36.1@sha256:"),
        ((0, 31, 0), "v1.36.4", "or use --kube-image kindest/node:v1.35.0@sha256:"),
        ((0, 20, 0), "v1.35.8", "kind v0.20.0 is older than the node image"),
        ((0, 20, 0), "v1.34.11", ""),
    ],
)
def test_an_older_kind_cannot_drive_a_newer_image(kind: tuple[int, int, int], image: str, expected: str) -> None:
    why = mismatch(kind, node_image(image))
    assert expected in why
    assert bool(why) == bool(expected)
