"""Folders of manifests without a scenario.yaml, run as scenarios: ``pytest FOLDER --derive``."""

from pathlib import Path

import pytest

from netpol_harness.analysis.predict import Predictor
from netpol_harness.analysis.table import VerdictTable
from netpol_harness.errors import ScenarioInvalid
from netpol_harness.escape import one_line
from netpol_harness.plugin.lab import profile_of
from netpol_harness.plugin.options import DERIVE
from netpol_harness.report.table import predicted_text
from netpol_harness.report.width import screen_width
from netpol_harness.scenario import SCENARIO_FILE
from netpol_harness.scenario.load import derive, manifests_in


def is_derived(path: Path, config: pytest.Config) -> bool:
    """Return whether a folder is named on the command line, has manifests, and has no scenario.yaml in or below it."""
    return DERIVE.of(config) and path in _named(config) and _has_only_manifests(path)


def show_tables(terminal: pytest.TerminalReporter) -> None:
    """Print the truth table that the policies of each such folder imply."""
    for path in _named(terminal.config):
        if is_derived(path, terminal.config):
            terminal.section(f"truth table of {one_line(path.name)} by the {profile_of(terminal.config).name}", sep="-")
            terminal.write_line(_table(path, terminal.config))


def _table(path: Path, config: pytest.Config) -> str:
    try:
        scenario = derive(path)
    except ScenarioInvalid:
        return "the manifests cannot be read; see the collection error"
    predictor = Predictor(scenario, scenario.steps[0], profile_of(config))
    table = VerdictTable.of(predictor)
    return f"{predicted_text(table, screen_width())}\n{table.asked}"


def _named(config: pytest.Config) -> list[Path]:
    here = config.invocation_params.dir
    return [(here / argument).resolve() for argument in config.args]


def _has_only_manifests(path: Path) -> bool:
    return path.is_dir() and any(manifests_in(path)) and not any(path.rglob(SCENARIO_FILE))
