"""Print the truth table that a scenario's policies make by the specification, one for each step: who asks, downwards;
what is asked, across. Needs no cluster.

  .  allowed    X  blocked    N  the name does not resolve    ?  left open by the specification, or not to be known
"""

import argparse

from harness.cli.output import tell
from harness.cli.reading import declare, profile_of, scenario_of, steps_of
from harness.model.oracle.points import Profile
from harness.reasoning.derive import Outlook
from harness.reasoning.table import LEGEND, WordTable
from harness.report import grid
from harness.scenario.scenario import Scenario, Step

_UNFOLDED = 10_000


def add(command: argparse.ArgumentParser) -> None:
    """The scenario, the step and the profile."""
    declare(command, step="only this step")


def run(given: argparse.Namespace) -> int:
    """Print the tables."""
    scenario, profile = scenario_of(given), profile_of(given)
    tables = [_table(scenario, step, profile) for step in steps_of(given, scenario)]
    tell("\n\n".join([*tables, LEGEND]) + "\n")
    return 0


def _table(scenario: Scenario, step: Step, profile: Profile) -> str:
    table = WordTable.of(Outlook(scenario, step, profile))
    return f"step {step.name} ({step.where})\n{grid(table.rows, table.columns, table.glyph, _UNFOLDED)}"
