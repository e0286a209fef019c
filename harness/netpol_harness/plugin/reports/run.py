"""``run.json``: what was tested, what came of it, and where the rest stands. Its form: ``run.schema.json``."""

import json
import os
from collections.abc import Mapping
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
from netpol_harness.plugin.reports.results import RESULTS, Results
from netpol_harness.plugin.reports.tested import began, properties, tested

VERSION = 1
"""Of the form; a change that can break a reader raises it."""

RUN_FILE = "run.json"
PAGE_FILE = "report.html"

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
"""Environment variable of GitHub's runners: the file whose Markdown is shown below the job."""


@cache
def schema() -> Mapping[str, Any]:
    """The JSON Schema (draft 2020-12) of ``run.json``."""
    loaded: Mapping[str, Any] = json.loads((files(__package__) / "run.schema.json").read_text(encoding="utf-8"))
    return loaded


def finish(config: pytest.Config, exitstatus: int) -> None:
    """At the end of a run that asked for a cluster: write down what was tested. Workers leave that to their controller.

    With ``--report-dir`` it gets its ``run.json``, also where there was no cluster to be had.
    """
    lab, reports, results = lab_of(config), config.stash[REPORTS], config.stash.get(RESULTS, None)
    if results is None or config.option.collectonly or not (began(lab) or reports.folder):
        return
    about = tested(lab)
    if xml := config.stash.get(xml_key, None):
        for name, text in properties(about).items():
            xml.add_global_property(name, text)
    steps = steps_of(reports.folder, lab.run) if reports.folder else {}
    document = run_document(about, results, exitstatus, {name: step["node"] for name, step in steps.items()})
    if reports.folder:
        reports.write(RUN_FILE, json.dumps(document, indent=1) + "\n")
        reports.write(PAGE_FILE, page(document, list(steps.values())))
    if place := os.environ.get(SUMMARY_VARIABLE):
        reports.append(Path(place), summary(document))


def run_document(
    about: Mapping[str, Any], results: Results, exitstatus: int, steps: Mapping[str, str]
) -> dict[str, Any]:
    """All of ``run.json``. ``about`` is of ``tested``; ``steps`` maps the names of files to the steps' node ids."""
    ended = datetime.now(UTC)
    return {
        "version": VERSION,
        **about,
        "started": results.started.isoformat(timespec="milliseconds"),
        "ended": ended.isoformat(timespec="milliseconds"),
        "seconds": round((ended - results.started).total_seconds(), 3),
        "exit_status": int(exitstatus),
        "counts": dict(results.counts),
        "steps": [{"node": node, "file": file} for file, node in steps.items()],
        "tests": [
            {"node": node, "outcome": r.outcome, "seconds": round(r.seconds, 4), "message": r.message}
            for node, r in results.tests.items()
        ],
    }


def steps_of(folder: Path, run: str) -> dict[str, Mapping[str, Any]]:
    """What this run has written of its steps into the folder, whichever of its processes did, by the files' names.

    Scenarios are in the order of their names, and steps in that of their scenario.
    """
    read = {file.name: _read(file) for file in folder.glob("*.json")}
    found = [(name, step) for name, step in read.items() if step.get("run") == run and "node" in step]
    return dict(sorted(found, key=lambda one: (one[1]["node"].rpartition("::")[0], one[1]["number"], one[0])))


def _read(file: Path) -> Mapping[str, Any]:
    """The JSON object in a file; an empty one where there is none, for anybody may have written there."""
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
