import re
from collections.abc import Iterator, Sequence

import pytest

from netpol_harness.emulator.dataplane.engine import CorrectEngine, PolicyEngine
from netpol_harness.emulator.dataplane.rules import Ruleset
from netpol_harness.emulator.dataplane.snapshot import Snapshot
from netpol_harness.emulator.faults import MUTANTS, THEMES, Mutant, MutatedEngine, named
from netpol_harness.errors import ClusterFailed


def compiled_rules(engine: PolicyEngine, history: Sequence[Snapshot]) -> Iterator[Ruleset]:
    """Yield the rules for every state, once when it comes and once when it has lasted; then those after a restart."""
    for snapshot in history:
        yield engine.compile(snapshot).rules
        yield engine.compile(snapshot).rules
    after = engine.restarted()
    yield after.compile(history[-1]).rules
    yield after.compile(history[-1]).rules


@pytest.fixture(scope="module")
def correct_rules(history: Sequence[Snapshot]) -> Sequence[Ruleset]:
    return list(compiled_rules(CorrectEngine(), history))


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_mutant_differs_from_the_correct_engine(
    mutant: Mutant, history: Sequence[Snapshot], correct_rules: Sequence[Ruleset]
) -> None:
    mutated_rules = compiled_rules(MutatedEngine(mutant), history)
    assert any(rules != correct for rules, correct in zip(mutated_rules, correct_rules, strict=False))


def test_without_a_fault_the_rules_are_correct(history: Sequence[Snapshot], correct_rules: Sequence[Ruleset]) -> None:
    assert list(compiled_rules(MutatedEngine(Mutant("none", "", ())), history)) == correct_rules


def test_no_two_mutants_have_one_name() -> None:
    assert len(MUTANTS) == sum(len(theme.MUTANTS) for theme in THEMES)


def test_no_two_mutants_are_equal(history: Sequence[Snapshot]) -> None:
    seen: dict[str, str] = {}
    for name, mutant in MUTANTS.items():
        rules = repr(list(compiled_rules(MutatedEngine(mutant), history)))
        assert seen.setdefault(rules, name) == name


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_mutant_has_a_description_and_sources(mutant: Mutant) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", mutant.name)
    assert re.fullmatch(r"\S.*\w.*\.", mutant.description)
    assert mutant.sources


def test_a_temporary_fault_ends(history: Sequence[Snapshot]) -> None:
    engine = MutatedEngine(named("startup-window-open"))
    early, late = engine.compile(history[0]), engine.compile(history[0])
    assert early.seconds == 1.0
    assert late.seconds is None
    assert (early.rules != late.rules, late.rules) == (True, CorrectEngine().compile(history[0]).rules)


def test_a_temporary_fault_does_not_end_when_the_pod_becomes_ready(history: Sequence[Snapshot]) -> None:
    engine, state = MutatedEngine(named("startup-window-open")), history[0]
    early = engine.compile(Snapshot(state.world, frozenset(state.world.pods)))
    assert engine.compile(Snapshot(state.world)).rules.chains.keys() == early.rules.chains.keys()
    assert engine.compile(Snapshot(state.world)).seconds is None


def test_an_unknown_name_is_answered_with_similar_ones() -> None:
    with pytest.raises(ClusterFailed, match="no mutant is called except-ignore; did you mean except-ignored"):
        named("except-ignore")
