"""From one ruleset to another in one nftables transaction, as small as the difference.

Laws: the transaction from A to B, run on a table that holds A, leaves what the transaction from EMPTY to B makes; the
one from A to A is empty text. A name keeps its type and hook in all rulesets, and base chains stay: deleting and
remaking a table lets packets through between the old base chains and the new (measured), refilling chains in place
does not.

Order inside: declare what is new, empty the chains that change, take elements, give elements, fill chains, drop what
is left over. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping

from netpol_harness.emulator.dataplane.rules import TABLE, Chain, NamedSet, Ruleset

EMPTY = Ruleset()


def transaction(old: Ruleset, new: Ruleset) -> str:
    """nft commands for one transaction; empty where nothing changes."""
    if old == new:
        return ""
    refilled = {name: chain for name, chain in new.chains.items() if old.chains.get(name, Chain()).rules != chain.rules}
    emptied = [
        name for name, chain in old.chains.items() if chain.rules and (name in refilled or name not in new.chains)
    ]
    return "\n".join(
        [
            *_table([*_new_sets(old, new), *_new_chains(old, new)]),
            *(f"flush chain {TABLE} {name}" for name in emptied),
            *_elements("delete", new.sets, old.sets),
            *_elements("add", old.sets, new.sets),
            *_table(_chain(name, chain.rules) for name, chain in refilled.items()),
            *(f"delete chain {TABLE} {name}" for name in old.chains if name not in new.chains),
            *(f"delete {gone.keyword} {TABLE} {name}" for name, gone in old.sets.items() if name not in new.sets),
            "",
        ]
    )


def _table(blocks: Iterable[str]) -> list[str]:
    content = list(blocks)
    return [f"table {TABLE} {{", *content, "}"] if content else []


def _new_sets(old: Ruleset, new: Ruleset) -> Iterator[str]:
    for name, one in new.sets.items():
        if name not in old.sets:
            flags = f"flags {one.flags}; " if one.flags else ""
            yield f"  {one.keyword} {name} {{ type {one.type}; {flags}}}"


def _new_chains(old: Ruleset, new: Ruleset) -> Iterator[str]:
    for name, chain in new.chains.items():
        if name not in old.chains:
            yield _chain(name, (chain.hook,))


def _chain(name: str, lines: Iterable[str]) -> str:
    return "\n".join((f"  chain {name} {{", *(f"    {line}" for line in lines if line), "  }"))


def _elements(verb: str, without: Mapping[str, NamedSet], within: Mapping[str, NamedSet]) -> Iterator[str]:
    """Commands for the elements of ``within`` that ``without`` has not, or has with another value.

    A set that goes takes its elements along; a map's elements are taken first, since they hold on to chains.
    """
    for name, one in within.items():
        other = without[name].elements if name in without else {}
        if verb == "delete" and name not in without and one.keyword == "set":
            continue
        missing = [f"{k} : {v}" if v else k for k, v in one.elements.items() if other.get(k) != v]
        if missing:
            yield f"{verb} element {TABLE} {name} {{ {', '.join(missing)} }}"
