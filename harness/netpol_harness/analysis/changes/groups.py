"""Changes told together: all that have the same effect for like reasons, as blocks of sources and targets. Pure."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from netpol_harness.analysis.changes.change import Change, Effect
from netpol_harness.analysis.changes.reason import Named, summary
from netpol_harness.paths.outcome import Expected


@dataclass(frozen=True, slots=True)
class Block:
    """Every one of these sources with every one of these targets, by name."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Changes with the same effect and verdicts, and with equal reasons or with reasons of equal form.

    ``reasons`` are sentences. ``names`` are the policies and rules that they name, and ``identity`` are the sentences
    without places. ``count`` is the number of changes.
    """

    effect: Effect
    before: Expected | None
    after: Expected | None
    reasons: tuple[str, ...]
    count: int
    blocks: tuple[Block, ...]
    names: tuple[Named, ...] = ()
    identity: tuple[str, ...] = ()


def groups(changes: Iterable[Change], most: int | None = None) -> list[Group]:
    """Return the groups: by effect in the order of ``Effect``, and the largest first.

    If there are more than ``most`` groups of equal reasons, those whose reasons have equal form stand together.
    """
    every = tuple(changes)
    found = _sorted_out(every, lambda change: change.reasons)
    if most is not None and len(found) > most:
        found = _sorted_out(every, lambda change: tuple(reason.form for reason in change.reasons))
    order = [*Effect]
    return sorted(map(_group, found), key=lambda group: (order.index(group.effect), -group.count))


def _sorted_out(changes: Iterable[Change], reasons: Callable[[Change], object]) -> Collection[Sequence[Change]]:
    found: dict[object, list[Change]] = defaultdict(list)
    for change in changes:
        found[change.effect, change.before, change.after, reasons(change)].append(change)
    return found.values()


def _group(members: Sequence[Change]) -> Group:
    first = members[0]
    columns = [*zip(*(change.reasons for change in members), strict=True)]
    names = dict.fromkeys(name for column in columns for reason in dict.fromkeys(column) for name in reason.names)
    identity = dict.fromkeys(reason.without_places for column in columns for reason in dict.fromkeys(column))
    sentences = tuple(map(summary, columns))
    blocks = tuple(_blocks(members))
    return Group(
        first.effect, first.before, first.after, sentences, len(members), blocks, tuple(names), tuple(identity)
    )


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
