"""The end of a run: truth tables of the steps where anything failed, and which dataplane all of it was seen on."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from statistics import median
from textwrap import fill
from typing import Any

import pytest
from _pytest._io import TerminalWriter

from netpol_harness.errors import HarnessError
from netpol_harness.escape import one_line
from netpol_harness.plugin.items import PathItem, ScenarioItem
from netpol_harness.plugin.lab import lab_of
from netpol_harness.plugin.options import CLUSTER
from netpol_harness.plugin.signals import was_terminated
from netpol_harness.report import LEGEND
from netpol_harness.report.fold import Grid
from netpol_harness.report.table import draw, wrong_grid
from netpol_harness.report.width import screen_width
from netpol_harness.results.table import TruthTable

_KEY = "netpol"
"""Attribute of a report: a dict of plain values, so that it survives the way from an xdist worker."""

_DRAWN = pytest.StashKey[object]()
"""What was seen of a step when its table was drawn."""

_WRONG = re.compile(r"(?<!\S)(?:\S≠\S|[.X]\?|!)(?!\S)")
"""Marks of cells that are not as expected."""


def header(config: pytest.Config) -> list[str]:
    """The first lines of a run: what is tested, and what should be tidied up."""
    lab = lab_of(config)
    left = lab.leftovers()
    remedy = f"remove them with `netpol gc --cluster {CLUSTER.of(config)}`"
    told = [f"netpol: leftovers of dead runs: {', '.join(left)}; {remedy}"] if left else []
    return [one_line(line) for line in (lab.header, *told)]


def save_logs(config: pytest.Config) -> None:
    """The cluster's logs for the report folder, by the process that owns the run, where there is time for it."""
    if not hasattr(config, "workerinput") and not was_terminated(config):
        with suppress(HarnessError):
            lab_of(config).collect_logs()


def attach_summary(report: pytest.TestReport, item: ScenarioItem) -> None:
    """Put the figures of a finished item on its report, or the table of its step if it is the first there to fail."""
    step = item.parent
    observation = getattr(step, "observation", None)
    if observation is None:
        return
    if report.failed:
        if step.stash.get(_DRAWN, None) is not observation:
            step.stash[_DRAWN] = observation
            table = TruthTable.of([*observation.path_results.values(), *observation.others])
            setattr(report, _KEY, {"step": step.nodeid, "table": asdict(wrong_grid(table))})
    elif report.when == "call" and report.passed and isinstance(item, PathItem):
        setattr(report, _KEY, dict(item.user_properties))


def summarize(terminal: pytest.TerminalReporter) -> None:
    """Print; nothing where no scenario ran."""
    told = list(_told(report for reports in terminal.stats.values() for report in reports))
    figures = [entry for entry in told if "outcome" in entry]
    for step, table in {entry["step"]: entry["table"] for entry in told if "table" in entry}.items():
        terminal.section(f"truth table of {step}", sep="-")
        _show(Grid.from_lists(**table), terminal.config.get_terminal_writer())
    if told:
        terminal.section("netpol", sep="-")
        for line in lab_of(terminal.config).closing:
            terminal.write_line(one_line(line))
    if figures:
        terminal.write_line(_figures(figures))


def _show(table: Grid, out: TerminalWriter) -> None:
    """Draw a table in the terminal's width, what is wrong in red."""
    width = screen_width()
    drawn = draw(table, width, unprobed="?")
    out.line(_WRONG.sub(lambda mark: out.markup(mark[0], red=True, bold=True), drawn))
    out.line(fill(LEGEND, width))


def _told(reports: Iterable[Any]) -> Iterator[dict[str, Any]]:
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
