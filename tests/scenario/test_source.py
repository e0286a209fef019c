"""Files to nodes."""

from pathlib import Path

import pytest

from netpol_harness.scenario.source import MAX_BYTES, read


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\nb: \xff", "f.yaml:2:4: the file is not UTF-8"),
        ("a: b".encode("utf-16"), "f.yaml:1:1: the file is not UTF-8"),
        (b"a: 1\nbc: \x00", r"f.yaml:2:5: the character '\x00' is not allowed"),
        (b"#" * (MAX_BYTES + 1), f"more than {MAX_BYTES}; split it"),
    ],
)
def test_bytes_that_are_not_yaml(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    nodes, (problem,) = read(file, "f.yaml")
    assert not nodes
    assert message in str(problem)


def test_what_is_not_a_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing", Path("/dev/zero")):
        assert "is not a file" in str(read(path, "f.yaml")[1][0])


def test_nodes_know_their_places(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("a:\n  - b: 1\n")
    ((node,), problems) = read(file, "f.yaml")
    assert not problems
    assert str(node.at("a").items[0].at("b").place) == "f.yaml:2:8"
    assert str(node.at("a", "nowhere", "else").place) == "f.yaml:2:3"
