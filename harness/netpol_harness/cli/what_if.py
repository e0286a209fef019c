"""Tell what a manifest would open and close if it were applied to a scenario or to manifests, with file and line.

  netpol what-if DIR -f policy.yaml           an object of the same kind and name is replaced, as by kubectl apply
  netpol what-if DIR -f - < policy.yaml       from standard input
  netpol what-if DIR --delete NetworkPolicy/shop/deny-all

The objects are applied in every step; --step chooses one. All else is as in `netpol diff`: the exit code is 1 if a path
changes that the file of --accept does not name, and with --prove it is 3 if packets contradict a change.
"""

import argparse
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from netpol_harness.cli.arguments import path
from netpol_harness.cli.comparing import declare_comparison, report
from netpol_harness.cli.scenarios import opened, streamed
from netpol_harness.errors import HarnessError
from netpol_harness.paths.diagnostics import suggest
from netpol_harness.report.sarif import Sides
from netpol_harness.scenario.api_objects import LocatedManifest
from netpol_harness.scenario.derive import objects_at, objects_in
from netpol_harness.scenario.overlay import Overlay
from netpol_harness.scenario.scenario import Manifest, Scenario


def add(command: argparse.ArgumentParser) -> None:
    """Declare the scenario, the manifests to apply, the objects to delete, and what all comparisons have."""
    command.add_argument("scenario", metavar="DIR", type=path, help="a scenario, or a directory or file of manifests")
    files = "manifests to apply: a file, a directory, or - for standard input; may be repeated"
    command.add_argument("-f", "--filename", metavar="FILE", type=path, action="append", default=[], help=files)
    deleted = "an object to delete: KIND/NAME, or KIND/NAMESPACE/NAME; may be repeated"
    command.add_argument("--delete", metavar="OBJECT", action="append", default=[], help=deleted)
    declare_comparison(command)


def run(args: argparse.Namespace) -> int:
    """Print the changes; return 1 if one is not accepted, 3 if packets contradict one."""
    if not (args.filename or args.delete):
        raise HarnessError("there is nothing to change; give manifests with -f or objects with --delete")
    if str(args.scenario) == "-":
        raise HarnessError("DIR is read twice, so it cannot be standard input; give a directory or a file")
    applied = tuple(located for file in args.filename for located in _objects(file))
    before = opened(args.scenario)
    deleted = frozenset((m.group, m.name) for text in args.delete for m in [_found(text, before)])
    after = opened(args.scenario, Overlay(_last_of_each(applied), deleted))
    return report(args, before, after, Sides(args.scenario, args.scenario, tuple(args.filename)))


def _objects(file: Path) -> tuple[LocatedManifest, ...]:
    return objects_at(file) if (text := streamed(file)) is None else objects_in(text)


def _last_of_each(applied: tuple[LocatedManifest, ...]) -> tuple[LocatedManifest, ...]:
    """Return the last object of each kind and name: what is applied later replaces what was applied before."""
    return tuple({(each.manifest.group, each.manifest.name): each for each in applied}.values())


def _found(text: str, scenario: Scenario) -> Manifest:
    """Return the only object that ``KIND/[NAMESPACE/]NAME`` means. Raises ``HarnessError``."""
    objects = {(m.group, m.name): m for m in _written(scenario)}
    found = [manifest for manifest in objects.values() if text.lower() in map(str.lower, _names(manifest))]
    if len(found) > 1:
        options = ", ".join(_names(manifest)[-1] for manifest in found)
        raise HarnessError(f"--delete {text} means several objects; write one of {options}")
    if not found:
        known = [name for manifest in objects.values() for name in _names(manifest)]
        raise HarnessError(f"--delete {text}: there is no such object; {suggest(text, known)}")
    return found[0]


def _written(scenario: Scenario) -> Iterator[Manifest]:
    yield from scenario.workloads
    yield from chain.from_iterable(step.policies for step in scenario.steps)


def _names(manifest: Manifest) -> tuple[str, ...]:
    """Return the ways to name an object, the longest last."""
    ref, kind = manifest.name.ref, manifest.data["kind"]
    return tuple(dict.fromkeys([f"{kind}/{ref.name}", "/".join(filter(None, [kind, ref.namespace, ref.name]))]))
