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

from netpol_harness.backends.base import ClusterOptions, Leftover
from netpol_harness.backends.runs.directory import abandoned, remove
from netpol_harness.backends.runs.owner import Life, Owner, life_of
from netpol_harness.backends.select import choose
from netpol_harness.cli.arguments import hours
from netpol_harness.cli.output import complain
from netpol_harness.errors import HarnessError
from netpol_harness.escape import one_line


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A leftover, how to remove it, and whether it is removed: of a dead run, or older than the user allows."""

    leftover: Leftover
    remove: Callable[[str], None]
    doomed: bool


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
    """Show the leftovers and remove those of dead runs. Return 2 if one could not be removed."""
    oldest = None if given.older_than is None else datetime.now(UTC) - timedelta(hours=given.older_than)
    candidates = [*_folders(), *_on_backends(given, oldest)]
    _show(candidates, dry_run=given.dry_run)
    failed = False
    for candidate in candidates:
        if candidate.doomed and not given.dry_run:
            name = candidate.leftover.name
            try:
                candidate.remove(name)
            except HarnessError as error:
                complain(f"{name} at {candidate.leftover.place}: {error}")
                failed = True
    return 2 if failed else 0


def _folders() -> Iterator[_Candidate]:
    """The folders of dead runs on this host."""
    for folder in abandoned():
        yield _Candidate(Leftover(str(folder), "this host", "a run's folder"), _remove_folder, doomed=True)


def _on_backends(given: argparse.Namespace, oldest: datetime | None) -> Iterator[_Candidate]:
    options = ClusterOptions(namespaces=tuple((name, name) for name in given.namespace), yes_really=given.yes_really)
    for name in given.cluster or ["kind"]:
        backend = choose(name, options).backend
        for leftover in backend.leftovers():
            yield _Candidate(leftover, backend.remove, doomed=_is_doomed(leftover, oldest))


def _is_doomed(leftover: Leftover, oldest: datetime | None) -> bool:
    old = oldest is not None and leftover.since is not None and leftover.since < oldest
    life = life_of(leftover.name)
    return life is Life.DEAD or (life is Life.ELSEWHERE and old)


def _owner(leftover: Leftover) -> str:
    """``process 17, dead, HOST since TIME``; without host and time where a process of this host is all there is."""
    owner = Owner.find(leftover.name)
    process = f"process {owner.pid}, {owner.life}" if owner else "unknown"
    if not (leftover.host or leftover.since) and owner and owner.life is not Life.ELSEWHERE:
        return process
    since = leftover.since.isoformat() if leftover.since else "unknown"
    return f"{process}, {leftover.host or 'host unknown'} since {since}"


def _remove_folder(name: str) -> None:
    remove(Path(name))


def _show(candidates: Sequence[_Candidate], *, dry_run: bool) -> None:
    console = Console(markup=False, emoji=False, highlight=False)
    if not candidates:
        console.print("nothing left behind")
        return
    table = Table("what", "where", "of run", "owner", "", box=None, pad_edge=False)
    for candidate in candidates:
        leftover = candidate.leftover
        fate = "stays" if not candidate.doomed else "would be removed" if dry_run else "removed"
        table.add_row(*map(one_line, (leftover.what, leftover.place, leftover.name, _owner(leftover), fate)))
    console.print(table)
