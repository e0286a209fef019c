"""Explain why a path of a scenario is allowed, blocked, unresolved or undefined: which policies isolate its ends, and
which rule admits it, or why none does. Needs no cluster.

Write the path as in scenario.yaml. Without --step, it is explained in every step that has it, or else in the last step.
If the verdict is not the expected one, the smallest edits of the policies follow that would make it so. Notes name what
matches nothing in the namespaces of the path, such as a policy that selects no pod.
"""

import argparse
from collections.abc import Iterator
from shutil import get_terminal_size

from netpol_harness.analysis.explain import COLUMNS, explain_path
from netpol_harness.analysis.notes.all_notes import notes_on
from netpol_harness.analysis.notes.note import Note
from netpol_harness.analysis.predict import Predictor
from netpol_harness.cli.output import print_text
from netpol_harness.cli.scenarios import declare, profile_of, scenario_of, steps_of
from netpol_harness.errors import ScenarioInvalid
from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.paths.expectations import resolve
from netpol_harness.paths.grammar import parse
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Path
from netpol_harness.report.notes import notes_text
from netpol_harness.scenario.scenario import Scenario, Step
from netpol_harness.scenario.unused_policies import unused_policies


def add(command: argparse.ArgumentParser) -> None:
    """Declare the scenario, the path, the step and the profile."""
    declare(command, step="explain the path in this step")
    command.add_argument("path", metavar="PATH", help="such as 'web-pod -> db-service:3306'")
    command.add_argument(
        "--expect",
        metavar="VERDICT",
        choices=["allowed", "blocked", "unresolved"],
        help="show the edits that give the path this verdict: %(choices)s (default: that of the step)",
    )


def run(args: argparse.Namespace) -> int:
    """Print an explanation for each step."""
    scenario, profile = scenario_of(args), profile_of(args)
    unused, width = unused_policies(scenario), get_terminal_size((COLUMNS, 0)).columns
    wanted = Expected(args.expect) if args.expect else None
    blocks = []
    for step, path, expectation in _occurrences(args, scenario):
        explanation = explain_path(Predictor(scenario, step, profile), path, unused, wanted)
        head = f"step {step.name} ({step.where})"
        if expectation and expectation.expected is not explanation.verdict:
            head += f", where {expectation.where} says {expectation.expected}"
        blocks.append(f"{head}\n{explanation.wrap(width)}\n")
    if notes := notes_text(_concerning(scenario, explanation.path), width):
        blocks.append(f"{notes}\n")
    print_text("\n".join(blocks))
    return 0


def _concerning(scenario: Scenario, path: Path) -> Iterator[Note]:
    """Yield the notes on the namespaces of a path's ends."""
    refs = (getattr(end, "ref", None) for end in (path.source, path.target))
    namespaces = {ref.namespace for ref in refs if ref}
    yield from (note for note in notes_on(scenario) if note.namespaces & namespaces)


def _occurrences(args: argparse.Namespace, scenario: Scenario) -> Iterator[tuple[Step, Path, Expectation | None]]:
    """Yield the steps to explain the path in, with its expectation in that step if there is one."""
    steps = steps_of(args, scenario)
    parsed = {step.name: path_in_step(args.path, step) for step in steps}
    known = [(step, path) for step in steps if isinstance(path := parsed[step.name], Path)]
    if not known:
        raise ScenarioInvalid([str(parsed[steps[-1].name])])
    found = [(step, path, _expectation(step, path)) for step, path in known]
    yield from [occurrence for occurrence in found if occurrence[2]] or found[-1:]


def _expectation(step: Step, path: Path) -> Expectation | None:
    return next((expectation for expectation in step.expectations if expectation.path == path), None)


def path_in_step(text: str, step: Step) -> Path | str:
    """Return the path in this step, or a message that says what is wrong with it."""
    sentence = parse(text, Expected.UNDEFINED, Place("PATH", 1))
    if isinstance(sentence, Problem):
        return f"{sentence.what}; {sentence.remedy}"
    expectations, problems = resolve([sentence], step.inventory, None)
    if problems:
        return "; ".join(f"{problem.what}; {problem.remedy}" for problem in problems)
    if len(expectations) != 1:
        return f"'{text}' is several paths; name one source and one target"
    return expectations[0].path
