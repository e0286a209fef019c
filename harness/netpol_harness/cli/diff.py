"""Tell what a change of manifests opens and closes: the paths whose verdicts differ, and the rules that decide, with
file and line. Needs no cluster.

  netpol diff BEFORE AFTER          two scenarios, or two directories or files of manifests
  netpol diff REV1..REV2 DIR        one of them at two revisions of its git repository; without REV2, as it is now

Steps of the same name are compared; if there are none, the last steps. The exit code is 1 if a path changes that the
file of --accept does not name. That file has a line for each accepted change, EFFECT: SOURCE -> TARGET, where * stands
for any text and # begins a comment; effects are opened, closed, name-lost, name-found and uncertain.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from netpol_harness.analysis.changes.acceptance import AcceptedChange, parse_accepted
from netpol_harness.analysis.changes.change import Comparison, compare
from netpol_harness.analysis.predict import Predictor
from netpol_harness.cli.arguments import path
from netpol_harness.cli.output import print_error, print_text
from netpol_harness.cli.revisions import checked_out, is_range
from netpol_harness.cli.scenarios import declare_profile, opened, profile_of
from netpol_harness.errors import HarnessError
from netpol_harness.oracle.points import Profile
from netpol_harness.paths.diagnostics import suggest
from netpol_harness.report.changes import StepChanges, as_json, as_markdown, as_text
from netpol_harness.report.width import output_width
from netpol_harness.scenario.scenario import Scenario, Step


def add(command: argparse.ArgumentParser) -> None:
    """Declare both sides, the step, the accepted changes, the profile and the output format."""
    command.add_argument("before", metavar="BEFORE", help="a scenario, manifests, or revisions of git: REV1..REV2")
    command.add_argument("after", metavar="AFTER", type=path, help="a scenario, manifests; with revisions, where")
    command.add_argument("--step", metavar="NAME", help="compare only this step")
    command.add_argument("--accept", metavar="FILE", type=path, help="changes that are no findings, one a line")
    declare_profile(command)
    formats = "text (default), Markdown for a pull request, or JSON with every path"
    command.add_argument("-o", "--output", choices=list(_FORMATS), default="text", help=formats)


def run(args: argparse.Namespace) -> int:
    """Print the changes; return 1 if one is not accepted."""
    accepted = _accepted(args.accept)
    with ExitStack() as stack:
        before, after = map(opened, _sides(args, stack))
        found = {name: compare(*both) for name, both in _pairs(args.step, before, after, profile_of(args))}
    if not any(comparison.compared for comparison in found.values()):
        raise HarnessError("there is nothing to compare: no pod and no Service of either side serves a port")
    steps = [_judged(name, comparison, accepted) for name, comparison in found.items()]
    print_text(_FORMATS[args.output](steps))
    _tell_unused(accepted, found.values())
    return 1 if any(step.changes for step in steps) else 0


def _sides(args: argparse.Namespace, stack: ExitStack) -> tuple[Path, Path]:
    if not is_range(args.before):
        return path(args.before), args.after
    first, _, last = args.before.partition("..")
    before = stack.enter_context(checked_out(first, args.after))
    return before, stack.enter_context(checked_out(last, args.after)) if last else args.after


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


def _judged(name: str, found: Comparison, accepted: Sequence[AcceptedChange]) -> StepChanges:
    left = tuple(change for change in found.changes if not any(line.accepts(change) for line in accepted))
    return StepChanges(name, left, len(found.changes) - len(left), found.compared, found.unknown)


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
