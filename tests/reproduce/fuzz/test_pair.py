"""Two dataplanes where the specification is open: an ipBlock that contains the addresses of pods."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from netpol_harness.backends.select import BackendOptions, choose
from netpol_harness.lab import Lab, Settings
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.reproduce.fuzz.batch import run_batch
from netpol_harness.reproduce.fuzz.pair import PairTrials, disagreements
from netpol_harness.reproduce.fuzz.policies import policy_object
from netpol_harness.reproduce.fuzz.worlds import world
from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.reproduce.shrink.trial import Trials
from netpol_harness.results.proof import Proof

MUTANT = "block-of-everything-admits-nobody"
SETTINGS = Settings(settle_deadline=0.5, proof=Proof.LISTENER)
FROM_EVERYWHERE = {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]}


@pytest.fixture(scope="module")
def labs() -> Iterator[Sequence[Lab]]:
    with ExitStack() as stack:
        choices = (BackendOptions(), BackendOptions({"mutant": MUTANT}, ("mutant",)))
        yield [stack.enter_context(Lab(choose("embedded", options), SETTINGS)) for options in choices]


def _draft() -> Draft:
    tree = dict(world(1).tree)
    tree["policies"] = {"p": policy_object("x", "p", FROM_EVERYWHERE)}
    return Draft({**tree, "scenario": {}, "steps": [{"name": "s0", "policies": ["p"]}]}, "", "")


@pytest.mark.live
def test_dataplanes_disagree_only_where_the_specification_is_open(labs: Sequence[Lab], tmp_path: Path) -> None:
    runs = [next(run_batch(lab, [_draft()], tmp_path / lab.run, with_open=True)) for lab in labs]
    assert not any(step.suspicions for step in runs)
    found = list(disagreements(*runs))
    assert found
    assert {(each.draft.expected, each.result.outcome) for each in found} == {("allowed", Outcome.TIMED_OUT)}
    assert not list(disagreements(runs[0], runs[0]))

    first, second = (Trials(lab, tmp_path / f"{lab.run}-trials", width=1) for lab in labs)
    observation = PairTrials(first, second).observe(found[0].draft)
    assert observation.is_wrong
    assert observation.predicted is Expected.ALLOWED
    assert not PairTrials(first, first).observe(found[0].draft).is_wrong
    decided = replace(found[0].draft, tree={**found[0].draft.tree, "policies": {}, "steps": [{"name": "s0"}]})
    assert not PairTrials(first, second).observe(decided).is_wrong
    first.close()
    second.close()
