"""Reader of the file of ``--netpol-known``. All problems with the file are reported at once.

A YAML list::

    - test: "scenarios/regressions/udp_*/scenario.yaml::*"   # glob of node ids: * and ?
      dataplane: Calico                                      # optional: a plugin's name, as in run.json
      version: ">=3.30,<3.33"                                # optional: a specifier of PEP 440
      reason: conntrack entries of UDP outlive a policy
      source: https://github.com/projectcalico/calico/issues/1
      expires: 2027-01-31                                    # the last day on which this entry counts
"""

from datetime import date
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from netpol_harness.errors import ScenarioInvalid
from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.plugin.known.deviation import Deviation
from netpol_harness.scenario.node import YamlNode
from netpol_harness.scenario.shape import Report, all_of, mapping, sequence, text
from netpol_harness.scenario.source import read


def _is_date(node: YamlNode, report: Report) -> None:
    try:
        date.fromisoformat(node.text)
    except ValueError:
        report.add(node.place, f"'{node.text[:60]}' is not a date", "write it as 2027-01-31")


def _is_range(node: YamlNode, report: Report) -> None:
    try:
        SpecifierSet(node.text)
    except InvalidSpecifier:
        report.add(node.place, f"'{node.text[:60]}' is not a range of versions", 'write it as ">=3.30,<3.33"')


def _has_dataplane(node: YamlNode, report: Report) -> None:
    if (version := node.get("version")) and node.get("dataplane") is None:
        report.add(version.place, "'version' needs a network plugin", "add 'dataplane:' with its name")


_LINE = all_of(
    mapping(
        {
            "test": text("a glob of node ids", r"[^/].*", "write it as pytest shows node ids; * and ? are wildcards"),
            "dataplane": text("a network plugin's name"),
            "version": all_of(text("a range of versions"), _is_range),
            "reason": text("a reason"),
            "source": text("a source"),
            "expires": all_of(text("a date"), _is_date),
        },
        required=("test", "reason", "source", "expires"),
        what="a known deviation (a mapping)",
    ),
    _has_dataplane,
)
_LINES = sequence(_LINE, "a list of known deviations")


def deviations(file: Path, shown: str) -> tuple[Deviation, ...]:
    """Return the file's entries in order. Raises ``ScenarioInvalid``; ``shown`` is the file's name in messages."""
    documents, problems = read(file, shown)
    report = Report()
    report.extend(problems)
    if len(documents) > 1:
        report.extend([Problem(documents[1].place, "a second document", "write one list")])
    if not documents and not problems:
        report.extend([Problem(Place(shown, 1), "the file is empty", "write a list of known deviations, or []")])
    for document in documents[:1]:
        _LINES(document, report)
    if report.problems:
        raise ScenarioInvalid([str(problem) for problem in sorted(report.problems)])
    return tuple(_deviation(node) for node in documents[0].items)


def _deviation(node: YamlNode) -> Deviation:
    versions = node.get("version")
    return Deviation(
        tests=node.at("test").text,
        reason=node.at("reason").text,
        source=node.at("source").text,
        expires=date.fromisoformat(node.at("expires").text),
        where=node.place.where,
        dataplane=node.at("dataplane").text,
        versions=SpecifierSet(versions.text) if versions else None,
    )
