"""Print the truth table of each step that a scenario's policies imply: rows are sources, columns are targets. Needs no
cluster.

  .  allowed    X  blocked    N  the name does not resolve    ?  left open by the specification, or unknown

Targets stand by namespace, each Service before the workloads behind it. A table that is wider than the terminal has its
equal rows and columns folded; a key below it lists them. Lines with '?' tell why verdicts are open, and what would
decide them. Notes name what matches nothing in any step, such as a policy
that selects no pod; formats other than text leave them to standard error.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence

from netpol_harness.analysis.denials import nothing_denied
from netpol_harness.analysis.notes.all_notes import notes_on
from netpol_harness.analysis.open_reasons import open_reasons
from netpol_harness.analysis.predict import Predictor
from netpol_harness.analysis.table import VerdictTable
from netpol_harness.cli.output import print_aside, print_text
from netpol_harness.cli.scenarios import declare, profile_of, scenario_of, steps_of
from netpol_harness.report.formats import StepTable, as_json, comma_separated, html, markdown
from netpol_harness.report.layout import draw
from netpol_harness.report.notes import notes_text
from netpol_harness.report.table import predicted_legend
from netpol_harness.report.width import fitted, output_width


def add(command: argparse.ArgumentParser) -> None:
    """Declare the scenario, the step, the profile and the output format."""
    declare(command, step="print only this step's table")
    command.add_argument(
        "-o",
        "--output",
        choices=list(_FORMATS),
        default="text",
        help="text (default, folded to the terminal's width), Markdown, CSV with one line per path, JSON or HTML",
    )


def run(args: argparse.Namespace) -> int:
    """Print the tables."""
    scenario, profile = scenario_of(args), profile_of(args)
    tables = [_table(Predictor(scenario, step, profile)) for step in steps_of(args, scenario)]
    print_text(_FORMATS[args.output](tables))
    if notes := notes_text(notes_on(scenario), output_width()):
        (print_text if args.output == "text" else print_aside)(f"\n{notes}\n")
    return 0


def _table(predictor: Predictor) -> StepTable:
    table, step = VerdictTable.of(predictor), predictor.step
    return StepTable(
        step.name, step.where, table, nothing_denied(predictor, table.asked), open_reasons(predictor, table)
    )


def _text(tables: Sequence[StepTable]) -> str:
    width = output_width()
    drawn = (_drawn(step, width) for step in tables)
    occurring = {mark for step in tables for mark in step.grid.occurring}
    return "\n\n".join([*drawn, predicted_legend(occurring, width)]) + "\n"


def _drawn(step: StepTable, width: int | None) -> str:
    summary = (fitted(line, width) for line in step.summary)
    return "\n".join([step.title, draw(step.grid, width), *summary])


_FORMATS: Mapping[str, Callable[[Sequence[StepTable]], str]] = {
    "text": _text,
    "md": markdown,
    "csv": comma_separated,
    "json": as_json,
    "html": html,
}
