"""Write a first scenario.yaml from the dependencies that the manifests of a directory declare.

Read are the values of environment variables, arguments, commands and ConfigMaps that name a Service; the backends of
Ingress and HTTPRoute; ServiceMonitors, PodMonitors and prometheus.io/scrape; members of StatefulSets; webhooks;
readiness probes; and the look-ups of names that follow. Secrets are never read. The clients of an Ingress are its
controller if the manifests have it, else a host outside.

With --check nothing is written: the declared paths that the policies break are listed, and the exit code is 1 if there
are any. The exit code is 2 if the directory has a scenario.yaml already and --force is not given.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from netpol_harness.analysis.dependencies.declared import Dependencies, Dependency, dependencies
from netpol_harness.analysis.predict import Predictor
from netpol_harness.cli.arguments import path
from netpol_harness.cli.output import print_error, print_text
from netpol_harness.errors import HarnessError
from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.paths.expectations import resolve
from netpol_harness.paths.grammar import parse
from netpol_harness.paths.outcome import Expected
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
    declared = dependencies(scenario)
    judged = _judged(scenario, declared)
    broken = [(dependency, verdict) for dependency, verdict in judged if verdict in _BREAKS]
    if args.check:
        return _check(broken, declared, len(judged))
    _write(args, _text(scenario, declared, judged))
    for dependency, verdict in broken:
        print_error(
            f"{dependency.path} is {verdict} by the policies; {dependency.where} declares it ({dependency.why})"
        )
    return 0


_BREAKS = (Expected.BLOCKED, Expected.DROPPED, Expected.REJECTED, Expected.UNRESOLVED)


def _check(broken: Sequence[tuple[Dependency, Expected]], declared: Dependencies, count: int) -> int:
    print_text("".join(f"{d.path}: {verdict}  ({d.where}: {d.why})\n" for d, verdict in broken))
    print_text("".join(f"not checked: {note}\n" for note in declared.notes))
    print_text(f"{count} declared paths, {len(broken)} broken by the policies\n")
    return 1 if broken else 0


def _judged(scenario: Scenario, declared: Dependencies) -> Sequence[tuple[Dependency, Expected]]:
    """Return the paths that a scenario may hold, with the verdicts that the policies imply."""
    (derived,) = scenario.steps
    step = replace(derived, inventory=declared.inventory, paths_without_verdict=(), expectations=())
    predictor, judged = Predictor(scenario, step), []
    for dependency in declared.paths:
        sentence = parse(dependency.path, Expected.ALLOWED, Place(dependency.where, 1))
        if isinstance(sentence, Problem):
            continue
        expectations, problems = resolve([sentence], step.inventory)
        if expectations and not problems:
            verdicts = {predictor.verdict(expectation.path) for expectation in expectations}
            judged.append((dependency, next((v for v in verdicts if v in _BREAKS), max(verdicts))))
    return judged


def _text(scenario: Scenario, declared: Dependencies, judged: Sequence[tuple[Dependency, Expected]]) -> str:
    remarks = {Expected.UNDEFINED: "undefined", **dict.fromkeys(_BREAKS, "the policies break it")}
    paths = [(dependency, remarks.get(verdict, "")) for dependency, verdict in judged]
    if not (paths or declared.ready):
        raise HarnessError(f"the manifests of {scenario.name} declare no dependency; write {SCENARIO_FILE} by hand")
    title = f"{scenario.name}: what its manifests declare"
    return first_scenario(title, paths, declared.ready, declared.notes)


def _write(args: argparse.Namespace, text: str) -> None:
    if str(args.out) == STANDARD_OUTPUT:
        print_text(text)
        return
    file: Path = args.out or args.directory / SCENARIO_FILE
    if file.exists() and not args.force:
        raise HarnessError(f"{file} exists; pass --force to overwrite it, or --out - to print")
    file.write_text(text)
    print_error(f"wrote {file}")
