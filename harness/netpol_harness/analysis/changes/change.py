"""The paths whose verdicts differ between two snapshots, and how. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from netpol_harness.analysis.changes.deciding import Snapshot, decided_by
from netpol_harness.analysis.changes.equal_cells import EqualCells, equal_cells
from netpol_harness.analysis.changes.reason import Reason
from netpol_harness.analysis.changes.strangers import with_strangers_of
from netpol_harness.analysis.predict import Predictor, broad_verdict
from netpol_harness.analysis.table import VerdictTable
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Path


class Effect(StrEnum):
    """What a change does to a path.

    OPENED       it becomes reachable
    CLOSED       it stops being reachable
    NAME_LOST    the name of its target does not resolve any more
    NAME_FOUND   the name of its target resolves, but the path is blocked
    UNCERTAIN    it may become reachable, or may stop being so: the API, or what is known, leaves one verdict open
    """

    OPENED = "opened"
    CLOSED = "closed"
    NAME_LOST = "name-lost"
    NAME_FOUND = "name-found"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Change:
    """A path with its verdicts. ``None``: one of its ends does not exist on that side.

    ``reasons`` tell which policies and rules decide, with ``file:line``.
    """

    path: Path
    before: Expected | None
    after: Expected | None
    effect: Effect
    reasons: tuple[Reason, ...] = ()

    def __str__(self) -> str:
        return f"{self.effect}: {self.path}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two snapshots compared: the changed paths, in the order of the tables with those of the second first.

    ``compared`` is the number of paths that exist on a side. ``unknown`` of them are UNDEFINED on both, so that a
    change of them would not be seen.
    """

    changes: tuple[Change, ...]
    compared: int
    unknown: int


def compare(before: Predictor, after: Predictor) -> Comparison:
    """Compare the verdicts on every path of two steps."""
    one, other = with_strangers_of(before, after), with_strangers_of(after, before)
    return compare_the_rest(one, other, equal_cells(one, other))


def compare_the_rest(one: Predictor, other: Predictor, equal: EqualCells) -> Comparison:
    """Compare two steps with the same strangers path by path, except the paths that are known to be equal."""
    old, new = VerdictTable.of(one, equal.others).verdicts, VerdictTable.of(other, equal.others).verdicts
    both: list[tuple[Path, Expected | None, Expected | None]]
    both = [(path, old.get(path), verdict) for path, verdict in new.items()]
    both += ((path, verdict, None) for path, verdict in old.items() if path not in new)
    old_side, new_side = Snapshot(one), Snapshot(other)
    changes = tuple(
        Change(path, was, now, effect, decided_by(old_side if was else None, new_side if now else None, path))
        for path, was, now in both
        if was is not now and (effect := effect_of(was, now))
    )
    unknown = sum(was is now is Expected.UNDEFINED for _, was, now in both)
    return Comparison(changes, len(both) + equal.count, unknown + equal.unknown)


def effect_of(before: Expected | None, after: Expected | None) -> Effect | None:
    """Return what two verdicts on a path mean; ``None`` if nothing that a client notices has changed.

    A path that did not exist was not reachable. One that is gone, or is new and blocked, matters to nobody.
    """
    old = broad_verdict(before or Expected.BLOCKED)
    new = broad_verdict(after or Expected.BLOCKED)
    if old is new:
        return None
    if Expected.UNDEFINED in (old, new):
        return None if after is None else Effect.UNCERTAIN
    if new is Expected.ALLOWED:
        return Effect.OPENED
    if new is Expected.UNRESOLVED:
        return None if before is None else Effect.NAME_LOST
    if old is Expected.ALLOWED:
        return Effect.CLOSED
    return None if after is None else Effect.NAME_FOUND
