"""Reader of files of known deviations. All problems with a file are reported at once.

A YAML list::

    - test: "scenarios/regressions/udp_*/scenario.yaml::*"   # glob of node ids (* and ?), or a list of them
      dataplane: Calico                                      # optional: a plugin's name, as in run.json
      version: ">=3.30,<3.33"                                # optional: a specifier of PEP 440
      reason: conntrack entries of UDP outlive a policy
      source: https://github.com/projectcalico/calico/issues/1
      expires: 2027-01-31                                    # the last day on which this entry counts
      strict: false                                          # optional: a test may also pass (it depends on timing)

An entry for one release (``version: "==2.1.0"``) needs no date. ``fault``, ``path``, ``observed``, ``right``,
``specification`` and ``mutants`` describe the fault for the page that `netpol agents --matrix` writes
(``deviation.Fault``).
"""

import re
from datetime import date
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from netpol_harness.backends.known.deviation import Deviation, Fault
from netpol_harness.errors import ScenarioInvalid
from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.shape import Report, all_of, by_kind, flag, mapping, sequence, text
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


def _has_an_end(node: YamlNode, report: Report) -> None:
    if node.get("expires") is None and not _is_of_a_release(node.at("version").text):
        advice = "add 'expires:', the last day on which the entry counts"
        report.add(node.place, "'expires' is missing, and 'version' is not one release", advice)


def _is_of_a_release(versions: str) -> bool:
    return re.fullmatch(r"== *[^*,]+", versions) is not None


_TEST = text("a glob of node ids", r"[^/].*", "write it as pytest shows node ids; * and ? are wildcards")
_LINE = all_of(
    mapping(
        {
            "test": by_kind(
                {YamlKind.TEXT: _TEST, YamlKind.LIST: sequence(_TEST, "a list of globs", least=1)},
                "a glob or a list of them",
            ),
            "dataplane": text("a network plugin's name"),
            "version": all_of(text("a range of versions"), _is_range),
            "reason": text("a reason"),
            "source": text("a source"),
            "expires": all_of(text("a date"), _is_date),
            "strict": flag,
            "fault": text("a kind of fault"),
            "path": text("a path"),
            "observed": text("a verdict"),
            "right": text("a verdict"),
            "specification": text("the text of the API"),
            "mutants": sequence(text("the name of a mutant"), "a list of mutants"),
        },
        required=("test", "reason", "source"),
        what="a known deviation (a mapping)",
    ),
    _has_dataplane,
    _has_an_end,
)
_LINES = sequence(_LINE, "a list of known deviations")


def deviations(file: Path, shown: str) -> tuple[Deviation, ...]:
    """Return the file's entries in order, one for each glob. ``shown`` is the name of the file in messages.

    Raises ``ScenarioInvalid``.
    """
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
    return tuple(
        _deviation(node, test) for node in documents[0].items for test in node.at("test").items or (node.at("test"),)
    )


def _deviation(node: YamlNode, test: YamlNode) -> Deviation:
    versions, expires = node.get("version"), node.get("expires")
    return Deviation(
        tests=test.text,
        reason=node.at("reason").text,
        source=node.at("source").text,
        expires=date.fromisoformat(expires.text) if expires else None,
        where=(test if node.at("test").items else node).place.where,
        dataplane=node.at("dataplane").text,
        versions=SpecifierSet(versions.text) if versions else None,
        is_strict=node.at("strict").plain() is not False,
        fault=_fault(node),
    )


def _fault(node: YamlNode) -> Fault:
    return Fault(
        kind=node.at("fault").text,
        path=node.at("path").text,
        observed=node.at("observed").text,
        right=node.at("right").text,
        specification=node.at("specification").text,
        mutants=tuple(item.text for item in node.at("mutants").items),
    )
