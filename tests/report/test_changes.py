import json

from netpol_harness.report.changes import StepChanges, as_json, as_markdown, as_text
from tests.analysis.changes.test_groups import change


def test_ten_thousand_changes_are_a_page() -> None:
    """One group of a rectangle, and many small ones."""
    many = [change(f"client-{s}", f"server-{t}", "rule 1") for s in range(90) for t in range(100)]
    scattered = [change(f"client-{n}", f"server-{n}", f"rule {n}") for n in range(2, 1002)]
    text = as_text([StepChanges("derived", (*many, *scattered), compared=20000)], 100)
    lines = text.splitlines()
    assert len(lines) <= 40
    assert lines[0] == "step derived: 10000 become reachable (of 20000)"
    assert "client-0, client-1, client-2, client-3, client-4, client-5, 84 more" in text
    assert lines[-1] == "  ... and 994 more groups with 994 paths; -o json lists every path"
    assert max(map(len, lines)) <= 100


def test_nothing_is_said_in_one_line() -> None:
    assert as_text([StepChanges("all", (), 0, 9)], None) == "step all: no path changes (of 9)\n"
    assert as_text([StepChanges("all", (), 3, 9)], None) == "step all: 3 accepted (of 9)\n"


def test_what_may_have_changed_unseen_is_counted() -> None:
    told = as_text([StepChanges("all", (), 0, 9, 4)], None)
    assert told == "step all: no path changes (of 9; 4 of them undefined on both sides)\n"


def test_markdown_is_a_table_whose_cells_are_escaped() -> None:
    text = as_markdown([StepChanges("all", (change("web", "db", "a|b"),))])
    assert "| opened (blocked -> allowed), 1 path | `web -> db:80` | a\\|b |" in text


def test_markdown_mentions_nobody_and_fits_a_comment() -> None:
    text = as_markdown([StepChanges("all", (change("web", "db", "by @team <b>*all*"),))])
    assert "by &#64;team &lt;b&gt;\\*all\\*" in text
    changes = tuple(change(f"c{n}", f"s{n}", f"rule {n} " + "x" * 900) for n in range(7))
    text = as_markdown([StepChanges(f"step {n}", changes) for n in range(20)])
    assert len(text) <= 65_000
    assert text.endswith("too long for a comment; -o json lists every path\n")


def test_json_has_every_path() -> None:
    (step,) = json.loads(as_json([StepChanges("all", (change("web", "db", "why"),), 2)]))
    assert step["accepted"] == 2
    assert step["changes"] == [
        {
            "effect": "opened",
            "source": "web",
            "target": "db:80",
            "before": "blocked",
            "after": "allowed",
            "reasons": ["why"],
            "places": [],
        }
    ]
