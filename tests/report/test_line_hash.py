"""The hash of a line: the one of GitHub's action ``upload-sarif``."""

import pytest

from netpol_harness.report.line_hash import line_hashes


def test_an_empty_file_has_one_line() -> None:
    """The end of the file, then zeros: 0xffff * 37**99 modulo 2**64."""
    assert line_hashes("") == {1: f"{0xFFFF * pow(37, 99, 2**64) % 2**64:x}:1"}


@pytest.mark.parametrize("same", ["a: b\r\nc\r\n", "a: b\rc\r", "\ta:b\n  c\n"])
def test_spaces_and_the_form_of_line_ends_do_not_count(same: str) -> None:
    assert line_hashes(same) == line_hashes("a: b\nc\n")


def test_a_line_keeps_its_hash_if_lines_before_it_change() -> None:
    rest = "".join(f"key-{n}: value\n" for n in range(30))
    before, after = line_hashes("one\n" + rest), line_hashes("another\nand one\n" + rest)
    assert [before[n] for n in range(2, 32)] == [after[n + 1] for n in range(2, 32)]


def test_lines_that_begin_alike_for_100_characters_are_counted() -> None:
    long = "x" * 100
    hashes = line_hashes(f"{long}1\n{long}2\n")
    assert [hashes[n].partition(":")[2] for n in (1, 2)] == ["1", "2"]
    assert hashes[1].partition(":")[0] == hashes[2].partition(":")[0]


def test_characters_count_as_utf_16() -> None:
    """As in JavaScript, whose strings the action hashes."""
    units = (0xD83D, 0xDE00, 0xFFFF)
    expected = sum(unit * pow(37, 99 - n, 2**64) for n, unit in enumerate(units)) % 2**64
    assert line_hashes("\U0001f600") == {1: f"{expected:x}:1"}
