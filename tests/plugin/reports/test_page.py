"""``report.html`` in a real browser: what it shows, and that nobody's names run as a script or load anything."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from netpol_harness.plugin.reports.html.cells import cells_of
from netpol_harness.plugin.reports.html.graph import MAX_LINES, edges, groups
from netpol_harness.plugin.reports.html.page import page
from netpol_harness.report.layout import Grid, Name
from netpol_harness.report.layout.plain import layout

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

CHROMIUM = ("chromium", "google-chrome", "chromium-browser")
HOSTILE = (
    """</script></style><img src=x onerror="document.title='run'"><script>document.title='run'</script>'"&\x1b[2J"""
)
JUDGEMENTS = {"allowed": "CONNECTED", "blocked": "TIMED_OUT"}


def path(source: str, target: str, expected: str, outcome: str, **more: Any) -> dict[str, Any]:
    """A path of a step's file; whether it agrees follows from the two words."""
    judgement = "agrees" if JUDGEMENTS.get(expected, outcome) == outcome else "disagrees"
    record = {"from": source, "to": target, "expected": expected, "outcome": outcome, "judgement": judgement}
    return {**record, "story": [0, 1], **more}


def step(
    *paths: dict[str, Any],
    name: str = "closed",
    lines: tuple[str, ...] = ("a -> b", "  why: so"),
    grouped: bool = False,
) -> dict[str, Any]:
    """The file of a step. If its table is grouped, the group of a name is its first letter."""
    signs = {(cell["from"], cell["to"]): cell["outcome"] for cell in paths}
    texts = (dict.fromkeys(ends[side] for ends in signs) for side in (0, 1))
    rows, columns = ([Name(text, text[0] if grouped else "") for text in several] for several in texts)
    grid = Grid.of(rows, columns, signs, frozenset())
    return {
        "node": f"x::{name}",
        "scenario": "shop",
        "step": name,
        "title": "A shop",
        "asked": {"paths": len(paths), "denials": 1},
        "lines": lines,
        "paths": paths,
        "table": layout(grid),
    }


def run(*tests: dict[str, str], dataplane: str = "Calico") -> dict[str, Any]:
    node = {"name": "worker", "os": "Debian", "kernel": "6.12", "runtime": "containerd"}
    return {
        "run": "r",
        "harness": {"version": "1"},
        "cluster": {
            "backend": "kind",
            "why": "asked",
            "dataplane": dataplane,
            "cni": [{"name": "Calico", "version": "v3.32.2", "image": "calico/node:v3.32.2"}],
            "kubernetes": "v1.36.4",
            "nodes": [node],
            "trouble": "",
        },
        "canary": {"outcome": "passed", "told": ""},
        "started": "2026-11-29T01:02:03.000+00:00",
        "seconds": 12.3,
        "asked": {"paths": 12, "denials": 5},
        "warnings": [{"node": "x::open", "message": "nothing is denied"}],
        "counts": {"passed": 1, "failed": len(tests)},
        "tests": tests,
    }


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, which set-up for development installs on Debian; Ubuntu has no package of it."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(CHROMIUM)} is here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"], timeout=60_000)
        yield browser
        browser.close()


class Seen:
    """A page in the browser, the requests that it made beyond itself, and what its console said."""

    def __init__(self, browser: Browser, file: Path) -> None:
        self.requests: list[str] = []
        self.console: list[str] = []
        self.page: Page = browser.new_page()
        self.page.set_default_timeout(30_000)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.console.append(message.text))
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.goto(file.as_uri())
        self.requests.remove(file.as_uri())

    def evidence(self) -> str:
        """What the panel shows."""
        return self.page.locator("#evidence").inner_text()


def shown(browser: Browser, tmp_path: Path, document: str) -> Seen:
    file = tmp_path / "report.html"
    file.write_text(document)
    return Seen(browser, file)


def test_each_cell_shows_its_evidence(chromium: Browser, tmp_path: Path) -> None:
    cells = step(
        path("web", "db:80", "allowed", "CONNECTED", story=[0, 2]),
        path("web", "api:80", "blocked", "CONNECTED", story=[1, 3]),
        path("api", "db:80", "blocked", "TIMED_OUT", judgement="unproven"),
        lines=("web -> db:80: allowed", "web -> api:80: wrong", "  policy one", "  policy two"),
    )
    seen = shown(chromium, tmp_path, page(run(), [cells]))
    table = seen.page.locator("table.matrix")
    assert table.locator("tbody tr").all_inner_texts() == ["web\t●\t●≠✕", "api\t✕?\t"]
    assert table.locator("td.none").count() == 1
    text = seen.page.locator("body").inner_text()
    assert "A shop · 3 paths, 1 of them denied" in text
    assert "12 paths, 5 of them denied" in text
    assert "Nothing is denied in x::open: nothing is denied" in text
    assert not seen.page.locator("#evidence").is_visible()
    table.get_by_text("●≠✕").click()
    assert re.fullmatch(r"\S\s+web -> api:80: wrong\s+policy two", seen.evidence())
    table.get_by_text("●", exact=True).click()
    assert "policy one" in seen.evidence()
    seen.page.keyboard.press("Escape")
    assert not seen.page.locator("#evidence").is_visible()
    seen.page.locator("path.edge.wrong").click()
    assert "policy two" in seen.evidence()
    assert (seen.requests, seen.console) == ([], [])


def test_a_wide_table_is_folded_by_group_and_can_be_unfolded(chromium: Browser, tmp_path: Path) -> None:
    targets = [f"{group}{number}:80" for group in "ab" for number in range(10)]
    cells = step(
        *(path("a0", target, "allowed", "CONNECTED") for target in targets),
        *(path("b0", target, "blocked", "CONNECTED" if "b" in target else "TIMED_OUT") for target in targets),
        grouped=True,
    )
    seen = shown(chromium, tmp_path, page(run(), [cells]))
    folded, whole = seen.page.locator("table.matrix").all()
    assert folded.locator("thead tr").all_inner_texts() == ["\ta\tb", "from \\ to\ta0:80 +9\tb0:80 +9"]
    assert folded.locator("tbody tr").all_inner_texts() == ["a", "a0\t●\t●", "b", "b0\t✕\t●≠✕"]
    assert "a0:80 +9 = a: a0:80, a1:80," in seen.page.locator("ul.folds").inner_text()
    folded.get_by_text("●≠✕").click()
    assert "a -> b" in seen.evidence()
    assert not whole.is_visible()
    seen.page.get_by_text("unfolded").click()
    assert whole.locator("button").count() == 40
    assert seen.page.locator(".legend span").all_inner_texts() == [
        "● allowed",
        "✕ blocked",
        "●≠✕ observed allowed, expected blocked",
        "click a cell for its evidence",
    ]


def test_what_is_wrong_stands_open_and_first(chromium: Browser, tmp_path: Path) -> None:
    good = [step(path("a", "b:80", "allowed", "CONNECTED"), name=f"s{number}") for number in range(6)]
    bad = step(path("a", "b:80", "blocked", "CONNECTED"), name="bad")
    tests = [
        {"node": "x::open", "outcome": "skipped", "message": "no SCTP"},
        {"node": "x::bad", "outcome": "failed", "message": "expected blocked\n  because"},
    ]
    seen = shown(chromium, tmp_path, page(run(*tests), [*good, bad]))
    assert seen.page.locator("details.step[open] h3").all_inner_texts() == ["shop: bad"]
    assert seen.page.locator("details.test .word").all_inner_texts() == ["failed", "skipped"]
    assert "Calico v3.32.2 calico/node:v3.32.2" in seen.page.locator("dl").inner_text()
    assert "worker (Debian, 6.12, containerd)" in seen.page.locator("dl").inner_text()


def test_hostile_names_are_text_and_nothing_else(chromium: Browser, tmp_path: Path) -> None:
    cells = step(path(HOSTILE, HOSTILE + ":80", "blocked", "CONNECTED"), name=HOSTILE, lines=(HOSTILE, HOSTILE))
    cells.update({"scenario": HOSTILE, "title": HOSTILE, "node": HOSTILE})
    test = {"node": HOSTILE, "outcome": "failed", "message": HOSTILE}
    seen = shown(chromium, tmp_path, page(run(test, dataplane=HOSTILE), [cells]))
    seen.page.locator(".matrix button").click()
    assert "onerror" in seen.evidence()
    assert seen.page.title().startswith("netpol: ")
    assert seen.page.locator("img").count() == 0
    assert seen.page.locator("script").count() == 2
    assert "\x1b" not in seen.page.content()
    assert (seen.requests, seen.console) == ([], [])


def test_the_browser_itself_refuses_other_scripts_and_resources(chromium: Browser, tmp_path: Path) -> None:
    slipped = "<img src='https://example.org/x.png'><script>document.title='run'</script>"
    document = page(run(), []).replace("<main>", f"<main>{slipped}")
    seen = shown(chromium, tmp_path, document)
    assert seen.page.title().startswith("netpol: ")
    assert sum("Content Security Policy" in line for line in seen.console) == 2


def test_without_its_script_the_page_still_tells_what_is_wrong(chromium: Browser, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    test = {"node": "x::bad", "outcome": "failed", "message": "expected blocked\n  because"}
    file.write_text(page(run(test), [step(path("a", "b:80", "blocked", "CONNECTED"))]))
    view = chromium.new_page(java_script_enabled=False)
    view.goto(file.as_uri(), timeout=30_000)
    view.locator("details.test summary").click(timeout=30_000)
    assert "because" in view.locator("details.test pre").inner_text()
    assert view.locator(".matrix .wrong").inner_text() == "●≠✕"


def test_names_that_behave_alike_are_one_box_of_the_drawing() -> None:
    pods = [
        (f"p{number}", f"p{other}:80") for number in range(48) for other in range(48) if number // 24 == other // 24
    ]
    cells = cells_of(step(*(path(source, target, "allowed", "CONNECTED") for source, target in pods)))
    sources, targets = groups(cells, by_source=True), groups(cells, by_source=False)
    assert [len(group.names) for group in (*sources, *targets)] == [24] * 4
    assert sources[0].labels[-1] == "and 20 more"
    assert len(edges(cells, sources, targets)) == 2


def test_a_cell_that_was_not_asked_is_not_taken_for_another() -> None:
    allowed = ("allowed", "CONNECTED")
    cells = cells_of(step(path("a", "x:80", *allowed), path("b", "x:80", *allowed), path("b", "y:80", *allowed)))
    assert [group.names for group in groups(cells, by_source=True)] == [("a",), ("b",)]


def test_of_too_many_lines_only_the_wrong_ones_are_drawn() -> None:
    count = 30
    paths = [
        path(f"p{a}", f"q{b}:80", "blocked" if a == b else "allowed", "CONNECTED")
        for a in range(count)
        for b in range(count)
    ]
    cells = cells_of(step(*paths))
    assert len(cells) > MAX_LINES
    drawn = edges(cells, groups(cells, by_source=True), groups(cells, by_source=False))
    assert {edge.cell.judgement for edge in drawn} == {"disagrees"}


@pytest.mark.live
def test_a_run_writes_it_with_the_evidence_of_every_path(demo: "Demo", chromium: Browser) -> None:
    demo.edit("ip(front):80: blocked", "ip(front):80: allowed")
    demo.run("--report-dir", "report", "-n", "2", "demo").assert_outcomes(passed=3, failed=1)
    seen = Seen(chromium, demo.pytester.path / "report" / "report.html")
    assert seen.page.locator("details.step h3").all_inner_texts() == ["demo: open", "demo: closed"]
    told = []
    for number in range(seen.page.locator(".matrix button").count()):
        seen.page.locator(".matrix button").nth(number).click()
        told.append(seen.evidence())
    for part in ("expected", "evidence", "egress", "ingress", "oracle", "repeat     kubectl"):
        assert all(part in evidence for evidence in told)
    assert len(told) == 4
    assert any("deny (deny.yaml:1) isolates server for ingress" in evidence for evidence in told)
    (closed,) = (demo.pytester.path / "report").glob("demo.closed-*.json")
    assert json.loads(closed.read_text())["number"] == 2
    assert (seen.requests, seen.console) == ([], [])
