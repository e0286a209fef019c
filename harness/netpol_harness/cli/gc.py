"""Remove what dead runs have left behind.

Dead is a run whose owner is known not to live: a process of this very boot of this host. What belongs to other hosts is
shown, and removed only when it is older than the user says.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from netpol_harness.backends.base import ClusterOptions
from netpol_harness.backends.existing import ExistingClusterBackend
from netpol_harness.backends.runs.directory import abandoned, remove
from netpol_harness.backends.runs.owner import Life, Owner
from netpol_harness.backends.select import choose
from netpol_harness.cli.arguments import hours
from netpol_harness.cli.output import complain
from netpol_harness.errors import HarnessError
from netpol_harness.escape import one_line
from netpol_harness.model.names import ObjectKey


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that a run has made: its name, where and what it is, who owns it, and whether it is to go."""

    name: str
    place: str
    what: str
    owner: str
    doomed: bool


_Removal = tuple[Leftover, Callable[[str], None]]
_NAMED = 3  # objects of a run that are named one by one


def add(command: argparse.ArgumentParser) -> None:
    """Where to look, and what may go."""
    option = command.add_argument
    option(
        "--cluster",
        action="append",
        metavar="BACKEND",
        help="where to look: kind, kubeconfig or kubeconfig:CONTEXT; may be repeated (default: this host)",
    )
    option("--namespace", action="append", default=[], metavar="NAME", help="look here too, where you may not list all")
    option("--older-than", type=hours, metavar="HOURS", help="remove what runs of other hosts left before that, too")
    option("--dry-run", action="store_true", help="only show it")
    option("--yes-really", action="store_true", help="look at a cluster though it looks like production")


def run(given: argparse.Namespace) -> int:
    """Show what was left, and remove what is dead; 2 where something could not be removed."""
    oldest = None if given.older_than is None else datetime.now(UTC) - timedelta(hours=given.older_than)
    removals = [*_folders(), *_elsewhere(given, oldest)]
    _show([found for found, _ in removals], dry_run=given.dry_run)
    failed = False
    for found, go in removals:
        if found.doomed and not given.dry_run:
            try:
                go(found.name)
            except HarnessError as error:
                complain(f"{found.name} at {found.place}: {error}")
                failed = True
    return 2 if failed else 0


def _folders() -> Iterator[_Removal]:
    """The folders of dead runs on this host; whatever dies with its run is dead already."""
    for folder in abandoned():
        yield Leftover(str(folder), "this host", "a run's folder", _owner(folder.name), doomed=True), _remove_folder


def _elsewhere(given: argparse.Namespace, oldest: datetime | None) -> Iterator[_Removal]:
    options = ClusterOptions(namespaces=tuple((name, name) for name in given.namespace), yes_really=given.yes_really)
    for name in given.cluster or ["kind"]:
        backend = choose(name, options).backend
        if isinstance(backend, ExistingClusterBackend):
            yield from _traces(backend, oldest)
        else:
            for left in backend.leftovers():
                yield Leftover(left, name, "a cluster", _owner(left), doomed=True), backend.remove


def _traces(backend: ExistingClusterBackend, oldest: datetime | None) -> Iterator[_Removal]:
    for trace in backend.traces():
        old = oldest is not None and trace.since is not None and trace.since < oldest
        doomed = trace.life is Life.DEAD or (trace.life is Life.ELSEWHERE and old)
        since = trace.since.isoformat() if trace.since else "unknown"
        owner = f"{_owner(trace.run)}, {trace.host or 'host unknown'} since {since}"
        yield Leftover(trace.run, backend.context, _summary(trace.objects), owner, doomed=doomed), backend.remove


def _owner(name: str) -> str:
    owner = Owner.find(name)
    return f"process {owner.pid}, {owner.life}" if owner else "unknown"


def _summary(objects: Sequence[ObjectKey]) -> str:
    """``Namespace a, Namespace b and 3 more``."""
    named = ", ".join(map(str, objects[:_NAMED]))
    return named if len(objects) <= _NAMED else f"{named} and {len(objects) - _NAMED} more"


def _remove_folder(name: str) -> None:
    remove(Path(name))


def _show(found: Sequence[Leftover], *, dry_run: bool) -> None:
    console = Console(markup=False, emoji=False, highlight=False)
    if not found:
        console.print("nothing left behind")
        return
    table = Table("what", "where", "of run", "owner", "", box=None, pad_edge=False)
    for one in found:
        fate = "stays" if not one.doomed else "would be removed" if dry_run else "removed"
        table.add_row(*map(one_line, (one.what, one.place, one.name, one.owner, fate)))
    console.print(table)
