"""Print the truth table that a scenario's policies make by the specification, one for each step: who asks, downwards;
what is asked, across. Needs no cluster.

  .  allowed    X  blocked    N  the name does not resolve    ?  left open by the specification, or not to be known
"""

import argparse
from collections.abc import Callable, Mapping, Sequence

from netpol_harness.analysis.predict import Predictor
from netpol_harness.analysis.table import LEGEND, WordTable
from netpol_harness.cli.output import tell
from netpol_harness.cli.scenarios import declare, profile_of, scenario_of, steps_of
from netpol_harness.report import grid
from netpol_harness.report.width import output_width
from netpol_harness.report.words import StepTable, as_json, comma_separated, html, markdown


def add(command: argparse.ArgumentParser) -> None:
    """The scenario, the step, the profile and the form."""
    declare(command, step="only this step")
    command.add_argument(
        "-o",
        "--output",
        choices=list(_FORMS),
        default="text",
        help="text (default, folded to the terminal's width), Markdown, CSV with a line for each path, JSON or HTML",
    )


def run(given: argparse.Namespace) -> int:
    """Print the tables."""
    scenario, profile = scenario_of(given), profile_of(given)
    tables = [
        StepTable(step.name, step.where, WordTable.of(Predictor(scenario, step, profile)))
        for step in steps_of(given, scenario)
    ]
    tell(_FORMS[given.output](tables))
    return 0


def _text(tables: Sequence[StepTable]) -> str:
    width = output_width()
    drawn = (f"{one.title}\n{grid(one.table.rows, one.table.columns, one.table.glyph, width)}" for one in tables)
    return "\n\n".join([*drawn, LEGEND]) + "\n"


_FORMS: Mapping[str, Callable[[Sequence[StepTable]], str]] = {
    "text": _text,
    "md": markdown,
    "csv": comma_separated,
    "json": as_json,
    "html": html,
}
