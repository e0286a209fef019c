"""Manifests without a scenario.yaml, run as a scenario: ``pytest FOLDER --derive``, or ``pytest FILE --derive``."""

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
from netpol_harness.scenario.derive import derive, has_manifests


def is_derived(path: Path, config: pytest.Config) -> bool:
    """Return whether the command line names a folder or file that has manifests and no scenario.yaml."""
    return DERIVE.of(config) and path in _named(config) and has_manifests(path)


def show_tables(terminal: pytest.TerminalReporter) -> None:
    """Print the truth table that the policies of each such folder or file imply."""
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
    return [(here / argument.partition("::")[0]).resolve() for argument in config.args]
