import pytest

from netpol_harness.emulator.dataplane.rules import Chain, NamedSet, Ruleset
from netpol_harness.emulator.dataplane.transaction import EMPTY, transaction

SEVERAL = Ruleset(
    {"base": Chain(("jump one",), "type filter hook forward priority 0; policy accept;"), "one": Chain(("accept",))},
    {"pods": NamedSet("ipv4_addr", {"10.0.0.1": "", "10.0.0.2": ""}), "map": NamedSet("ipv4_addr : verdict")},
)


def lines(old: Ruleset, new: Ruleset) -> list[str]:
    return [line.strip() for line in transaction(old, new).splitlines()]


def test_equal_rulesets_need_no_transaction() -> None:
    assert transaction(SEVERAL, SEVERAL) == ""


def test_every_name_is_declared_before_it_is_used() -> None:
    text = lines(EMPTY, SEVERAL)
    assert text.index("set pods { type ipv4_addr; }") < text.index("jump one")
    assert "add element inet netpol pods { 10.0.0.1, 10.0.0.2 }" in text


@pytest.mark.parametrize(
    ("chains", "sets", "expected"),
    [
        ({}, {"pods": NamedSet("ipv4_addr", {"10.0.0.2": "", "10.0.0.3": ""})}, ["delete 10.0.0.1", "add 10.0.0.3"]),
        ({"one": Chain(("drop",))}, {}, ["flush one", "fill one"]),
        ({"two": Chain()}, {}, ["fill two"]),
        ({}, {"map": NamedSet("ipv4_addr : verdict", {"10.0.0.1": "jump one"})}, ["add 10.0.0.1 : jump one"]),
    ],
    ids=["elements", "rules", "chain", "map"],
)
def test_only_what_differs(chains: dict[str, Chain], sets: dict[str, NamedSet], expected: list[str]) -> None:
    new = Ruleset({**SEVERAL.chains, **chains}, {**SEVERAL.sets, **sets})
    assert _summary(lines(SEVERAL, new)) == expected


def test_a_changed_value_is_deleted_before_it_is_added() -> None:
    old = Ruleset({"one": Chain(), "two": Chain()}, {"map": NamedSet("mark : verdict", {"1": "jump one"})})
    new = Ruleset(old.chains, {"map": NamedSet("mark : verdict", {"1": "jump two"})})
    assert _summary(lines(old, new)) == ["delete 1 : jump one", "add 1 : jump two"]


def test_references_to_a_chain_are_deleted_before_the_chain() -> None:
    old = Ruleset({"one": Chain(("accept",))}, {"map": NamedSet("mark : verdict", {"1": "jump one"})})
    assert lines(old, EMPTY) == [
        "flush chain inet netpol one",
        "delete element inet netpol map { 1 : jump one }",
        "delete chain inet netpol one",
        "delete map inet netpol map",
    ]


def _summary(text: list[str]) -> list[str]:
    """Return the verbs of a transaction with their objects."""
    summary = []
    for line in text:
        words = line.split()
        match words:
            case ["add" | "delete" as verb, "element", *_]:
                summary.append(f"{verb} {line[line.index('{') + 2 : -2]}")
            case ["flush" as verb, "chain", *_, name]:
                summary.append(f"{verb} {name}")
            case ["chain", name, "{"]:
                summary.append(f"fill {name}")
    return summary
