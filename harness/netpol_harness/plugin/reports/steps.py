"""The two files of a step in ``--report-dir``: the truth table for people, and the results as JSON for programs."""

import hashlib
import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from netpol_harness.lab import Lab
from netpol_harness.paths.arrangement import Arrangement
from netpol_harness.plugin.reports.files import REPORTS
from netpol_harness.plugin.reports.metadata import flat_metadata, run_metadata
from netpol_harness.report.layout.plain import layout
from netpol_harness.report.message import detail_of
from netpol_harness.report.table import observed_grid, observed_text
from netpol_harness.results.asked import Asked
from netpol_harness.results.table import PathResult, TruthTable

if TYPE_CHECKING:
    from netpol_harness.plugin.nodes import StepNode

VERSION = 1
"""Version of the JSON's format; raise it for a change that can break a reader."""

_MAX_NAME = 120
"""Characters of the node id in a file's name; file systems allow 255 bytes."""


def stem(nodeid: str) -> str:
    """Return a readable file name, without extension, that is unique to a node id.

    ``scenarios/three_tier/scenario.yaml::with-dns`` gives ``scenarios.three_tier.with-dns-1f0c52d8``.
    """
    readable = re.sub(r"[^A-Za-z0-9_-]+", ".", nodeid.replace("/scenario.yaml::", "."))
    return f"{readable.strip('.')[-_MAX_NAME:]}-{hashlib.sha256(nodeid.encode()).hexdigest()[:8]}"


def write_step(node: "StepNode", lab: Lab) -> None:
    """Write the two files of a step."""
    reports = node.config.stash[REPORTS]
    if reports.folder is None:
        return
    arrangement = Arrangement(node.step.inventory)
    path_results = [*node.observation.path_results.values(), *node.observation.others]
    asked = Asked.of(path_result.expected for path_result in path_results)
    about = {**_about(node), "asked": asdict(asked), "warning": node.warning}
    metadata = run_metadata(lab)
    lines: dict[str, int] = {}
    paths = [{**_path(path_result), "story": _line_numbers(node, path_result, lines)} for path_result in path_results]
    table = TruthTable.of(path_results)
    layout_of_table = layout(observed_grid(table, arrangement))
    record = {**about, **metadata, "table": layout_of_table, "paths": paths, "lines": list(lines)}
    head = f"{record['scenario']}: {record['step']}\n{record['title']}\n{_headline(metadata)}\n{asked}\n"
    head += f"WARNING: {node.warning}\n" if node.warning else ""
    name = stem(_identity(node))
    reports.write(f"{name}.txt", f"{head}\n{observed_text(table, arrangement)}\n")
    reports.write(f"{name}.json", json.dumps(record, indent=1) + "\n")


def _identity(node: "StepNode") -> str:
    """Return the node id; for a file outside pytest's root directory its path, because its node id is not unique."""
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


def _headline(metadata: dict[str, Any]) -> str:
    """``kind: Calico ..., Kubernetes v1.36.4, 3 nodes, canary passed``."""
    flat = flat_metadata(metadata)
    known = {
        "Kubernetes": flat.get("netpol.kubernetes"),
        "nodes:": flat.get("netpol.nodes"),
        "canary": metadata["canary"]["outcome"],
    }
    more = ", ".join(f"{word} {text}" for word, text in known.items() if text)
    return f"{metadata['cluster']['backend']}: {metadata['cluster']['dataplane']}\n{more}"


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


def _line_numbers(node: "StepNode", path_result: PathResult, lines: dict[str, int]) -> list[int]:
    """Return the numbers of a message's lines in ``lines``: most lines are shared with other results."""
    return [lines.setdefault(line, len(lines)) for line in node.message(path_result).text.split("\n")]
