"""Random worlds: the same seed gives the same world, and every world is a scenario."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.reproduce.fuzz.batch import merged
from netpol_harness.reproduce.fuzz.campaign import cause_of
from netpol_harness.reproduce.fuzz.worlds import world
from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.reproduce.shrink.files import write
from netpol_harness.scenario.load import load

SEEDS = st.integers(0, 2**32)


@given(SEEDS)
def test_a_seed_replays(seed: int) -> None:
    assert world(seed) == world(seed)


def test_worlds_of_a_batch_are_one_scenario(tmp_path: Path) -> None:
    drafts = [world(seed, prefix=f"w{seed}") for seed in range(20)]
    whole = merged(drafts)
    asked = Draft(whole.tree, "w0x/a -> w0x/a:80", "undefined")
    scenario = load(write(asked, tmp_path, "a batch"))
    assert len(scenario.steps) == 3
    assert len(scenario.workloads) == sum(len(draft.tree["workloads"]) for draft in drafts)


def test_causes_are_told_apart_by_structure_and_not_by_names() -> None:
    def draft(spec: dict[str, object]) -> Draft:
        return Draft({"policies": {"p": {"spec": spec}}, "steps": [{}]}, "a -> b:80", "blocked")

    one = draft({"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{"ports": [{"port": "web"}]}]})
    same = draft({"podSelector": {"matchLabels": {"tier": "back"}}, "ingress": [{"ports": [{"port": "alt"}]}]})
    other = draft({"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]})
    assert cause_of(one) == cause_of(same) != cause_of(other)
