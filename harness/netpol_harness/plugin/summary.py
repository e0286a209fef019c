"""The summary at the end of a run: truth tables of steps with a failure, and the dataplane that was tested."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from _pytest._io import TerminalWriter

from netpol_harness.errors import HarnessError
from netpol_harness.escape import one_line
from netpol_harness.paths.arrangement import Arrangement
from netpol_harness.plugin.items import PathItem, ScenarioItem
from netpol_harness.plugin.lab import lab_of
from netpol_harness.plugin.notes import note_lines
from netpol_harness.plugin.options import CLUSTER
from netpol_harness.plugin.signals import was_terminated
from netpol_harness.report.layout import Grid, draw
from netpol_harness.report.table import observed_legend, wrong_grid
from netpol_harness.report.width import fitted, screen_width
from netpol_harness.results.asked import Asked
from netpol_harness.results.table import TruthTable
from netpol_harness.scenario.notices import notices

_KEY = "netpol"
"""Attribute of a report: a dict of plain values, which an xdist worker can send."""

_DRAWN = pytest.StashKey[object]()
"""The observation of a step whose table is drawn already."""

_WRONG = re.compile(r"(?<!\S)(?:\S≠\S|~\S|[.XDRN]\?|!)(?!\S)")
"""Matches the marks of cells that are not as expected."""


def header(config: pytest.Config, items: Iterable[pytest.Item] = ()) -> list[str]:
    """Return the first lines of a run: what is tested, what its files leave open, and the leftovers of dead runs."""
    lab = lab_of(config)
    leftovers = lab.leftovers()
    remedy = f"remove them with `netpol gc --cluster {CLUSTER.of(config)}`"
    notes = [f"netpol: leftovers of dead runs: {', '.join(leftovers)}; {remedy}"] if leftovers else []
    if (known := lab.known_deviations) and not config.option.runxfail:
        notes += [f"netpol: known deviations of this dataplane are expected to fail: {_shown(known, config)}"]
    return [one_line(line) for line in (lab.header, *notes, *_assumptions(items))]


def _assumptions(items: Iterable[pytest.Item]) -> Iterator[str]:
    """Yield what was assumed about each scenario's files. What the cluster lacks is known later, for the summary."""
    files = dict.fromkeys(item.parent.parent for item in items if isinstance(item, ScenarioItem))
    return (f"netpol: {file.nodeid}: {notice}" for file in files for notice in notices(file.scenario))


def _shown(file: Path, config: pytest.Config) -> str:
    """Return the path as the user may type it."""
    directory = config.invocation_params.dir
    return str(file.relative_to(directory) if file.is_relative_to(directory) else file)


def save_logs(config: pytest.Config) -> None:
    """Save the cluster's logs in the report folder, in the process that owns the run and if there is time for it."""
    if not hasattr(config, "workerinput") and not was_terminated(config):
        with suppress(HarnessError):
            lab_of(config).collect_logs()


def attach_summary(report: pytest.TestReport, item: ScenarioItem) -> None:
    """Attach what an item has asked to its report, its figures, and the table of its step if it is the first to fail.

    pytest makes three reports of an item: the one that tells its outcome has all of this.
    """
    if getattr(item.parent, "observation", None) is None or not (report.when == "call" or report.failed):
        return
    figures = dict(item.user_properties) if report.passed and isinstance(item, PathItem) else {}
    step = item.parent
    about = {"step": step.nodeid, "asked": asdict(item.asked), "warning": step.warning, "notices": step.notices}
    setattr(report, _KEY, {**about, **figures, **(_wrong_table(item) if report.failed else {})})


def _wrong_table(item: ScenarioItem) -> dict[str, Any]:
    """Return the table of an item's step, once for all items of the step."""
    step, observation = item.parent, item.parent.observation
    if step.stash.get(_DRAWN, None) is observation:
        return {}
    step.stash[_DRAWN] = observation
    table = TruthTable.of([*observation.path_results.values(), *observation.others])
    return {"table": asdict(wrong_grid(table, Arrangement(step.step.inventory)))}


def asked_by(report: Any) -> Asked:
    """Return what the item of a report has asked; nothing for reports of others."""
    return Asked(**getattr(report, _KEY, {}).get("asked", {}))


def warning_of(report: Any) -> tuple[str, str]:
    """Return the step of a report, and why its policies deny nothing; empty if they do."""
    entry = getattr(report, _KEY, {})
    return entry.get("step", ""), entry.get("warning", "")


def summarize(terminal: pytest.TerminalReporter) -> None:
    """Print the summary; nothing if no scenario was run."""
    reports = [report for of_outcome in terminal.stats.values() for report in of_outcome]
    entries = list(_entries(reports))
    figures = [entry for entry in entries if "outcome" in entry]
    for step, table in {entry["step"]: entry["table"] for entry in entries if "table" in entry}.items():
        terminal.section(f"truth table of {step}", sep="-")
        _show(Grid.from_plain(**table), terminal.config.get_terminal_writer())
    if entries:
        terminal.section("netpol", sep="-")
        for line in lab_of(terminal.config).closing:
            terminal.write_line(one_line(line))
        terminal.write_line(f"asked: {sum((Asked(**entry['asked']) for entry in entries), Asked())}")
    for notice in dict.fromkeys(notice for entry in entries for notice in entry["notices"]):
        terminal.write_line(fitted(one_line(notice), screen_width()))
    for step, warning in {entry["step"]: entry["warning"] for entry in entries if entry["warning"]}.items():
        terminal.write_line(fitted(one_line(f"WARNING: {step}: {warning}"), screen_width()), yellow=True, bold=True)
    if figures:
        terminal.write_line(_figures(figures))
    for line in note_lines(reports):
        terminal.write_line(line)


def _show(table: Grid, out: TerminalWriter) -> None:
    """Draw a table in the terminal's width, with its wrong cells in red."""
    width = screen_width()
    drawn = draw(table, width)
    out.line(_WRONG.sub(lambda mark: out.markup(mark[0], red=True, bold=True), drawn))
    out.line(observed_legend(table.occurring, width))


def _entries(reports: Iterable[Any]) -> Iterator[dict[str, Any]]:
    return (getattr(report, _KEY) for report in reports if hasattr(report, _KEY))


def _figures(figures: list[dict[str, Any]]) -> str:
    """``23 paths, 51 attempts (curl 6, nc 17), settled in 12 ms (median), 35 ms (slowest)``."""
    tools = ", ".join(f"{tool} {count}" for tool, count in sorted(Counter(f["tool"] for f in figures).items()))
    times = [1000 * f["settle_seconds"] for f in figures if "settle_seconds" in f] or [0.0]
    attempts = sum(f["attempts"] for f in figures)
    return (
        f"{len(figures)} paths as expected, {attempts} attempts ({tools}), "
        f"settled in {median(times):.0f} ms (median), {max(times):.0f} ms (slowest)"
    )
