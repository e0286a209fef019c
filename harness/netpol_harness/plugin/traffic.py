"""The traffic of a run's tests, which the canary examines: known once they are collected."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from netpol_harness.errors import ScenarioInvalid
from netpol_harness.paths.path import Inventory
from netpol_harness.plugin.items import ScenarioItem
from netpol_harness.runner.canary.traffic import Traffic, served_traffic
from netpol_harness.scenario import SCENARIO_FILE
from netpol_harness.scenario.load import load

_TRAFFIC = pytest.StashKey[frozenset[Traffic]]()
_SCENARIO_FIXTURE = "scenario"


def expected_traffic(session: pytest.Session) -> frozenset[Traffic]:
    """Return the traffic of all selected tests. Tests in Python may probe whatever their scenario serves."""
    if _TRAFFIC not in session.stash:
        items = (item.traffic for item in session.items if isinstance(item, ScenarioItem))
        session.stash[_TRAFFIC] = frozenset().union(*items, *_of_python_tests(session.items))
    return session.stash[_TRAFFIC]


def _of_python_tests(items: Iterable[pytest.Item]) -> Iterator[frozenset[Traffic]]:
    modules = {item.path for item in items if _SCENARIO_FIXTURE in getattr(item, "fixturenames", ())}
    for file in sorted({module.parent / SCENARIO_FILE for module in modules}):
        yield _served(file)


def _served(file: Path) -> frozenset[Traffic]:
    """Return the traffic that a scenario serves; none if the file does not exist, or a test is to report its errors."""
    try:
        inventory = load(file).inventory if file.exists() else Inventory({}, {}, {})
    except ScenarioInvalid:
        return frozenset()
    return served_traffic([*inventory.workloads.values(), *inventory.externals.values()])
