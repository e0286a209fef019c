from dataclasses import replace

from netpol_harness.analysis.changes.change import Change, Effect
from netpol_harness.analysis.changes.groups import Block, groups
from netpol_harness.analysis.changes.reason import Named, Names, Reason, summary
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.ends import PodSource, PodTarget
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Path, Scheme


def change(source: str, target: str, *reasons: str, effect: Effect = Effect.OPENED) -> Change:
    ends = PodSource(NamespacedName("n", source)), PodTarget(NamespacedName("n", target), 80)
    path = Path(ends[0], Scheme.TCP, ends[1], source, f"{target}:80")
    return Change(path, Expected.BLOCKED, Expected.ALLOWED, effect, tuple(map(Reason.of, reasons)))


def test_sources_of_equal_targets_stand_together() -> None:
    pairs = [("a", "x"), ("b", "x"), ("a", "y"), ("b", "y"), ("c", "x")]
    (group,) = groups(change(*pair, "rule 1") for pair in pairs)
    assert group.count == 5
    assert group.blocks == (Block(("a", "b"), ("x:80", "y:80")), Block(("c",), ("x:80",)))


def test_every_change_is_in_one_block() -> None:
    pairs = {(s, t) for s in "abcdef" for t in "uvwxyz" if (ord(s) * ord(t)) % 3}
    (group,) = groups(change(*pair) for pair in sorted(pairs))
    cells = [(s, t) for block in group.blocks for s in block.sources for t in block.targets]
    assert sorted(cells) == sorted((s, f"{t}:80") for s, t in pairs)


def test_groups_differ_by_effect_and_reasons_and_the_largest_is_first() -> None:
    found = groups(
        [
            change("a", "x", "rule 1", effect=Effect.CLOSED),
            change("a", "y", "rule 1"),
            change("a", "z", "rule 2"),
            change("b", "z", "rule 2"),
        ]
    )
    assert [(group.effect, group.reasons, group.count) for group in found] == [
        (Effect.OPENED, ("rule 2",), 2),
        (Effect.OPENED, ("rule 1",), 1),
        (Effect.CLOSED, ("rule 1",), 1),
    ]


def admitted(source: str, target: str, rule: str) -> Change:
    """A path that another rule opens than it does any other."""
    reason = Reason.of("ingress: ", Names((Named(f"rule {rule}"),), " admits", " admit"), " this")
    return replace(change(source, target), reasons=(reason,))


def test_too_many_groups_are_told_by_the_form_of_their_reasons() -> None:
    changes = [admitted("web", f"db-{number}", str(number)) for number in range(9)]
    assert len(groups(changes, 9)) == 9
    (group,) = groups(changes, 8)
    assert group.reasons == ("ingress: rule 0, rule 1 and 7 more admit this",)
    assert group.count == 9
    assert [name.text for name in group.names] == [f"rule {number}" for number in range(9)]


def test_what_most_reasons_name_comes_first() -> None:
    def denied(*policies: str) -> Reason:
        return Reason.of(Names(tuple(map(Named, policies)), " isolates", " isolate"), " the target")

    told = [denied("a", "deny-all"), denied("b", "deny-all"), denied("c", "deny-all")]
    assert summary(told) == "deny-all, a and 2 more isolate the target"
    assert summary(told[:1]) == "a and deny-all isolate the target"
