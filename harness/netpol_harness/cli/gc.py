"""Remove leftovers of dead runs: folders and clusters on this host, and objects on existing clusters.

A run is dead if its process, of the current boot of this host, has ended. Whether a run of another host is dead is
unknown: its leftovers are listed, and removed only with --older-than.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from netpol_harness.backends.base import Leftover
from netpol_harness.backends.runs.directory import abandoned, remove
from netpol_harness.backends.runs.owner import Owner, OwnerState, owner_state
from netpol_harness.backends.select import BackendOptions, choose
from netpol_harness.cli.arguments import hours
from netpol_harness.cli.output import print_error
from netpol_harness.errors import HarnessError
from netpol_harness.escape import one_line


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A leftover, how to remove it, and whether it is removed: of a dead run, or older than the user allows."""

    leftover: Leftover
    remove: Callable[[str], None]
    doomed: bool


def add(command: argparse.ArgumentParser) -> None:
    """Declare where to look, and what to remove."""
    option = command.add_argument
    option(
        "--cluster",
        action="append",
        metavar="BACKEND",
        help="where to look beside this host's folders: kind (default), kubeconfig[:CONTEXT]; may be repeated",
    )
    option(
        "--namespace",
        action="append",
        default=[],
        metavar="NAME",
        help="a namespace to look into, if you may not list all",
    )
    option("--older-than", type=hours, metavar="HOURS", help="remove leftovers of other hosts' runs of this age, too")
    option("--dry-run", action="store_true", help="list the leftovers and remove nothing")
    option("--yes-really", action="store_true", help="look at a cluster even if it looks like production")


def run(args: argparse.Namespace) -> int:
    """Show the leftovers and remove those of dead runs. Return 2 if one could not be removed."""
    oldest = None if args.older_than is None else datetime.now(UTC) - timedelta(hours=args.older_than)
    candidates = [*_run_folders(), *_on_backends(args, oldest)]
    _show(candidates, dry_run=args.dry_run)
    failed = False
    for candidate in candidates:
        if candidate.doomed and not args.dry_run:
            name = candidate.leftover.name
            try:
                candidate.remove(name)
            except HarnessError as error:
                print_error(f"{name} at {candidate.leftover.place}: {error}")
                failed = True
    return 2 if failed else 0


def _run_folders() -> Iterator[_Candidate]:
    """Yield the folders of dead runs on this host."""
    for folder in abandoned():
        yield _Candidate(Leftover(str(folder), "this host", "a run's folder"), _remove_folder, doomed=True)


def _on_backends(args: argparse.Namespace, oldest: datetime | None) -> Iterator[_Candidate]:
    namespaces = tuple((name, name) for name in args.namespace)
    options = BackendOptions({"namespace": namespaces, "yes_really": args.yes_really})
    for name in args.cluster or ["kind"]:
        backend = choose(name, options).backend
        for leftover in backend.leftovers():
            yield _Candidate(leftover, backend.delete, doomed=_is_doomed(leftover, oldest))


def _is_doomed(leftover: Leftover, oldest: datetime | None) -> bool:
    old = oldest is not None and leftover.since is not None and leftover.since < oldest
    life = owner_state(leftover.name)
    return life is OwnerState.DEAD or (life is OwnerState.ELSEWHERE and old)


def _owner(leftover: Leftover) -> str:
    """``process 17, dead, HOST since TIME``; without host and time if the run is one of this host."""
    owner = Owner.find(leftover.name)
    process = f"process {owner.pid}, {owner.state}" if owner else "unknown"
    if not (leftover.host or leftover.since) and owner and owner.state is not OwnerState.ELSEWHERE:
        return process
    since = leftover.since.isoformat() if leftover.since else "unknown"
    return f"{process}, {leftover.host or 'host unknown'} since {since}"


def _remove_folder(name: str) -> None:
    remove(Path(name))


def _show(candidates: Sequence[_Candidate], *, dry_run: bool) -> None:
    console = Console(markup=False, emoji=False, highlight=False)
    if not candidates:
        console.print("no leftovers")
        return
    table = Table("what", "where", "run", "owner", "", box=None, pad_edge=False)
    for candidate in candidates:
        leftover = candidate.leftover
        fate = "kept" if not candidate.doomed else "would be removed" if dry_run else "removed"
        table.add_row(*map(one_line, (leftover.description, leftover.place, leftover.name, _owner(leftover), fate)))
    console.print(table)
