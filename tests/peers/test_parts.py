"""The parts of a suite are all of it, each case once; a binary that is here selects them by its arguments."""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.peers.__main__ import main
from bench.peers.binaries import DEFAULT, find
from bench.peers.page import ROOT
from bench.peers.run import Selection
from bench.peers.suites import SUITES

CYCLONUS = SUITES["cyclonus"]
BINARIES = Path(os.environ.get("NETPOL_PEERS") or DEFAULT)


def test_every_case_is_in_one_part() -> None:
    numbers = [number for part in CYCLONUS.parts for number in part.numbers]
    assert sorted(numbers) == list(range(1, 113))


@pytest.mark.parametrize("name", [part.name for part in CYCLONUS.parts])
def test_our_scenarios_of_a_part_exist(name: str) -> None:
    folders = Selection(part=name).scenarios(CYCLONUS)
    assert folders
    assert all((ROOT / folder).is_dir() for folder in folders)


def test_a_part_is_whole_if_it_has_all_of_its_cases() -> None:
    part = Selection(part="actions")
    assert (part.is_whole(CYCLONUS, 6), part.is_whole(CYCLONUS, 5)) == (True, False)
    assert (Selection().is_whole(CYCLONUS, 5), Selection().is_whole(CYCLONUS, 0)) == (True, False)


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["cyclonus", "--part", "nothing"])
    assert "there is no part nothing" in capsys.readouterr().err


def listed(binary: Path, arguments: Sequence[str]) -> list[str]:
    """Return the names of the cases that Cyclonus would run."""
    output = subprocess.run(
        [str(binary), *arguments, "--mock", "--dry-run"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    return re.findall(r"^test #\d+: (.*)$", output, re.MULTILINE)


def test_the_arguments_of_each_part_select_its_cases() -> None:
    binary = find(CYCLONUS, BINARIES)
    if binary is None:
        pytest.skip(f"there is no {CYCLONUS.binary} in {BINARIES}; build it: python -m bench.peers --build cyclonus")
    whole = listed(binary, CYCLONUS.arguments)
    assert len(whole) == 112
    for part in CYCLONUS.parts:
        names = listed(binary, Selection(part=part.name).arguments(CYCLONUS))
        assert names == [whole[number - 1] for number in part.numbers], part.name
