import re
from collections.abc import Iterator, Sequence

import pytest

from netpol_harness.emulator.dataplane.engine import CorrectEngine, PolicyEngine
from netpol_harness.emulator.dataplane.rules import Ruleset
from netpol_harness.emulator.dataplane.snapshot import Snapshot
from netpol_harness.emulator.faults import MUTANTS, Mutant, MutatedEngine, named
from netpol_harness.errors import ClusterFailed


def written(agent: PolicyEngine, history: Sequence[Snapshot]) -> Iterator[Ruleset]:
    """The rules for every state, once when it comes and once when it has lasted; then those after a restart."""
    for snapshot in history:
        yield agent.compile(snapshot).rules
        yield agent.compile(snapshot).rules
    after = agent.restarted()
    yield after.compile(history[-1]).rules
    yield after.compile(history[-1]).rules


@pytest.fixture(scope="module")
def faultless(history: Sequence[Snapshot]) -> Sequence[Ruleset]:
    return list(written(CorrectEngine(), history))


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_mutant_is_no_faithful_agent(
    mutant: Mutant, history: Sequence[Snapshot], faultless: Sequence[Ruleset]
) -> None:
    assert any(rules != right for rules, right in zip(written(MutatedEngine(mutant), history), faultless, strict=False))


def test_no_bug_no_difference(history: Sequence[Snapshot], faultless: Sequence[Ruleset]) -> None:
    assert list(written(MutatedEngine(Mutant("none", "", ())), history)) == faultless


def test_no_two_mutants_are_the_same(history: Sequence[Snapshot]) -> None:
    seen: dict[str, str] = {}
    for name, mutant in MUTANTS.items():
        rules = repr(list(written(MutatedEngine(mutant), history)))
        assert seen.setdefault(rules, name) == name


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_mutant_says_what_it_does_and_where_it_was_seen(mutant: Mutant) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", mutant.name)
    assert re.fullmatch(r"\S.*\w.*\.", mutant.sentence)
    assert mutant.sources


def test_a_moment_passes(history: Sequence[Snapshot]) -> None:
    agent = MutatedEngine(named("startup-window-open"))
    early, late = agent.compile(history[0]), agent.compile(history[0])
    assert early.seconds == 1.0
    assert late.seconds is None
    assert (early.rules != late.rules, late.rules) == (True, CorrectEngine().compile(history[0]).rules)


def test_a_moment_outlasts_that_the_pod_becomes_ready(history: Sequence[Snapshot]) -> None:
    agent, state = MutatedEngine(named("startup-window-open")), history[0]
    early = agent.compile(Snapshot(state.world, frozenset(state.world.pods)))
    assert agent.compile(Snapshot(state.world)).rules.chains.keys() == early.rules.chains.keys()
    assert agent.compile(Snapshot(state.world)).seconds is None


def test_an_unknown_name_is_answered_with_known_ones() -> None:
    with pytest.raises(ClusterFailed, match="no mutant is called except-ignore; did you mean except-ignored"):
        named("except-ignore")
