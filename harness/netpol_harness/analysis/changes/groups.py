"""Changes told together: all that have the same effect for the same reasons, as blocks of sources and targets. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from netpol_harness.analysis.changes.change import Change, Effect
from netpol_harness.paths.outcome import Expected


@dataclass(frozen=True, slots=True)
class Block:
    """Every one of these sources with every one of these targets, by name."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Changes with the same effect, verdicts and reasons. ``count`` is their number."""

    effect: Effect
    before: Expected | None
    after: Expected | None
    reasons: tuple[str, ...]
    count: int
    blocks: tuple[Block, ...]


def groups(changes: Iterable[Change]) -> list[Group]:
    """Return the groups: by effect in the order of ``Effect``, and the largest first."""
    sorted_out: dict[tuple[Effect, Expected | None, Expected | None, tuple[str, ...]], list[Change]] = defaultdict(list)
    for change in changes:
        sorted_out[change.effect, change.before, change.after, change.reasons].append(change)
    every = [Group(*key, len(members), tuple(_blocks(members))) for key, members in sorted_out.items()]
    order = [*Effect]
    return sorted(every, key=lambda group: (order.index(group.effect), -group.count))


def _blocks(members: Sequence[Change]) -> Iterator[Block]:
    """Put the sources of equal targets together."""
    targets: dict[str, dict[str, None]] = defaultdict(dict)
    for change in members:
        targets[change.path.source_text][change.path.target_text] = None
    sources: dict[frozenset[str], list[str]] = defaultdict(list)
    for source, own in targets.items():
        sources[frozenset(own)].append(source)
    for same in sources.values():
        yield Block(tuple(same), tuple(targets[same[0]]))
