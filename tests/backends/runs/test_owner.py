import subprocess
import sys

import pytest

from netpol_harness.backends.runs.owner import Owner, OwnerState, run_of, with_owner
from netpol_harness.wellknown import RUN_LABEL


def test_a_runs_name_identifies_its_owner_wherever_it_occurs() -> None:
    owner = Owner.current()
    assert Owner.find(f"netpol-{owner.run}-control-plane") == owner
    assert owner.state is OwnerState.ALIVE
    assert len(f"netpol-{owner.run}") <= 50


def test_two_runs_of_one_process_differ() -> None:
    assert Owner.current().run != Owner.current().run


def test_an_owner_that_has_ended_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    here = Owner.current()
    child.communicate(b"\n")
    assert Owner(child.pid, here.start, here.boot, "000000").state is OwnerState.DEAD


def test_a_number_that_is_used_again_is_another_process() -> None:
    here = Owner.current()
    assert Owner(here.pid, here.start - 1, here.boot, here.random).state is OwnerState.DEAD


def test_the_state_of_another_hosts_owner_is_unknown() -> None:
    here = Owner.current()
    assert Owner(here.pid, here.start, "ffffff", here.random).state is OwnerState.ELSEWHERE


@pytest.mark.parametrize("text", ["", "netpol-", "kind", "1-2-3-4", "netpol-kept-ab12cd"])
def test_other_names_have_no_owner(text: str) -> None:
    assert Owner.find(text) is None


def test_existing_labels_are_kept() -> None:
    data = {"kind": "Pod", "metadata": {"name": "a", "labels": {"app": "a"}}}
    assert with_owner(data, "r1")["metadata"]["labels"] == {"app": "a", RUN_LABEL: "r1"}
    assert run_of(with_owner(data, "r1")) == "r1"
    assert run_of(data) == ""
