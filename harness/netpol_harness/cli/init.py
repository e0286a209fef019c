"""Write a first scenario.yaml from the dependencies that the manifests of a directory declare.

Read are the values of environment variables, arguments, commands and ConfigMaps that name a Service; the backends of
Ingress, HTTPRoute and the like; ServiceMonitors, PodMonitors and prometheus.io/scrape; members of StatefulSets;
webhooks and aggregated APIs; probes of the kubelet; and the look-ups of names that follow. Secrets are never read. The
clients of an Ingress are its controller if the manifests have it, else a host outside.

With --check nothing is written: the declared paths that the policies break are listed, and the exit code is 1 if there
are any. The exit code is 2 if the directory has a scenario.yaml already and --force is not given.
"""

import argparse
from pathlib import Path

from netpol_harness.analysis.dependencies.declared import dependencies
from netpol_harness.analysis.dependencies.judged import JudgedDependencies, judged
from netpol_harness.cli.arguments import path
from netpol_harness.cli.output import print_error, print_text
from netpol_harness.errors import HarnessError
from netpol_harness.report.first_scenario import first_scenario
from netpol_harness.scenario import SCENARIO_FILE
from netpol_harness.scenario.derive import derive
from netpol_harness.scenario.scenario import Scenario

STANDARD_OUTPUT = "-"


def add(command: argparse.ArgumentParser) -> None:
    """Declare the directory and what to write."""
    command.add_argument("directory", metavar="DIR", type=path, help="a directory of manifests")
    command.add_argument(
        "--out", metavar="FILE", type=path, help=f"write to FILE, - to print (default: {SCENARIO_FILE})"
    )
    command.add_argument("--force", action="store_true", help="overwrite the file if it exists")
    command.add_argument("--check", action="store_true", help="write nothing; list the paths that the policies break")


def run(args: argparse.Namespace) -> int:
    """Write the scenario, or check the policies."""
    if not args.directory.is_dir():
        raise HarnessError(f"there is no directory {args.directory}; name one with manifests")
    scenario = derive(args.directory)
    found = judged(scenario, dependencies(scenario))
    if args.check:
        return _check(found)
    _write(args, _text(scenario, found))
    for each in (judgement for judgement in found.paths if judgement.is_broken):
        where = f"{each.dependency.where} declares it ({each.dependency.why})"
        print_error(f"{each.dependency.path} is {each.verdict} by the policies; {where}")
    return 0


def _check(found: JudgedDependencies) -> int:
    broken, left_open = ([p for p in found.paths if p.is_broken], [p for p in found.paths if p.is_open])
    for each in (*broken, *left_open):
        about = "; the policies and the API leave it open" if each.is_open else ""
        print_text(f"{each.dependency.path}: {each.verdict}  ({each.dependency.where}: {each.dependency.why}{about})\n")
    print_text("".join(f"not checked: {note}\n" for note in found.notes))
    number = f", {len(left_open)} left open" if left_open else ""
    print_text(f"{len(found.paths)} declared paths, {len(broken)} broken by the policies{number}\n")
    return 1 if broken else 0


def _text(scenario: Scenario, found: JudgedDependencies) -> str:
    if not found.paths:
        raise HarnessError(f"the manifests of {scenario.name} declare no dependency; write {SCENARIO_FILE} by hand")
    return first_scenario(f"{scenario.name}: what its manifests declare", found)


def _write(args: argparse.Namespace, text: str) -> None:
    if str(args.out) == STANDARD_OUTPUT:
        print_text(text)
        return
    file: Path = args.out or args.directory / SCENARIO_FILE
    if file.exists() and not args.force:
        raise HarnessError(f"{file} exists; pass --force to overwrite it, or --out - to print")
    file.write_text(text)
    print_error(f"wrote {file}")
