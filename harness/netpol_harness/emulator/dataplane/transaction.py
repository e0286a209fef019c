"""From one ruleset to another in one nftables transaction, as small as the difference.

Laws: the transaction from A to B, run on a table that holds A, gives the same table as the transaction from EMPTY to B.
The one from A to A is empty text. A name keeps its type and hook in all rulesets, and base chains stay: measured,
deleting and recreating a table lets packets through between the old base chains and the new ones, while refilling
chains in place does not.

Order within a transaction: declare new objects, flush the chains that change, delete elements, add elements, fill
chains, delete leftovers. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping

from netpol_harness.emulator.dataplane.rules import TABLE, Chain, NamedSet, Ruleset

EMPTY = Ruleset()


def transaction(old: Ruleset, new: Ruleset) -> str:
    """Return the nft commands of one transaction; empty if nothing changes."""
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
            *(f"delete {removed.keyword} {TABLE} {name}" for name, removed in old.sets.items() if name not in new.sets),
            "",
        ]
    )


def _table(blocks: Iterable[str]) -> list[str]:
    content = list(blocks)
    return [f"table {TABLE} {{", *content, "}"] if content else []


def _new_sets(old: Ruleset, new: Ruleset) -> Iterator[str]:
    for name, named_set in new.sets.items():
        if name not in old.sets:
            flags = f"flags {named_set.flags}; " if named_set.flags else ""
            timeout = f"timeout {named_set.timeout}s; " if named_set.timeout else ""
            yield f"  {named_set.keyword} {name} {{ type {named_set.type}; {flags}{timeout}}}"


def _new_chains(old: Ruleset, new: Ruleset) -> Iterator[str]:
    for name, chain in new.chains.items():
        if name not in old.chains:
            yield _chain(name, (chain.hook,))


def _chain(name: str, lines: Iterable[str]) -> str:
    return "\n".join((f"  chain {name} {{", *(f"    {line}" for line in lines if line), "  }"))


def _elements(verb: str, without: Mapping[str, NamedSet], within: Mapping[str, NamedSet]) -> Iterator[str]:
    """Yield commands for the elements of ``within`` that ``without`` lacks, or has with another value.

    A deleted set takes its elements with it. A map's elements are deleted first, because they refer to chains.
    """
    for name, named_set in within.items():
        others = without[name].elements if name in without else {}
        if verb == "delete" and name not in without and named_set.keyword == "set":
            continue
        missing = [f"{k} : {v}" if v else k for k, v in named_set.elements.items() if others.get(k) != v]
        if missing:
            yield f"{verb} element {TABLE} {name} {{ {', '.join(missing)} }}"
