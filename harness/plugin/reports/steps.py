"""The two files of a step in ``--report-dir``: its truth table for people, and what was seen as JSON for programs."""

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from harness.matrix.table import Finding, TruthTable
from harness.plugin.reports.files import REPORTS
from harness.report import LEGEND, render

if TYPE_CHECKING:
    from harness.plugin.items import StepNode

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


def write_step(node: "StepNode", run: str) -> None:
    """Write what was seen of a step, each time that it was entered."""
    reports = node.config.stash[REPORTS]
    if reports.folder is None:
        return
    findings = [*node.observation.findings.values(), *node.observation.others]
    record = {**_about(node, run), "paths": [_path(finding) for finding in findings]}
    head = "{scenario}: {step}\n{title}\n{cluster}: {dataplane}\n".format_map(record)
    name = stem(node.nodeid)
    reports.write(f"{name}.txt", f"{head}\n{render(TruthTable.of(findings))}\n{LEGEND}\n")
    reports.write(f"{name}.json", json.dumps(record, indent=1) + "\n")


def _about(node: "StepNode", run: str) -> dict[str, Any]:
    cluster, scenario = node.parent.stage.ground.cluster, node.parent.scenario
    return {
        "version": VERSION,
        "run": run,
        "node": node.nodeid,
        "scenario": scenario.name,
        "title": scenario.title,
        "step": node.step.name,
        "cluster": cluster.backend,
        "dataplane": cluster.dataplane,
    }


def _path(finding: Finding) -> dict[str, Any]:
    reply = finding.worst.evidence.last.reply
    return {
        "path": finding.expectation.path.text,
        "expected": finding.expected.value,
        "outcome": finding.outcome.value,
        "judgement": finding.judgement.value,
        "attempts": finding.attempts,
        "settled_after": finding.settled_after,
        "tool": str(reply.means),
        "detail": reply.detail,
        "command": reply.command,
    }
