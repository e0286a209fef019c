"""Manifests without a scenario.yaml, run as a scenario: ``pytest FOLDER --derive``, or ``pytest FILE --derive``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from netpol_harness.analysis.predict import Predictor
from netpol_harness.analysis.table import VerdictTable
from netpol_harness.errors import ScenarioInvalid
from netpol_harness.escape import one_line
from netpol_harness.plugin.lab import profile_of
from netpol_harness.plugin.named import named_paths
from netpol_harness.report.table import predicted_text
from netpol_harness.report.width import screen_width
from netpol_harness.scenario.derive import derive, has_manifests
from netpol_harness.scenario.listing import manifests_below


class NotDerived(pytest.File):
    """A manifest that the command line names without --derive: an error of collection, which names the option."""

    def collect(self) -> Iterator[pytest.Item]:
        """Raise ``CollectError``."""
        raise self.CollectError(_remedy(self.path))


def not_derived(config: pytest.Config) -> Iterator[str]:
    """Yield a line for each folder of manifests that the command line names without --derive."""
    for path in named_paths(config):
        if path.is_dir() and has_manifests(path) and any(map(has_manifests, manifests_below(path))):
            yield _remedy(path)


def _remedy(path: Path) -> str:
    manifests = "holds manifests and no scenario.yaml" if path.is_dir() else "is a manifest, not a scenario.yaml"
    return f"netpol: {one_line(str(path))} {manifests}; add --netpol-derive to test what its policies say"


def show_tables(terminal: pytest.TerminalReporter) -> None:
    """Print the truth table that the policies of each such folder or file imply."""
    for path in named_paths(terminal.config):
        if has_manifests(path):
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
