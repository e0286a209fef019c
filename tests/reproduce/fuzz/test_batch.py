"""Batches of worlds: their paths, and what real packets show of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from netpol_harness.backends.select import choose
from netpol_harness.lab import Lab, Settings
from netpol_harness.reproduce.fuzz.batch import merged, run_batch
from netpol_harness.reproduce.fuzz.worlds import HOST, paths_of, world
from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.results.evidence import Judgement


def _worlds(count: int) -> list[Draft]:
    return [world(seed, prefix=f"w{seed}") for seed in range(count)]


def test_paths_lead_to_pods_services_and_the_host_outside() -> None:
    texts = [text for draft in _worlds(20) for text in paths_of(draft, draft.tree["steps"][0])]
    for part in ("udp://", "-> ip(", f"{HOST} -> ", f"-> {HOST}:80"):
        assert any(part in text for text in texts)


def test_absent_pods_have_no_paths() -> None:
    for draft in _worlds(40):
        for step in draft.tree["steps"]:
            texts = list(paths_of(draft, step))
            assert texts
            assert not [
                text for ref in step.get("absent", ()) for text in texts if ref in text.split("://")[-1].split()
            ]


def test_a_batch_has_the_changes_of_all_worlds() -> None:
    drafts = _worlds(20)
    for key in ("policies", "recreate", "absent"):
        for number, step in enumerate(merged(drafts).tree["steps"]):
            assert list(step.get(key, ())) == [name for d in drafts for name in d.tree["steps"][number].get(key, ())]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(choose("embedded"), Settings()) as lab:
        yield lab


@pytest.mark.live
def test_the_correct_dataplane_shows_every_verdict(lab: Lab, tmp_path: Path) -> None:
    steps = list(run_batch(lab, _worlds(3), tmp_path))
    assert [step.worlds for step in steps] == [3, 3, 3]
    assert {judgement for step in steps for judgement in step.judgements} == {Judgement.AGREES}
    assert not any(step.suspicions for step in steps)
