"""How xdist spreads scenarios: one scenario is one unit of work, since its steps are transitions of one state."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScheduling, LoadScopeScheduling
from xdist.workermanage import WorkerController

from harness.scenario.load import SCENARIO_FILE


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
