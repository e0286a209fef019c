"""The results of the library under real policy engines, as the section of docs/agents.md that a command writes.

The failures of a run are grouped by the kind of fault of the known deviation that explains them; what no entry explains
is listed apart. A section is written for each agent and version; those of others stay.
"""

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from netpol_harness.backends.facts import Plugin
from netpol_harness.backends.known.deviation import Deviation, glob

_WIDTH = 120
_BEGIN, _END = "<!-- written by `netpol agents --matrix` -->", "<!-- end -->"
_HEADING = re.compile(r"^### (?=.+$)", re.MULTILINE)
_FAILURES = ("failed", "xfailed")
_OTHERS = "::others"


@dataclass(frozen=True, slots=True)
class AgentRun:
    """A run of the library under one agent: its ``run.json``, and the known deviations of the agent."""

    document: Mapping[str, Any]
    deviations: Sequence[Deviation]

    @property
    def plugin(self) -> Plugin:
        """The agent and its version."""
        return Plugin(**self.document["cluster"]["cni"][0])

    @property
    def title(self) -> str:
        """The agent and its version, for people."""
        return f"{self.plugin.name} {self.plugin.version}".rstrip()

    def tests(self, *outcomes: str) -> list[str]:
        """Return the node ids of the tests with these outcomes."""
        return [test["node"] for test in self.document["tests"] if test["outcome"] in outcomes]

    @property
    def faults(self) -> Mapping[str, Sequence[Deviation]]:
        """The entries about this version by their kind of fault, in the order of the file."""
        kinds: dict[str, list[Deviation]] = {}
        for known in self.deviations:
            if known.applies([self.plugin]):
                kinds.setdefault(known.fault.kind or known.reason, []).append(known)
        return kinds

    @property
    def unexplained(self) -> list[str]:
        """The tests that failed and that no entry names, and those with an error."""
        entries = [known for entries in self.faults.values() for known in entries]
        failed = [node for node in self.tests(*_FAILURES) if not any(_names(known, node) for known in entries)]
        return failed + self.tests("error")


def with_results(page: str, runs: Iterable[AgentRun]) -> str:
    """Return the page with the sections of these runs, between its two marks. Other sections stay."""
    before, _, rest = page.partition(_BEGIN)
    old, _, after = rest.partition(_END)
    sections = {part.partition("\n")[0]: part for part in _HEADING.split(old) if part.strip()}
    sections |= {run.title: "\n".join(_section(run)) + "\n\n" for run in runs}
    body = "".join(f"### {sections[title].strip()}\n\n" for title in sorted(sections))
    return f"{before}{_BEGIN}\n\n{body}{_END}{after}"


def _section(run: AgentRun) -> Iterator[str]:
    yield run.title
    yield ""
    yield _wrapped(_figures(run))
    yield ""
    for kind, entries in run.faults.items():
        yield from _fault(kind, entries, run)
    if unexplained := run.unexplained:
        yield f"**Not explained** ({len(unexplained)})"
        yield ""
        yield from (f"- `{node}`" for node in unexplained)


def _figures(run: AgentRun) -> str:
    counts, document = Counter(run.document["counts"]), run.document
    kernel = " ".join(dict.fromkeys(node["kernel"] for node in document["cluster"]["nodes"]))
    failed = counts["failed"] + counts["xfailed"]
    explained = failed - len([node for node in run.unexplained if node not in run.tests("error")])
    return (
        f"{counts.total()} tests in {document['seconds'] / 60:.1f} min on Linux {kernel}: {counts['passed']} passed, "
        f"{failed} failed ({explained} by the faults below), {counts['error']} errors, {counts['skipped']} skipped."
    )


def _fault(kind: str, entries: Sequence[Deviation], run: AgentRun) -> Iterator[str]:
    known = entries[0]
    yield f"**{kind}**"
    yield ""
    yield _item("path", known.fault.path)
    yield _item("observed", f"{known.fault.observed}; right: {known.fault.right}")
    yield _item("why", known.reason)
    yield _item("API", known.fault.specification)
    yield _item("source", known.source)
    yield _item("mutants", ", ".join(f"[`{name}`](mutants.md)" for name in known.fault.mutants) or "none")
    yield _item("seen in", ", ".join(_places(entries, run)) or f"no test of this run: {_why_unseen(entries, run)}")
    yield ""


def _why_unseen(entries: Sequence[Deviation], run: AgentRun) -> str:
    ran = run.tests("passed", "xpassed")
    seen = any(_names(known, node) for known in entries for node in ran)
    return "it depends on timing" if seen else "its tests were skipped, for lack of what they need"


def _places(entries: Sequence[Deviation], run: AgentRun) -> Iterator[str]:
    nodes = [node for node in run.tests(*_FAILURES) if any(_names(known, node) for known in entries)]
    for file, count in Counter(node.partition("::")[0] for node in nodes).items():
        folder = PurePosixPath(file).parent
        yield f"[{folder.name}](../{folder}) ({count} {'test' if count == 1 else 'tests'})"


def _names(known: Deviation, node: str) -> bool:
    """Whether an entry names the test, or cells of its table."""
    table, _, _ = known.tests.rpartition("::")
    return known.matches(node) or (node.endswith(_OTHERS) and glob(table).fullmatch(node) is not None)


def _item(name: str, text: str) -> str:
    return _wrapped(f"- {name}: {text}", "  ")


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
