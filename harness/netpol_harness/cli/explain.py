"""Say why a path of a scenario is allowed, blocked, unresolved or undefined: which policies isolate its ends, and which
rule admits it, or why none does. Needs no cluster.

The path is written as in scenario.yaml. Without --step, every step that asks it is explained, or else the last step.
"""

import argparse
from collections.abc import Iterator
from shutil import get_terminal_size

from netpol_harness.analysis.explain import COLUMNS, explain
from netpol_harness.cli.output import tell
from netpol_harness.cli.scenarios import declare, profile_of, scenario_of, steps_of
from netpol_harness.errors import ScenarioInvalid
from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.paths.expectations import resolve
from netpol_harness.paths.grammar import parse
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Path
from netpol_harness.scenario.scenario import Scenario, Step
from netpol_harness.scenario.strays import strays


def add(command: argparse.ArgumentParser) -> None:
    """The scenario, the path, the step and the profile."""
    declare(command, step="explain it in this step")
    command.add_argument("path", metavar="PATH", help="such as 'web-pod -> db-service:3306'")


def run(given: argparse.Namespace) -> int:
    """Print an explanation for each step."""
    scenario, profile = scenario_of(given), profile_of(given)
    spare, width = strays(scenario), get_terminal_size((COLUMNS, 0)).columns
    told = []
    for step, path, said in _asked(given, scenario):
        explanation = explain(scenario, step, path, profile=profile, spare=spare)
        head = f"step {step.name} ({step.where})"
        if said and said.expected is not explanation.word:
            head += f", where {said.where} says {said.expected}"
        told.append(f"{head}\n{explanation.wrapped(width)}\n")
    tell("\n".join(told))
    return 0


def _asked(given: argparse.Namespace, scenario: Scenario) -> Iterator[tuple[Step, Path, Expectation | None]]:
    """The steps to explain the path in, with what the author says of it there."""
    steps = steps_of(given, scenario)
    read = {step.name: _path(given.path, step) for step in steps}
    known = [(step, path) for step in steps if isinstance(path := read[step.name], Path)]
    if not known:
        raise ScenarioInvalid([str(read[steps[-1].name])])
    found = [(step, path, _said(step, path)) for step, path in known]
    asking = [entry for entry in found if entry[2]]
    yield from asking or found[-1:]


def _said(step: Step, path: Path) -> Expectation | None:
    return next((expectation for expectation in step.expectations if expectation.path == path), None)


def _path(text: str, step: Step) -> Path | str:
    """The path in this step, or what is wrong with it."""
    sentence = parse(text, Expected.UNDEFINED, Place("PATH", 1))
    if isinstance(sentence, Problem):
        return f"{sentence.what}; {sentence.remedy}"
    expectations, problems = resolve([sentence], step.inventory, None)
    if problems or len(expectations) != 1:
        return (
            "; ".join(f"{p.what}; {p.remedy}" for p in problems)
            or f"'{text}' is several paths; name one source and one target"
        )
    return expectations[0].path
