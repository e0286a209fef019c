"""``run.json``: what was tested, and the results. Its format is ``run.schema.json``."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from _pytest.junitxml import xml_key  # the fixture record_testsuite_property is for tests; a plugin has this key alone

from netpol_harness.plugin.lab import lab_of
from netpol_harness.plugin.reports.files import REPORTS
from netpol_harness.plugin.reports.html.page import page
from netpol_harness.plugin.reports.markdown import summary
from netpol_harness.plugin.reports.metadata import flat_metadata, run_metadata, was_cluster_needed
from netpol_harness.plugin.reports.results import RESULTS, Results

VERSION = 1
"""Version of the format; raise it for a change that can break a reader."""

RUN_FILE = "run.json"
PAGE_FILE = "report.html"

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
"""Environment variable of GitHub's runners: a file of Markdown that is shown below the job."""


@cache
def schema() -> Mapping[str, Any]:
    """Return the JSON Schema (draft 2020-12) of ``run.json``."""
    loaded: Mapping[str, Any] = json.loads((files(__package__) / "run.schema.json").read_text(encoding="utf-8"))
    return loaded


def write_run_reports(config: pytest.Config, exitstatus: int) -> None:
    """Write the reports of a run that needed a cluster: ``run.json``, ``report.html``, and JUnit's properties.

    With ``--report-dir`` they are written even if there was no cluster. Workers leave that to their controller.
    """
    lab, reports, results = lab_of(config), config.stash[REPORTS], config.stash.get(RESULTS, None)
    if results is None or config.option.collectonly or not (was_cluster_needed(lab) or reports.folder):
        return
    metadata = run_metadata(lab)
    if xml := config.stash.get(xml_key, None):
        figures = {"netpol.paths": str(results.asked.paths), "netpol.denials": str(results.asked.denials)}
        for name, text in {**flat_metadata(metadata), **figures}.items():
            xml.add_global_property(name, text)
    steps = steps_of(reports.folder, lab.run) if reports.folder else {}
    document = run_document(metadata, results, exitstatus, {name: step["node"] for name, step in steps.items()})
    if reports.folder:
        reports.write(RUN_FILE, json.dumps(document, indent=1) + "\n")
        reports.write(PAGE_FILE, page(document, list(steps.values())))
    if place := os.environ.get(SUMMARY_VARIABLE):
        reports.append(Path(place), summary(document))


def run_document(
    metadata: Mapping[str, Any], results: Results, exitstatus: int, steps: Mapping[str, str]
) -> dict[str, Any]:
    """Return ``run.json``; ``metadata`` is that of ``run_metadata``, ``steps`` maps file names to node ids."""
    ended = datetime.now(UTC)
    return {
        "version": VERSION,
        **metadata,
        "started": results.started.isoformat(timespec="milliseconds"),
        "ended": ended.isoformat(timespec="milliseconds"),
        "seconds": round((ended - results.started).total_seconds(), 3),
        "exit_status": int(exitstatus),
        "counts": dict(results.counts),
        "asked": asdict(results.asked),
        "warnings": [{"node": node, "message": message} for node, message in results.warnings.items()],
        "steps": [{"node": node, "file": file} for file, node in steps.items()],
        "tests": [
            {"node": node, "outcome": r.outcome, "seconds": round(r.seconds, 4), "message": r.message}
            for node, r in results.tests.items()
        ],
    }


def steps_of(folder: Path, run: str) -> dict[str, Mapping[str, Any]]:
    """Return the JSON files of this run's steps, of all its processes, by file name.

    Scenarios are sorted by name, and steps in the order of their scenario.
    """
    documents = {file.name: _read(file) for file in folder.glob("*.json")}
    found = [(name, step) for name, step in documents.items() if step.get("run") == run and "node" in step]
    return dict(sorted(found, key=lambda item: (item[1]["node"].rpartition("::")[0], item[1]["number"], item[0])))


def _read(file: Path) -> Mapping[str, Any]:
    """Return the JSON object in a file; an empty one if there is none, because the folder may hold other files."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
