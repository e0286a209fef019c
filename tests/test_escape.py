"""Text that would act on a terminal is escaped."""

import pytest

from netpol_harness.errors import ScenarioInvalid
from netpol_harness.escape import escaped, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web -> db:80\n\tblocked", "web -> db:80\n\tblocked"),
        ("Grüße, 日本語 😀 ≠ ─", "Grüße, 日本語 😀 ≠ ─"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("a\rb\x00\x7f\x9b31m\x85", r"a\rb\x00\x7f\x9b31m\x85"),
        ("\u202eevil\u2066\u200b\ufeff", r"\u202eevil\u2066\u200b\ufeff"),
        ("line\u2028line", r"line\u2028line"),
        ("\udcff", r"\udcff"),
    ],
)
def test_characters_that_act_on_a_terminal_are_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_one_line_stays_one_line() -> None:
    assert one_line("a\nb\tc\x1b") == r"a\nb\tc\x1b"


def test_every_error_is_safe_for_a_terminal() -> None:
    assert str(ScenarioInvalid(["a\x1b[31m", "b"])) == "a\\x1b[31m\nb"
