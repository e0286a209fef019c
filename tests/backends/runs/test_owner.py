import subprocess
import sys

import pytest

from netpol_harness.backends.runs.owner import Life, Owner, marked, run_of
from netpol_harness.wellknown import RUN_LABEL


def test_a_runs_name_tells_its_owner_wherever_it_is_found() -> None:
    owner = Owner.here()
    assert Owner.find(f"netpol-{owner.run}-control-plane") == owner
    assert owner.life is Life.ALIVE
    assert len(f"netpol-{owner.run}") <= 50


def test_two_runs_of_one_process_differ() -> None:
    assert Owner.here().run != Owner.here().run


def test_an_owner_that_has_ended_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    here = Owner.here()
    child.communicate(b"\n")
    assert Owner(child.pid, here.start, here.boot, "000000").life is Life.DEAD


def test_a_number_that_is_used_again_is_another_process() -> None:
    here = Owner.here()
    assert Owner(here.pid, here.start - 1, here.boot, here.random).life is Life.DEAD


def test_of_another_host_nothing_is_known() -> None:
    here = Owner.here()
    assert Owner(here.pid, here.start, "ffffff", here.random).life is Life.ELSEWHERE


@pytest.mark.parametrize("text", ["", "netpol-", "kind", "1-2-3-4", "netpol-kept-ab12cd"])
def test_other_names_have_no_owner(text: str) -> None:
    assert Owner.find(text) is None


def test_marks_are_beside_what_was_there() -> None:
    data = {"kind": "Pod", "metadata": {"name": "a", "labels": {"app": "a"}}}
    assert marked(data, "r1")["metadata"]["labels"] == {"app": "a", RUN_LABEL: "r1"}
    assert run_of(marked(data, "r1")) == "r1"
    assert run_of(data) == ""
