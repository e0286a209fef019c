"""A summary of ``run.json`` in Markdown, as CI shows it below a job (``GITHUB_STEP_SUMMARY``). Pure.

Names and messages come from others: in it every character that Markdown or HTML could read is an entity.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netpol_harness.escape import escaped, one_line

MOST = 40
"""Tests of one kind that are told; GitHub refuses a summary of more than a megabyte."""

_LONGEST = 4_000
"""Characters of one message."""

_PLAIN = re.compile(r"[^\w ,;/]", re.ASCII)
_TOLD = (("failed", "Failed"), ("error", "Errors: the lab is broken there"), ("xpassed", "Passed unexpectedly"))
_WORDS = {"error": "errors", "xfailed": "known deviations"}


def summary(run: Mapping[str, Any]) -> str:
    """The whole summary of a run."""
    parts = [f"## netpol: {_headline(run['counts'])}", *_warnings(run), _tested(run)]
    for outcome, title in _TOLD:
        parts += _stories(title, [test for test in run["tests"] if test["outcome"] == outcome])
    parts += _known([test for test in run["tests"] if test["outcome"] == "xfailed"])
    return "\n\n".join(parts) + "\n\n"


def plain(text: str) -> str:
    """Text that is nothing but text, in one line, also inside a table."""
    return _PLAIN.sub(lambda match: f"&#{ord(match[0])};" if match[0].isascii() else match[0], one_line(text))


def _headline(counts: Mapping[str, int]) -> str:
    """``1 failed, 32 passed``, the worst first."""
    order = ("error", "failed", "xpassed", "xfailed", "skipped", "passed")
    told = [f"{counts[word]} {_WORDS.get(word, word)}" for word in order if counts.get(word)]
    return ", ".join(told) or "no tests"


def _warnings(run: Mapping[str, Any]) -> Iterator[str]:
    if trouble := run["cluster"]["trouble"]:
        yield f"**There was no cluster:** {plain(trouble)}"
    if run["canary"]["outcome"] == "failed":
        yield f"**Policies have no effect there, so that no verdict means anything:** {plain(run['canary']['told'])}"
    if run["cluster"]["backend"] == "embedded":
        yield "This was the embedded cluster: it shows what the policies say, and nothing about any network plugin."


def _tested(run: Mapping[str, Any]) -> str:
    cluster, nodes = run["cluster"], run["cluster"]["nodes"]
    rows = {
        "backend": f"{cluster['backend']} ({cluster['why']})",
        "dataplane": cluster["dataplane"],
        "network plugin": ", ".join(f"{one['name']} {one['version']}".strip() for one in cluster["cni"]),
        "Kubernetes": cluster["kubernetes"],
        "nodes": str(len(nodes)) if nodes else "",
        "kernel": ", ".join(sorted({node["kernel"] for node in nodes})),
        "canary": " ".join(filter(None, [run["canary"]["outcome"], run["canary"]["told"]])),
        "harness": run["harness"]["version"],
        "run": f"{run['run']}, {run['seconds']:.0f} s from {run['started']}",
    }
    lines = [f"| {name} | {plain(text)} |" for name, text in rows.items() if text]
    return "\n".join(["| tested | |", "|---|---|", *lines])


def _stories(title: str, tests: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if tests:
        yield f"### {title} ({len(tests)})"
    for test in tests[:MOST]:
        message = html.escape(escaped(test["message"][:_LONGEST]))
        name = html.escape(one_line(test["node"]))
        yield f"<details><summary>{name}</summary>\n\n<pre>\n{message}\n</pre>\n\n</details>"
    if len(tests) > MOST:
        yield f"... and {len(tests) - MOST} more: see `run.json`"


def _known(tests: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if tests:
        rows = [f"| {plain(test['node'])} | {plain(test['message'][:_LONGEST])} |" for test in tests[:MOST]]
        rows += [f"| ... and {len(tests) - MOST} more | |"] if len(tests) > MOST else []
        yield f"### Known deviations ({len(tests)})"
        yield "\n".join(["| test | why it is expected to fail |", "|---|---|", *rows])
