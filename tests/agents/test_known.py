"""The known deviations that are shipped with agents: each is complete, and about tests that exist."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from netpol_harness.backends.embedded.agents import shipped
from netpol_harness.backends.known.deviation import Deviation, glob
from netpol_harness.backends.known.file import deviations
from netpol_harness.emulator.faults import MUTANTS
from netpol_harness.oracle.profiles import PROFILES
from netpol_harness.plugin.verdicts import with_predicted_verdicts
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import closed_world

ROOT = Path(__file__).parents[2]
FILES = dict.fromkeys(agent.known for agent in shipped() if agent.known)
ENTRIES = [known for file in FILES for known in deviations(file, f"{file.parent.name}/{file.name}")]


@cache
def node_ids(file: Path) -> tuple[str, ...]:
    return tuple(_node_ids(file))


def _node_ids(file: Path) -> Iterator[str]:
    for step in with_predicted_verdicts(load(file), PROFILES["specification"]).steps:
        node = f"{file.relative_to(ROOT)}::{step.name}"
        yield from (f"{node}::{expectation.path.text}" for expectation in step.expectations)
        yield from (f"{node}::others::{path.text}" for path in closed_world(step))


@pytest.mark.parametrize("known", ENTRIES, ids=lambda known: known.where)
def test_a_shipped_entry_is_about_tests_that_exist_and_says_what_is_right(known: Deviation) -> None:
    files = [file for file in ROOT.glob(f"{known.file_part}") if file.is_file()]
    assert any(glob(known.tests).fullmatch(node) for file in files for node in node_ids(file)), known.tests
    fault = known.fault
    assert all((fault.kind, fault.path, fault.observed, fault.right))
    assert known.versions or known.expires
    assert fault.specification.count(":"), "name the field of the API, and quote it"


def test_entries_are_about_a_shipped_agent_and_mutants_that_exist() -> None:
    for known in ENTRIES:
        assert known.dataplane in {"", *(each.name for each in shipped())}
        assert set(known.fault.mutants) <= MUTANTS.keys()
