"""Distribution of scenarios by xdist: a scenario is one unit of work, as its steps are transitions of one state."""

import os
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling, LoadScheduling, LoadScopeScheduling, WorkStealingScheduling
from xdist.workermanage import WorkerController

from netpol_harness.scenario import SCENARIO_FILE

WORKERS_PER_PROCESSOR = 3
"""A worker with a scenario waits half of its time for time-outs: two per processor would leave it idle at times."""

_SPLITTING = (LoadScheduling, WorkStealingScheduling, LoadScopeScheduling, LoadGroupScheduling)
"""The schedulers of xdist that would split a scenario; others, and those of other plugins, are left alone."""


class ScenarioScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """A scheduler whose scope of a scenario is its file; other tests keep the scope of the distribution mode."""

    def __init__(self, config: pytest.Config, log: Producer | None, usual: Any = LoadScheduling) -> None:
        super().__init__(config, log)
        self._usual = usual

    def _split_scope(self, nodeid: str) -> str:
        if is_scenario(nodeid, self.config.rootpath):
            return nodeid.partition("::")[0]
        if issubclass(self._usual, LoadScopeScheduling):
            return str(self._usual._split_scope(self, nodeid))
        return nodeid

    def remove_node(self, node: WorkerController) -> str | None:
        """Give a lost worker's work to the others, except the test during which it died: that could kill them all."""
        workload = self.assigned_work.pop(node)
        unfinished = [(unit, nodeid) for unit in workload.values() for nodeid, done in unit.items() if not done]
        if not unfinished:
            return None
        unit, crashed = unfinished[0]
        unit[crashed] = True
        self.workqueue.update({scope: unit for scope, unit in workload.items() if not all(unit.values())})
        for other in self.assigned_work:
            self._reschedule(other)
        return str(crashed)


def is_scenario(nodeid: str, root: Path) -> bool:
    """Return whether a test is an item of a scenario.yaml, or of a folder that is run as a scenario."""
    file, _, _ = nodeid.partition("::")
    return file.endswith(SCENARIO_FILE) or (root / file).is_dir()


def keep_scenarios_together(config: pytest.Config, ids: Iterable[str]) -> None:
    """Replace a scheduler of xdist that would split a scenario. Called before the first collection is scheduled."""
    session: Any = config.pluginmanager.get_plugin("dsession")
    usual = session.sched
    if type(usual) not in _SPLITTING or not any(is_scenario(nodeid, config.rootpath) for nodeid in ids):
        return
    session.sched = ScenarioScheduling(config, session.log, type(usual))
    for node in usual.nodes:
        session.sched.add_node(node)


def auto_workers(config: pytest.Config) -> int | None:
    """Return the number of workers for ``-n auto`` if only scenarios are run; ``None`` leaves it to xdist."""
    here, skipped = config.invocation_params.dir, config.getini("norecursedirs")
    paths = [here / argument.partition("::")[0] for argument in config.args]
    only = all(_has_only_scenarios(path, skipped) for path in paths)
    return WORKERS_PER_PROCESSOR * (os.cpu_count() or 1) if only else None


def _has_only_scenarios(path: Path, skipped: list[str]) -> bool:
    """Return whether every test below a path is in a scenario.yaml, or in Python beside one."""
    if not path.is_dir():
        return path.name == SCENARIO_FILE
    found = False
    for _, folders, files in os.walk(path):
        if SCENARIO_FILE in files:
            found = True
        elif any(fnmatch(name, "test_*.py") or fnmatch(name, "*_test.py") for name in files):
            return False
        folders[:] = [name for name in folders if not any(fnmatch(name, pattern) for pattern in skipped)]
    return found
