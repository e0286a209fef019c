"""What the commands that compare two scenarios share: their arguments, and the report of the changes."""

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from netpol_harness.analysis.changes.acceptance import AcceptedChange, parse_accepted
from netpol_harness.analysis.changes.change import Comparison, compare
from netpol_harness.analysis.changes.objects import changed_objects
from netpol_harness.analysis.predict import Predictor
from netpol_harness.cli.arguments import path
from netpol_harness.cli.cluster_options import declare_cluster
from netpol_harness.cli.output import print_error, print_text
from netpol_harness.cli.scenarios import declare_profile, profile_of
from netpol_harness.errors import HarnessError
from netpol_harness.oracle.points import Profile
from netpol_harness.paths.diagnostics import suggest
from netpol_harness.report.changes import StepChanges, as_json, as_markdown, as_text
from netpol_harness.report.sarif import Sides, as_sarif
from netpol_harness.report.width import output_width
from netpol_harness.scenario.scenario import Scenario, Step

CONTRADICTED = 3
"""The exit code if packets contradict a change."""


@dataclass(frozen=True, slots=True)
class _Compared:
    name: str
    before: Predictor
    after: Predictor
    comparison: Comparison


def declare_comparison(command: argparse.ArgumentParser) -> None:
    """Add the step, the accepted changes, the proof, the profile and the output format."""
    command.add_argument("--step", metavar="NAME", help="compare only this step")
    command.add_argument("--accept", metavar="FILE", type=path, help="changes that are no findings, one a line")
    declare_profile(command)
    formats = "text (default), Markdown for a pull request, JSON with every path, or SARIF for code scanning"
    command.add_argument("-o", "--output", choices=[*_FORMATS, "sarif"], default="text", help=formats)
    prove = "replay the changes by packets on a cluster, before and after; the exit code is 3 if they contradict one"
    command.add_argument("--prove", action="store_true", help=prove)
    without = "do not check first whether the cluster enforces policies"
    command.add_argument("--no-canary", action="store_true", help=without)
    declare_cluster(command, default="embedded")


def report(args: argparse.Namespace, before: Scenario, after: Scenario, sides: Sides) -> int:
    """Print the changes; return 3 if packets contradict one, else 1 if one is not accepted.

    ``sides`` is where the user has the files of both.
    """
    accepted = _accepted(args.accept)
    found = [
        _Compared(name, *both, compare(*both)) for name, both in _pairs(args.step, before, after, profile_of(args))
    ]
    if not any(each.comparison.compared for each in found):
        raise HarnessError("there is nothing to compare: no pod and no Service of either side serves a port")
    steps = [_judged(each, accepted) for each in found]
    if args.prove and any(each.comparison.changes for each in found):
        steps = list(_with_proof(args, found, steps))
    print_text(as_sarif(steps, sides) if args.output == "sarif" else _FORMATS[args.output](steps))
    _tell_unused(accepted, [each.comparison for each in found])
    if any(step.replays and step.replays.contradicted for step in steps):
        return CONTRADICTED
    return 1 if any(step.changes for step in steps) else 0


def _with_proof(
    args: argparse.Namespace, found: Sequence[_Compared], steps: Sequence[StepChanges]
) -> Iterator[StepChanges]:
    """Yield the steps with what packets say about their changes, accepted ones too: one cluster for all."""
    from netpol_harness.cli.proving import laboratory, proven  # imports the client of the API, which takes long

    with ExitStack() as stack:
        lab = stack.enter_context(laboratory(args))
        for each, step in zip(found, steps, strict=True):
            changes = each.comparison.changes
            yield replace(step, replays=proven(lab, each.before, each.after, changes)) if changes else step


def _pairs(
    wanted: str | None, before: Scenario, after: Scenario, profile: Profile
) -> Iterator[tuple[str, tuple[Predictor, Predictor]]]:
    """Yield the names of the steps to compare, and their predictors. Raises ``HarnessError`` if there are none."""
    old, new = ({step.name: step for step in scenario.steps} for scenario in (before, after))
    names = [name for name in new if name in old and wanted in (None, name)]
    if wanted and not names:
        raise HarnessError(f"there is no step '{wanted}' on both sides; {suggest(wanted, old.keys() & new.keys())}")
    if not wanted:
        _tell_uncompared(old.keys() ^ new.keys(), are_last_compared=not names)
    last = [(before.steps[-1], after.steps[-1])]
    for one, other in [(old[name], new[name]) for name in names] or last:
        yield _title(one, other), (Predictor(before, one, profile), Predictor(after, other, profile))


def _tell_uncompared(names: Iterable[str], *, are_last_compared: bool) -> None:
    if names and not are_last_compared:
        print_error(f"not compared, because only one side has them: the steps {', '.join(sorted(names))}")


def _title(one: Step, other: Step) -> str:
    return one.name if one.name == other.name else f"{one.name} -> {other.name}"


def _accepted(file: Path | None) -> tuple[AcceptedChange, ...]:
    if file is None:
        return ()
    try:
        return parse_accepted(file.read_text(encoding="utf-8"), str(file))
    except UnicodeDecodeError as error:
        raise HarnessError(f"{file} is not UTF-8; convert it") from error


def _judged(compared: _Compared, accepted: Sequence[AcceptedChange]) -> StepChanges:
    found = compared.comparison
    left = tuple(change for change in found.changes if not any(line.accepts(change) for line in accepted))
    objects = changed_objects(compared.before, compared.after)
    return StepChanges(
        compared.name, left, len(found.changes) - len(left), found.compared, found.unknown, objects=objects
    )


def _tell_unused(accepted: Sequence[AcceptedChange], found: Iterable[Comparison]) -> None:
    changes = [change for comparison in found for change in comparison.changes]
    for line in accepted:
        if not any(line.accepts(change) for change in changes):
            print_error(f"{line.where}: no change is '{line.pattern}'; remove the line")


_FORMATS: Mapping[str, Callable[[Sequence[StepChanges]], str]] = {
    "text": lambda steps: as_text(steps, output_width()),
    "md": as_markdown,
    "json": as_json,
}
