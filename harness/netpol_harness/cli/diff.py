"""Tell what a change of manifests opens and closes: the paths whose verdicts differ, and the rules that decide, with
file and line. Needs no cluster, except with --prove.

  netpol diff BEFORE AFTER          two scenarios, or two directories or files of manifests
  netpol diff REV1..REV2 DIR        one of them at two revisions of its git repository; without REV2, as it is now

Steps of the same name are compared; if there are none, the last steps. The exit code is 1 if a path changes that the
file of --accept does not name. That file has a line for each accepted change, EFFECT: SOURCE -> TARGET, where * stands
for any text and # begins a comment; effects are opened, closed, name-lost, name-found and uncertain.

--prove starts a cluster, applies BEFORE, probes the changed paths, applies AFTER and probes them again. Each change is
then proven, contradicted or not provable. The exit code is 3 if one is contradicted.
"""

import argparse
from contextlib import ExitStack
from pathlib import Path

from netpol_harness.cli.arguments import path
from netpol_harness.cli.comparing import declare_comparison, report
from netpol_harness.cli.revisions import checked_out, is_range
from netpol_harness.cli.scenarios import opened
from netpol_harness.report.sarif import Sides


def add(command: argparse.ArgumentParser) -> None:
    """Declare both sides, and what all comparisons have."""
    command.add_argument("before", metavar="BEFORE", help="a scenario, manifests, or revisions of git: REV1..REV2")
    command.add_argument("after", metavar="AFTER", type=path, help="a scenario, manifests; with revisions, where")
    declare_comparison(command)


def run(args: argparse.Namespace) -> int:
    """Print the changes; return 1 if one is not accepted, 3 if packets contradict one."""
    with ExitStack() as stack:
        before, after = map(opened, _sides(args, stack))
        old = args.after if is_range(args.before) else path(args.before)
        return report(args, before, after, Sides(old, args.after))


def _sides(args: argparse.Namespace, stack: ExitStack) -> tuple[Path, Path]:
    if not is_range(args.before):
        return path(args.before), args.after
    first, _, last = args.before.partition("..")
    before = stack.enter_context(checked_out(first, args.after))
    return before, stack.enter_context(checked_out(last, args.after)) if last else args.after
