"""The page: what was tested, the results, and each step with its table, its drawing and its evidence."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from netpol_harness.escape import escaped
from netpol_harness.plugin.reports.html.assets import SCRIPT, STYLE
from netpol_harness.plugin.reports.html.cells import PageCell, State, cells_of, shown, wrong_cells
from netpol_harness.plugin.reports.html.graph import drawing
from netpol_harness.plugin.reports.html.markup import data, document, element, raw
from netpol_harness.plugin.reports.html.matrix import Matrix
from netpol_harness.results.asked import Asked
from netpol_harness.results.marks import legend

Object = Mapping[str, Any]

_ORDER = ("error", "failed", "xpassed", "xfailed", "skipped", "passed")
_NAMES = {"error": "errors", "xfailed": "known deviations", "xpassed": "passed unexpectedly"}


def page(run: Object, steps: Sequence[Object]) -> str:
    """Return ``report.html``; ``run`` is run.json, ``steps`` are the JSON files of its steps."""
    main = element(
        "main",
        None,
        element("h1", None, f"netpol: {_headline(run)}"),
        element("p", {"class": "chips"}, *_chips(run["counts"])),
        *_notes(run),
        element("div", {"class": "card"}, element("dl", None, *_tested(run))),
        *_failures(run["tests"]),
        *_steps(steps),
    )
    stories = [
        {"lines": [escaped(line) for line in step["lines"]], "stories": [path["story"] for path in step["paths"]]}
        for step in steps
    ]
    body = element("body", None, main, _panel(), data("data", stories), raw("script", {}, SCRIPT))
    return document(element("html", {"lang": "en"}, _head(run), body))


def _head(run: Object) -> Element:
    """Return the head. Its content security policy allows no external resource, and only our script."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return element(
        "head",
        None,
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("title", None, f"netpol: {_headline(run)}"),
        raw("style", {}, STYLE),
    )


def _headline(run: Object) -> str:
    plugins = ", ".join(f"{plugin['name']} {plugin['version']}".strip() for plugin in run["cluster"]["cni"])
    return f"{plugins or run['cluster']['dataplane']}, {run['started'][:16].replace('T', ' ')} UTC"


def _chips(counts: Mapping[str, int]) -> Iterator[Element]:
    for word in _ORDER:
        if counts.get(word):
            yield element("span", {"class": word}, f"{counts[word]} {_NAMES.get(word, word)}")


def _notes(run: Object) -> Iterator[Element]:
    """Yield notes to read before any figure."""
    if error := run["cluster"]["trouble"]:
        yield element("p", {"class": "note"}, f"There was no cluster: {error}")
    if run["canary"]["outcome"] == "failed":
        yield element("p", {"class": "note"}, f"No verdict here means anything: {run['canary']['told']}")
    for warning in run["warnings"]:
        yield element("p", {"class": "note"}, f"Nothing is denied in {warning['node']}: {warning['message']}")
    if run["cluster"]["backend"] == "embedded":
        text = "This was the embedded cluster: it shows what the policies say, and nothing about any network plugin."
        yield element("p", {"class": "note"}, text)


def _tested(run: Object) -> Iterator[Element]:
    cluster, nodes = run["cluster"], run["cluster"]["nodes"]
    rows = {
        "backend": f"{cluster['backend']} ({cluster['why']})",
        "dataplane": cluster["dataplane"],
        "network plugin": ", ".join(
            " ".join(filter(None, [p["name"], p["version"], p["image"]])) for p in cluster["cni"]
        ),
        "Kubernetes": cluster["kubernetes"],
        "nodes": "; ".join(f"{n['name']} ({n['os']}, {n['kernel']}, {n['runtime']})" for n in nodes),
        "asked": str(Asked(**run["asked"])),
        "canary": ": ".join(filter(None, [run["canary"]["outcome"], run["canary"]["told"]])),
        "harness": run["harness"]["version"],
        "run": f"{run['run']}, {run['seconds']:.1f} s",
    }
    for name, text in rows.items():
        if text:
            yield from (element("dt", None, name), element("dd", None, text))


def _failures(tests: Sequence[Object]) -> Iterator[Element]:
    """Yield every test that did not pass, with its reason; the worst first."""
    failed = sorted((test for test in tests if test["outcome"] != "passed"), key=lambda t: _ORDER.index(t["outcome"]))
    if failed:
        yield element("h2", None, "Tests that did not pass")
    for test in failed:
        outcome = str(test["outcome"])
        word = element("span", {"class": f"word {outcome}"}, _NAMES.get(outcome, outcome))
        yield element(
            "details",
            {"class": "test"},
            element("summary", None, word, test["node"]),
            element("pre", None, test["message"]),
        )


def _steps(steps: Sequence[Object]) -> Iterator[Element]:
    if steps:
        yield element("h2", None, "Steps")
        states = {cell.mark: cell.state for step in steps for cell in cells_of(step)}
        entries = legend(states, unknown="not probed")
        chips = (element("span", {"class": states[entry.split(" ")[0]]}, shown(entry)) for entry in entries)
        yield element(
            "p", {"class": "legend"}, *chips, element("span", {"class": "soft"}, "click a cell for its evidence")
        )
    for number, step in enumerate(steps):
        cells = cells_of(step)
        attributes = {"class": "step", "data-step": str(number), **({"open": "open"} if _is_open(cells, steps) else {})}
        yield element("details", attributes, _summary(step, cells), *_content(step, cells))


def _is_open(cells: Sequence[PageCell], steps: Sequence[Object]) -> bool:
    """Return whether a step is unfolded at first: if a cell is wrong, or if the page is short."""
    return bool(wrong_cells(cells)) or len(steps) <= 4


def _summary(step: Object, cells: Sequence[PageCell]) -> Element:
    states = [cell.state for cell in cells]
    bad, unsure = states.count(State.WRONG), states.count(State.DOUBT)
    return element(
        "summary",
        None,
        element("h3", None, f"{step['scenario']}: {step['step']}"),
        element("span", {"class": "soft"}, f"{step['title']} · {Asked(**step['asked'])}"),
        *([element("span", {"class": "bad"}, f"{bad} wrong")] if bad else []),
        *([element("span", {"class": "unsure"}, f"{unsure} in doubt")] if unsure else []),
    )


def _content(step: Object, cells: Sequence[PageCell]) -> Iterator[Element]:
    yield element("div", {"class": "soft"}, step["node"])
    yield element(
        "div",
        {"class": "pictures"},
        element("div", {"class": "scroll"}, *Matrix(step["table"], cells).elements()),
        element("div", {"class": "scroll"}, drawing(cells, f"connections in step {step['step']}")),
    )


def _panel() -> Element:
    return element(
        "aside",
        {"id": "evidence", "hidden": "hidden", "aria-live": "polite"},
        element("button", {"id": "close", "type": "button", "aria-label": "close"}, "✕"),
        element("h4", None, ""),
        element("pre", None, ""),
    )
