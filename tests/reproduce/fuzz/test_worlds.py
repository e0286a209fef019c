"""Random worlds: the same seed gives the same world, and every world is a scenario."""

from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_harness.reproduce.fuzz.batch import merged, with_a_path
from netpol_harness.reproduce.fuzz.campaign import cause_of, seeds_of
from netpol_harness.reproduce.fuzz.worlds import BLOCK, Size, world
from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.reproduce.shrink.files import write
from netpol_harness.scenario.load import load

SEEDS = st.integers(0, 2**32)


@given(SEEDS)
def test_a_seed_replays(seed: int) -> None:
    assert world(seed) == world(seed)


def test_a_world_is_the_same_in_every_batch() -> None:
    batches = [[*seeds_of(7, number)] for number in range(3)]
    assert batches == [[7, 8, 9], [*range(10, 20)], [*range(20, 30)]]


def test_worlds_have_every_kind_of_change() -> None:
    steps = [step for seed in range(200) for step in world(seed).tree["steps"][1:]]
    for change in ("labels", "recreate", "absent", "restart"):
        assert 0.02 < sum(change in step for step in steps) / len(steps) < 0.6
    assert any("namespaces" in step.get("labels", {}) for step in steps)


@given(SEEDS)
@settings(max_examples=20)
def test_a_seed_restarts_the_agent_when_the_seeds_of_its_block_do(seed: int) -> None:
    blocks = [[step.get("restart") for step in world(other).tree["steps"]] for other in (seed, seed // BLOCK * BLOCK)]
    assert blocks[0] == blocks[1]


@given(SEEDS)
@settings(max_examples=20)
def test_policies_are_deleted_updated_and_made_again(seed: int) -> None:
    draft = world(seed, Size(steps=12))
    in_force = [
        {
            (p["metadata"]["namespace"], p["metadata"]["name"]): p
            for p in map(draft.tree["policies"].get, step["policies"])
        }
        for step in draft.tree["steps"]
    ]
    assert all(len(now) == len(step["policies"]) for now, step in zip(in_force, draft.tree["steps"], strict=True))
    pairs = list(pairwise(in_force))
    assert any(before.keys() - after.keys() for before, after in pairs)
    assert any(before[name] != after[name] for before, after in pairs for name in before.keys() & after.keys())


def test_worlds_of_a_batch_are_one_scenario(tmp_path: Path) -> None:
    drafts = [world(seed, prefix=f"w{seed}") for seed in range(20)]
    scenario = load(write(with_a_path(merged(drafts)), tmp_path, "a batch"))
    assert len(scenario.steps) == 3
    assert len(scenario.workloads) == sum(len(draft.tree["workloads"]) for draft in drafts)


def test_causes_are_told_apart_by_structure_and_not_by_names() -> None:
    def draft(spec: dict[str, object]) -> Draft:
        return Draft({"policies": {"p": {"spec": spec}}, "steps": [{}]}, "a -> b:80", "blocked")

    one = draft({"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{"ports": [{"port": "web"}]}]})
    same = draft({"podSelector": {"matchLabels": {"tier": "back"}}, "ingress": [{"ports": [{"port": "alt"}]}]})
    other = draft({"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]})
    assert cause_of(one) == cause_of(same) != cause_of(other)
