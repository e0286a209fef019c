"""Files to nodes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.scenario.compose import MAX_NODES, Composer, Unreadable
from netpol_harness.scenario.source import MAX_BYTES, Documents, parse, read


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


LINES = st.sampled_from(
    [
        *("---", "--- # comment", "--- {a: 1}", "---\t", "----", " ---", "...", "%YAML 1.1", "# only a comment", ""),
        *(
            "a: 1",
            "b: [1,",
            "  2]",
            "c: 'not",
            "d: |",
            "  text",
            "e: &x {k: 1}",
            "f: *x",
            "a: twice",
            "\ta: tab",
            "<<: 1",
        ),
        *("g: one\rh: two", "i: \x85j: 1", 'k: "', "l: !!binary x"),
    ]
)


def whole(text: str) -> Documents:
    composer = Composer(text, "f.yaml")
    try:
        return tuple(composer.documents()), tuple(composer.problems)
    except Unreadable as error:
        return (), (error.problem,)


@given(st.lists(LINES, max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_documents_that_are_read_one_by_one_are_those_of_the_whole_file(lines: list[str], end: str) -> None:
    text = "".join(line + end for line in lines)
    assert parse(text, "f.yaml") == whole(text)


def test_an_unchanged_document_is_read_once() -> None:
    (one, old), _ = parse("a: 1\n---\nb: 1\n", "f.yaml")
    (other, new), _ = parse("a: 1\n---\nb: 2\n", "f.yaml")
    assert one is other
    assert (old.at("b").value, new.at("b").value) == (1, 2)


def test_the_same_document_elsewhere_has_another_place() -> None:
    (_, first), _ = parse("a: 1\n---\nb: 1\n", "f.yaml")
    (_, second), _ = parse("a: 1\n\n---\nb: 1\n", "f.yaml")
    assert (str(first.at("b").place), str(second.at("b").place)) == ("f.yaml:3:4", "f.yaml:4:4")


def test_the_values_of_all_documents_are_counted_together() -> None:
    document = f"- [{'x,' * (MAX_NODES // 2)}]\n"
    (problem,) = parse("---\n".join([document] * 3), "f.yaml")[1]
    assert f"more than {MAX_NODES} values" in str(problem)
