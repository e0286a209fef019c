"""Truth tables for programs and pages: Markdown, CSV, JSON and HTML."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from netpol_harness.analysis.table import LEGEND, VerdictTable
from netpol_harness.escape import one_line

_STYLE = """\
body { font: 14px sans-serif; margin: 2em }
table { border-collapse: collapse; margin-bottom: 2em }
caption { font-weight: bold; text-align: left; padding: .5em 0 }
th, td { border: 1px solid #bbb; padding: .2em .5em; text-align: center }
th[scope=row] { text-align: left }
.allowed { background: #d9f2d9 } .blocked { background: #f6d5d5 } .unresolved { background: #fbe8c8 }"""


@dataclass(frozen=True, slots=True)
class StepTable:
    """The truth table of one step, and the place of the step in scenario.yaml."""

    step: str
    where: str
    table: VerdictTable

    @property
    def title(self) -> str:
        """The heading, in one line."""
        return one_line(f"step {self.step} ({self.where})")


def markdown(tables: Sequence[StepTable]) -> str:
    """Return a heading and a pipe table for each step, and the legend."""
    return "\n\n".join([*map(_pipes, tables), f"`{LEGEND}`"]) + "\n"


def comma_separated(tables: Sequence[StepTable]) -> str:
    """Return one line per path: step, source, target, word."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("step", "source", "target", "word"))
    writer.writerows((step.step, *ends, word.value) for step in tables for ends, word in step.table.verdicts.items())
    return out.getvalue()


def as_json(tables: Sequence[StepTable]) -> str:
    """Return a list of steps, each with ``words`` by source and target."""
    return json.dumps([_step(step) for step in tables], indent=1) + "\n"


def html(tables: Sequence[StepTable]) -> str:
    """Return a complete page."""
    body = "\n".join(map(_html_table, tables))
    head = f'<meta charset="utf-8">\n<title>Truth tables</title>\n<style>\n{_STYLE}\n</style>'
    return f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'


def _pipes(step: StepTable) -> str:
    table = step.table
    rows = [
        ["from \\\\ to", *table.columns],
        ["---", *(":-:" for _ in table.columns)],
        *([row, *(table.glyph(row, column) for column in table.columns)] for row in table.rows),
    ]
    lines = ("| " + " | ".join(one_line(cell).replace("|", "\\|") for cell in row) + " |" for row in rows)
    return "\n".join([f"### {step.title}", "", *lines])


def _step(step: StepTable) -> dict[str, object]:
    words: dict[str, dict[str, str]] = {}
    for (source, target), word in step.table.verdicts.items():
        words.setdefault(source, {})[target] = word.value
    return {"step": step.step, "where": step.where, "words": words}


def _html_table(step: StepTable) -> str:
    table = step.table
    heads = "".join(f'<th scope="col">{_escaped(column)}</th>' for column in ("from \\ to", *table.columns))
    rows = "\n".join(f'<tr><th scope="row">{_escaped(row)}</th>{_html_cells(table, row)}</tr>' for row in table.rows)
    return f"<table>\n<caption>{_escaped(step.title)}</caption>\n<tr>{heads}</tr>\n{rows}\n</table>"


def _html_cells(table: VerdictTable, row: str) -> str:
    words = (table.verdicts.get((row, column)) for column in table.columns)
    return "".join(f'<td class="{word.value}">{word.value}</td>' if word else "<td></td>" for word in words)


def _escaped(text: str) -> str:
    return escape(one_line(text))
