"""Write the ConformanceReport of network-policy-api from a run of its tests as scenarios.

    pytest scenarios/cluster_network_policy --netpol-report-dir reports
    netpol conformance reports --organization kubernetes --project NAME --url URL --version VERSION ...

A test of the suite has passed if all tests of its scenario have; it is skipped if one was not run, was skipped, or was
an error. Why a test has not passed is written to standard error. The exit code is 1 if the result is a failure.

The project accepts the reports of its own suite only. This one has the same form, for your own use.
"""

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from netpol_harness.cli.arguments import path
from netpol_harness.cli.output import print_error, print_text
from netpol_harness.errors import HarnessError
from netpol_harness.escape import one_line
from netpol_harness.report.conformance import (
    BUNDLE_VERSION,
    EXPERIMENTAL_FEATURES,
    EXPERIMENTAL_TESTS,
    STANDARD_TESTS,
    Implementation,
    SuiteOutcome,
    SuiteResult,
    is_success,
    judge,
    report,
)
from netpol_harness.scenario import SCENARIO_FILE
from netpol_harness.scenario.item_names import item_names
from netpol_harness.scenario.load import load

_SCENARIOS = Path("scenarios/cluster_network_policy")
_SOURCE = re.compile(
    r"^# Source: kubernetes-sigs/network-policy-api (?P<release>\S+), conformance/tests, (?P<test>\w+)$", re.MULTILINE
)
_RUN_FILE, _VERSION = "run.json", 1
_LONGEST_REASON = 200


def add(command: argparse.ArgumentParser) -> None:
    """Declare the run, the implementation and the file to write."""
    option = command.add_argument
    option("reports", type=path, metavar="REPORTS", help="a folder of --netpol-report-dir, or its run.json")
    option("--organization", type=_words, required=True, metavar="NAME", help="who maintains the implementation")
    option("--project", type=_words, required=True, metavar="NAME", help="the implementation")
    option("--url", type=_words, required=True, help="where to read about it")
    option("--version", type=_words, required=True, help="the version that was tested")
    option("--contact", type=_list, required=True, metavar="A,B", help="how to reach its maintainers")
    option("--additional-info", type=_words, required=True, metavar="URL", help="a public run that shows the origin")
    option(
        "--supported-features",
        type=_features,
        default=EXPERIMENTAL_FEATURES,
        metavar="A,B",
        help=f"experimental features that it claims, or none (default: {', '.join(EXPERIMENTAL_FEATURES)})",
    )
    option(
        "--scenarios", type=path, default=_SCENARIOS, metavar="DIR", help="the scenarios that were run (%(default)s)"
    )
    option("--output", type=path, metavar="FILE", help="where to write the report (default: standard output)")


def run(args: argparse.Namespace) -> int:
    """Write the report; return 1 if its result is a failure."""
    document = _read(args.reports / _RUN_FILE if args.reports.is_dir() else args.reports)
    results = _results(args.scenarios, document)
    implementation = Implementation(
        args.organization, args.project, args.url, args.version, args.contact, args.additional_info
    )
    date = datetime.fromisoformat(document["ended"]).strftime("%Y-%m-%dT%H:%M:%SZ")  # run.json has UTC
    written = report(implementation, results, args.supported_features, date)
    text = _head(document) + yaml.safe_dump(written, allow_unicode=True, width=120)
    if args.output:
        args.output.write_text(text, encoding="utf-8")
    else:
        print_text(text)
    for name, result in results.items():
        is_claimed = EXPERIMENTAL_TESTS.get(name) in (None, *args.supported_features)
        if result.outcome is not SuiteOutcome.PASSED and is_claimed:
            print_error(f"{name} {result.outcome}: {one_line(result.reason)[:_LONGEST_REASON]}")
    return 0 if is_success(written) else 1


def _words(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("the text is empty; the form of the report needs one")
    return text


def _list(text: str) -> Sequence[str]:
    return [_words(part).strip() for part in text.split(",")]


def _features(text: str) -> Sequence[str]:
    names = [] if text == "none" else _list(text)
    if unknown := set(names) - set(EXPERIMENTAL_FEATURES):
        choices = ", ".join(EXPERIMENTAL_FEATURES)
        raise argparse.ArgumentTypeError(f"no such feature: {', '.join(sorted(unknown))}; choose from {choices}")
    return names


def _read(file: Path) -> Mapping[str, Any]:
    """Return a run's results. Raises ``HarnessError`` if they are none, or no evidence."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise HarnessError(f"{file} is not JSON; give the run.json of a run with --netpol-report-dir") from error
    if not isinstance(document, dict) or document.get("version") != _VERSION or "tests" not in document:
        raise HarnessError(f"{file} is not a run.json of version {_VERSION}; run pytest with --netpol-report-dir again")
    if document["canary"]["outcome"] not in ("passed", "partial"):
        raise HarnessError(
            f"{file}: the run is no evidence, because its canary did not show that policies have effect "
            f"(canary: {document['canary']['outcome']}); run it again, with the canary"
        )
    return document


def _results(scenarios: Path, document: Mapping[str, Any]) -> dict[str, SuiteResult]:
    """Return the result of each of the suite's tests. Raises ``HarnessError`` if no scenario has one."""
    files = {}
    for file in sorted(scenarios.glob(f"**/{SCENARIO_FILE}")):
        if match := _SOURCE.search(file.read_text(encoding="utf-8")):
            if match["release"] != BUNDLE_VERSION:
                raise HarnessError(f"{file} is a test of {match['release']}, and the report one of {BUNDLE_VERSION}")
            files[match["test"]] = file
    if not files:
        raise HarnessError(f"{scenarios} has no scenario of network-policy-api's tests; name their folder: --scenarios")
    none = SuiteResult(SuiteOutcome.SKIPPED, "there is no scenario for it")
    return {
        name: _result(files[name], document) if name in files else none
        for name in (*STANDARD_TESTS, *EXPERIMENTAL_TESTS)
    }


def _result(file: Path, document: Mapping[str, Any]) -> SuiteResult:
    """Return the result of the test whose scenario is ``file``."""
    tests: dict[str, Mapping[str, Any]] = {}
    for test in document["tests"]:
        name, _, item = test["node"].partition("::")
        if f"/{file.resolve().as_posix()}".endswith(f"/{name}"):
            tests[item] = test
    return judge([*item_names(load(file))], tests)


def _head(document: Mapping[str, Any]) -> str:
    """Return a comment that says what was tested, and by whom."""
    cluster = document["cluster"]
    lines = {
        "written by": f"netpol {document['harness']['version']} by its scenarios, not by the suite of the project",
        "run": document["run"],
        "backend": cluster["backend"],
        "dataplane": cluster["dataplane"],
        "network plugin": ", ".join(f"{plugin['name']} {plugin['version']}".strip() for plugin in cluster["cni"]),
        "Kubernetes": cluster["kubernetes"],
        "canary": document["canary"]["outcome"],
    }
    return "".join(f"# {name}: {one_line(text)}\n" for name, text in lines.items() if text)
