"""A summary of ``run.json`` in Markdown, as CI shows it below a job (``GITHUB_STEP_SUMMARY``). Pure.

Names and messages are not trusted: every character with a meaning in Markdown or HTML is written as an entity.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netpol_harness.escape import escaped, one_line
from netpol_harness.results.asked import Asked

MAX_TESTS = 40
"""Tests of one outcome that are shown; GitHub refuses a summary of more than a megabyte."""

_MAX_MESSAGE = 4_000
"""Characters of one message."""

_PLAIN = re.compile(r"[^\w ,;/]", re.ASCII)
_SHOWN = (("failed", "Failed"), ("error", "Errors: the lab is broken"), ("xpassed", "Passed unexpectedly"))
_NAMES = {"error": "errors", "xfailed": "known deviations"}


def summary(run: Mapping[str, Any]) -> str:
    """Return the summary of a run."""
    parts = [f"## netpol: {_headline(run['counts'])}", *_warnings(run), _tested(run)]
    for outcome, title in _SHOWN:
        parts += _failures(title, [test for test in run["tests"] if test["outcome"] == outcome])
    parts += _known([test for test in run["tests"] if test["outcome"] == "xfailed"])
    return "\n\n".join(parts) + "\n\n"


def plain(text: str) -> str:
    """Return text as one line without any meaning in Markdown or HTML, also inside a table."""
    return _PLAIN.sub(lambda match: f"&#{ord(match[0])};" if match[0].isascii() else match[0], one_line(text))


def _headline(counts: Mapping[str, int]) -> str:
    """Return ``1 failed, 32 passed``, the worst first."""
    order = ("error", "failed", "xpassed", "xfailed", "skipped", "passed")
    parts = [f"{counts[outcome]} {_NAMES.get(outcome, outcome)}" for outcome in order if counts.get(outcome)]
    return ", ".join(parts) or "no tests"


def _warnings(run: Mapping[str, Any]) -> Iterator[str]:
    if error := run["cluster"]["trouble"]:
        yield f"**There was no cluster:** {plain(error)}"
    if run["canary"]["outcome"] == "failed":
        yield f"**The canary failed, so that no verdict means anything:** {plain(run['canary']['told'])}"
    for warning in run["warnings"]:
        yield f"**Nothing is denied in {plain(warning['node'])}:** {plain(warning['message'])}"
    if run["cluster"]["backend"] == "embedded":
        yield "This was the embedded cluster: it shows what the policies say, and nothing about any network plugin."


def _tested(run: Mapping[str, Any]) -> str:
    cluster, nodes = run["cluster"], run["cluster"]["nodes"]
    rows = {
        "backend": f"{cluster['backend']} ({cluster['why']})",
        "dataplane": cluster["dataplane"],
        "network plugin": ", ".join(f"{plugin['name']} {plugin['version']}".strip() for plugin in cluster["cni"]),
        "Kubernetes": cluster["kubernetes"],
        "nodes": str(len(nodes)) if nodes else "",
        "kernel": ", ".join(sorted({node["kernel"] for node in nodes})),
        "asked": str(Asked(**run["asked"])),
        "canary": " ".join(filter(None, [run["canary"]["outcome"], run["canary"]["told"]])),
        "harness": run["harness"]["version"],
        "run": f"{run['run']}, {run['seconds']:.0f} s from {run['started']}",
    }
    lines = [f"| {name} | {plain(text)} |" for name, text in rows.items() if text]
    return "\n".join(["| tested | |", "|---|---|", *lines])


def _failures(title: str, tests: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if tests:
        yield f"### {title} ({len(tests)})"
    for test in tests[:MAX_TESTS]:
        message = html.escape(escaped(test["message"][:_MAX_MESSAGE]))
        name = html.escape(one_line(test["node"]))
        yield f"<details><summary>{name}</summary>\n\n<pre>\n{message}\n</pre>\n\n</details>"
    if len(tests) > MAX_TESTS:
        yield f"... and {len(tests) - MAX_TESTS} more: see `run.json`"


def _known(tests: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if tests:
        rows = [f"| {plain(test['node'])} | {plain(test['message'][:_MAX_MESSAGE])} |" for test in tests[:MAX_TESTS]]
        rows += [f"| ... and {len(tests) - MAX_TESTS} more | |"] if len(tests) > MAX_TESTS else []
        yield f"### Known deviations ({len(tests)})"
        yield "\n".join(["| test | why it is expected to fail |", "|---|---|", *rows])
