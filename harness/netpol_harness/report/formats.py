"""Truth tables for programs and pages: Markdown, CSV, JSON and HTML.

Markdown and HTML fold a wide table as text does, and list what is folded together.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from itertools import groupby

from netpol_harness.analysis.open_reasons import OpenReason
from netpol_harness.analysis.table import VerdictTable
from netpol_harness.escape import one_line
from netpol_harness.report.layout import Grid
from netpol_harness.report.layout.grid import group_of
from netpol_harness.report.layout.labels import folds, labels_of
from netpol_harness.report.layout.plain import layout
from netpol_harness.report.table import predicted_grid, predicted_legend
from netpol_harness.results.marks import predicted_verdict

_STYLE = """\
body { font: 14px sans-serif; margin: 2em }
table { border-collapse: collapse; margin-bottom: 2em }
caption { font-weight: bold; text-align: left; padding: .5em 0 }
th, td { border: 1px solid #bbb; padding: .2em .5em; text-align: center }
th[scope=row] { text-align: left }
.allowed { background: #d9f2d9 } .blocked { background: #f6d5d5 } .unresolved { background: #fbe8c8 }"""


@dataclass(frozen=True, slots=True)
class StepTable:
    """The truth table of one step, and the place of the step in scenario.yaml.

    ``warning`` tells why its policies deny nothing, empty if they deny something; ``open_reasons`` why verdicts are
    undefined.
    """

    step: str
    where: str
    table: VerdictTable
    warning: str = ""
    open_reasons: tuple[OpenReason, ...] = ()
    grid: Grid = field(init=False)

    def __post_init__(self) -> None:
        """Lay out the table once: all formats read it many times."""
        object.__setattr__(self, "grid", predicted_grid(self.table))

    @property
    def title(self) -> str:
        """The heading, in one line."""
        return one_line(f"step {self.step} ({self.where})")

    @property
    def summary(self) -> list[str]:
        """How many paths are denied, the reasons for undefined ones, and the warning if there is one."""
        warning = [one_line(f"WARNING: {self.warning}")] if self.warning else []
        return [str(self.table.asked), *(one_line(str(reason)) for reason in self.open_reasons), *warning]


def markdown(tables: Sequence[StepTable]) -> str:
    """Return a heading and a pipe table for each step, and the legend."""
    occurring = {mark for step in tables for mark in step.grid.occurring}
    return "\n\n".join([*map(_pipes, tables), f"`{predicted_legend(occurring)}`"]) + "\n"


def comma_separated(tables: Sequence[StepTable]) -> str:
    """Return one line per path: step, source, target, word."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("step", "source", "target", "word"))
    for step in tables:
        words = _words(step.table)
        writer.writerows((step.step, *ends, words[ends]) for ends in step.grid.cells())
    return out.getvalue()


def as_json(tables: Sequence[StepTable]) -> str:
    """Return a list of steps, each with ``words`` by source and target, and the layout of its table."""
    return json.dumps([_step(step) for step in tables], indent=1) + "\n"


def html(tables: Sequence[StepTable]) -> str:
    """Return a complete page."""
    body = "\n".join(map(_html_step, tables))
    head = f'<meta charset="utf-8">\n<title>Truth tables</title>\n<style>\n{_STYLE}\n</style>'
    return f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'


def _words(table: VerdictTable) -> dict[tuple[str, str], str]:
    return {(path.source_text, path.target_text): verdict.value for path, verdict in table.verdicts.items()}


def _pipes(step: StepTable) -> str:
    grid = step.grid.folded() if step.grid.is_wide else step.grid
    columns = labels_of(grid.columns)
    rows = [["from \\\\ to", *columns], ["---", *(":-:" for _ in columns)]]
    rows += (
        [label, *(mark or "" for mark in marks)] for label, marks in zip(labels_of(grid.rows), grid.marks, strict=True)
    )
    lines = ("| " + " | ".join(one_line(cell).replace("|", "\\|") for cell in row) + " |" for row in rows)
    folded = [f"- {entry}" for entry in folds([*grid.rows, *grid.columns])]
    return "\n".join([f"### {step.title}", "", *lines, *folded, *(f"\n`{line}`" for line in step.summary)])


def _step(step: StepTable) -> dict[str, object]:
    words: dict[str, dict[str, str]] = {}
    known = _words(step.table)
    for source, target in step.grid.cells():
        words.setdefault(source, {})[target] = known[source, target]
    asked = asdict(step.table.asked)
    reasons = [{"reason": each.text, "paths": each.count, "example": str(each.example)} for each in step.open_reasons]
    table = layout(step.grid)
    return {"step": step.step, "where": step.where, "words": words, "table": table, "asked": asked, "open": reasons}


def _html_step(step: StepTable) -> str:
    paragraphs = "".join(f"<p>{_escaped(line)}</p>" for line in step.summary)
    return f"{_html_tables(step)}\n{paragraphs}"


def _html_tables(step: StepTable) -> str:
    if not step.grid.is_wide:
        return _html_table(step, step.grid)
    folded = step.grid.folded()
    listed = "".join(f"<li>{_escaped(entry)}</li>" for entry in folds([*folded.rows, *folded.columns]))
    whole = _html_table(step, step.grid)
    return f"{_html_table(step, folded)}\n<ul>{listed}</ul>\n<details><summary>unfolded</summary>\n{whole}\n</details>"


def _html_table(step: StepTable, grid: Grid) -> str:
    heads = "".join(f'<th scope="col">{_escaped(column)}</th>' for column in ("from \\ to", *labels_of(grid.columns)))
    groups = [(group, len([*same])) for group, same in groupby(map(group_of, grid.columns))]
    above = "".join(f'<th scope="colgroup" colspan="{size}">{_escaped(group)}</th>' for group, size in groups)
    lines = [f"<tr><th></th>{above}</tr>"] if any(group for group, _ in groups) else []
    return "\n".join(
        [
            "<table>",
            f"<caption>{_escaped(step.title)}</caption>",
            *lines,
            f"<tr>{heads}</tr>",
            *_html_rows(grid),
            "</table>",
        ]
    )


def _html_rows(grid: Grid) -> Iterator[str]:
    known, columns = "", len(grid.columns) + 1
    for names, label, marks in zip(grid.rows, labels_of(grid.rows), grid.marks, strict=True):
        if (group := group_of(names)) != known:
            yield f'<tr><th scope="rowgroup" colspan="{columns}">{_escaped(group)}</th></tr>'
            known = group
        words = (predicted_verdict(mark).value if mark else "" for mark in marks)
        cells = "".join(f'<td class="{word}">{word}</td>' if word else "<td></td>" for word in words)
        yield f'<tr><th scope="row">{_escaped(label)}</th>{cells}</tr>'


def _escaped(text: str) -> str:
    return escape(one_line(text))
