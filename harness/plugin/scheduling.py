"""How xdist spreads scenarios: one scenario is one unit of work, since its steps are transitions of one state."""

import os
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScheduling, LoadScopeScheduling
from xdist.workermanage import WorkerController

from harness.scenario.load import SCENARIO_FILE

WORKERS_PER_PROCESSOR = 3
"""A worker with a scenario waits half of its time for silence: with two for a processor, it would idle at times."""


class ScenarioScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Scopes of ``loadscope``, but for scenarios, whose scope is the file; other tests each have their own."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return file if file.endswith(SCENARIO_FILE) or (self.config.rootpath / file).is_dir() else nodeid

    def remove_node(self, node: WorkerController) -> str | None:
        """Hand a lost worker's work to the others, but for the test that it died of: that one would kill them all."""
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


def scheduler_for(config: pytest.Config, log: Producer) -> LoadScheduling | None:
    """Our scheduler for the modes that would split a scenario; ``None`` leaves xdist's own in place."""
    return ScenarioScheduling(config, log) if config.getoption("dist") in ("load", "worksteal", "loadscope") else None


def workers_for(config: pytest.Config) -> int | None:
    """How many workers ``-n auto`` means where scenarios alone are run; ``None`` leaves other tests to xdist."""
    here = config.invocation_params.dir
    places = [here / argument.partition("::")[0] for argument in config.args]
    return WORKERS_PER_PROCESSOR * (os.cpu_count() or 1) if all(map(_has_only_scenarios, places)) else None


def _has_only_scenarios(place: Path) -> bool:
    """Whether every test there stands in a scenario.yaml, or in Python beside one."""
    if not place.is_dir():
        return place.name == SCENARIO_FILE
    beside = (file.parent / SCENARIO_FILE for file in place.rglob("test_*.py"))
    return any(place.rglob(SCENARIO_FILE)) and all(file.exists() for file in beside)
