"""The two files of a step in ``--report-dir``: its truth table for people, and what was seen as JSON for programs."""

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from netpol_harness.lab import Lab
from netpol_harness.plugin.reports.files import REPORTS
from netpol_harness.plugin.reports.tested import properties, tested
from netpol_harness.report import LEGEND, render
from netpol_harness.report.story import detail_of
from netpol_harness.results.table import PathResult, TruthTable

if TYPE_CHECKING:
    from netpol_harness.plugin.nodes import StepNode

VERSION = 1
"""Of the JSON's form; a change that can break a reader raises it."""

_LONGEST = 120
"""Characters of a file's name that come from the node id; file systems allow 255 bytes."""


def stem(nodeid: str) -> str:
    """A file name for a node id: readable, and another one for every other id.

    ``scenarios.three_tier.with-dns-1f0c52d8`` stands for ``scenarios/three_tier/scenario.yaml::with-dns``.
    """
    readable = re.sub(r"[^A-Za-z0-9_-]+", ".", nodeid.replace("/scenario.yaml::", "."))
    return f"{readable.strip('.')[-_LONGEST:]}-{hashlib.sha256(nodeid.encode()).hexdigest()[:8]}"


def write_step(node: "StepNode", lab: Lab) -> None:
    """Write what was tested and what was seen of a step, each time that it was entered."""
    reports = node.config.stash[REPORTS]
    if reports.folder is None:
        return
    path_results = [*node.observation.path_results.values(), *node.observation.others]
    about = tested(lab)
    lines: dict[str, int] = {}
    paths = [{**_path(path_result), "story": _story(node, path_result, lines)} for path_result in path_results]
    record = {**_about(node), **about, "paths": paths, "lines": list(lines)}
    head = f"{record['scenario']}: {record['step']}\n{record['title']}\n{_tested(about)}\n"
    name = stem(_identity(node))
    reports.write(f"{name}.txt", f"{head}\n{render(TruthTable.of(path_results))}\n{LEGEND}\n")
    reports.write(f"{name}.json", json.dumps(record, indent=1) + "\n")


def _identity(node: "StepNode") -> str:
    """The node id; that of a file outside of pytest's root directory is without its folder, and so not unique."""
    inside = node.path.is_relative_to(node.config.rootpath)
    return node.nodeid if inside else f"{node.path.as_posix()}::{node.step.name}"


def _about(node: "StepNode") -> dict[str, Any]:
    scenario = node.parent.scenario
    return {
        "version": VERSION,
        "number": [step.name for step in scenario.steps].index(node.step.name) + 1,
        "node": node.nodeid,
        "scenario": scenario.name,
        "title": scenario.title,
        "step": node.step.name,
    }


def _tested(about: dict[str, Any]) -> str:
    """``kind: Calico ..., Kubernetes v1.36.4, 3 nodes, canary passed``."""
    told = properties(about)
    known = {
        "Kubernetes": told.get("netpol.kubernetes"),
        "nodes:": told.get("netpol.nodes"),
        "canary": about["canary"]["outcome"],
    }
    more = ", ".join(f"{word} {text}" for word, text in known.items() if text)
    return f"{about['cluster']['backend']}: {about['cluster']['dataplane']}\n{more}"


def _path(path_result: PathResult) -> dict[str, Any]:
    evidence = path_result.worst.evidence
    reply = evidence.decisive.reply
    return {
        "path": path_result.expectation.path.text,
        "from": path_result.source,
        "to": path_result.target,
        "expected": path_result.expected.value,
        "outcome": path_result.outcome.value,
        "judgement": path_result.judgement.value,
        "attempts": path_result.attempts,
        "settled_after": path_result.settled_after,
        "tool": str(reply.tool_and_container),
        "detail": detail_of(evidence),
        "command": reply.command,
    }


def _story(node: "StepNode", path_result: PathResult, lines: dict[str, int]) -> list[int]:
    """Evidence and reasons of a finding, by the numbers of their lines: most lines are those of other findings too."""
    return [lines.setdefault(line, len(lines)) for line in node.story(path_result).text.split("\n")]
