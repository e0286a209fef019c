"""The summary in Markdown: what it says, and that nobody's names can say more."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from markdown_it import MarkdownIt

from netpol_harness.plugin.reports.markdown import MAX_TESTS, summary

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

HOSTILE = '<script>alert(1)</script>|x](javascript:1)`**</pre></details>"&amp;\x1b[2J\n# head'


def run(*tests: tuple[str, str, str], **cluster: str) -> dict[str, Any]:
    """A run.json with these node ids, outcomes and messages."""
    words = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
    about = {
        "backend": "kind",
        "why": "asked",
        "dataplane": "Calico",
        "kubernetes": "v1.36.4",
        "trouble": "",
        **cluster,
    }
    node = {"name": "n", "kernel": "6.12"}
    return {
        "run": "r",
        "harness": {"version": "1"},
        "cluster": {**about, **cluster, "cni": [{"name": "Calico", "version": "v3.32.2"}], "nodes": [node, node]},
        "canary": {"outcome": "passed", "told": "policies have effect"},
        "started": "2026-11-29T01:02:03+00:00",
        "seconds": 12.3,
        "asked": {"paths": 12, "denials": 5},
        "warnings": [],
        "counts": {word: sum(test[1] == word for test in tests) for word in words},
        "tests": [{"node": node, "outcome": outcome, "message": message} for node, outcome, message in tests],
    }


def rendered(text: str) -> str:
    """As GitHub would: tables, and the HTML that the text holds."""
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def test_it_says_what_was_tested_and_what_came_of_it() -> None:
    page = rendered(
        summary(run(("a", "failed", "expected x\n\n  because"), ("b", "passed", ""), ("c", "xfailed", "known: y")))
    )
    assert "netpol: 1 failed, 1 known deviations, 1 passed" in page
    for part in ("Calico v3.32.2", "v1.36.4", "<td>2</td>", "6.12", "passed policies have effect"):
        assert part in page
    assert "<summary>a</summary>" in page
    assert "expected x\n\n  because" in page
    assert re.search(r"<td>c</td>\s*<td>known: y</td>", page)


def test_it_says_how_many_denials_were_asked_and_warns_where_there_were_none() -> None:
    page = rendered(summary({**run(), "warnings": [{"node": "d::derived", "message": "own selects <no> pod"}]}))
    assert "12 paths, 5 of them denied" in page
    assert "<strong>Nothing is denied in d::derived:</strong> own selects &lt;no&gt; pod" in page


def test_a_broken_lab_is_said_first() -> None:
    assert "There was no cluster:</strong> no docker" in rendered(summary(run(trouble="no docker")))
    assert "nothing about any network plugin" in summary(run(backend="embedded"))


@pytest.mark.parametrize("outcome", ["failed", "error", "xfailed", "xpassed"])
def test_hostile_names_are_text(outcome: str) -> None:
    text = summary(run((HOSTILE, outcome, HOSTILE), dataplane=HOSTILE, trouble=HOSTILE))
    page = rendered(text)
    tags = set(re.findall(r"</?([a-z0-9]+)", page))
    assert tags <= {"h2", "h3", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre"}
    assert page.count("<details>") == page.count("</details>") == (outcome != "xfailed")
    assert page.count("<h") == 1 + 1
    assert "\x1b" not in page


def test_it_stays_small() -> None:
    many = [(f"t{number}" + "x" * 200, "failed", "<" * 100_000) for number in range(2000)]
    text = summary(run(*many))
    assert len(text) < 1_000_000
    assert f"and {2000 - MAX_TESTS} more" in text


@pytest.mark.live
def test_a_run_appends_it_to_the_file_that_ci_names(
    demo: "Demo", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    demo.run("-n", "2", "demo").assert_outcomes(passed=4)
    text = file.read_text()
    assert text.startswith("before\n")
    assert text.count("## netpol: 4 passed") == 1
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/dev/full")
    result = demo.run("-k", "http", "demo")
    result.assert_outcomes(passed=1, deselected=3)
    assert result.ret == 0
    assert "report not written: /dev/full: No space left on device" in result.stdout.str()
