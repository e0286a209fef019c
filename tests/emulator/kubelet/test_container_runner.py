"""Restarts and ends of a pod's containers, with programs that return given exit codes."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from netpol_harness.emulator.apiserver.runtime import ContainerExecFailed
from netpol_harness.emulator.kubelet import container_runner as module
from netpol_harness.emulator.kubelet.container_runner import ContainerRunner
from netpol_harness.emulator.kubelet.podstatus import ContainerState, with_container_states
from netpol_harness.emulator.kubelet.probe_watch import WatchedContainer
from netpol_harness.emulator.kubelet.probespec import ProbeKind

NOW = "2026-01-01T00:00:00Z"
NEVER = -1
"""The code of a run that does not end by itself."""


def shell(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "e2e/agnhost:2.53", "command": ["sh", "-c", name], **more}


def stand_in(name: str) -> dict[str, Any]:
    return {"name": name, "image": "nginx"}


def pod(*containers: dict[str, Any], policy: str = "Never", first: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    spec = {"containers": list(containers), "initContainers": list(first), "restartPolicy": policy}
    return {"metadata": {"name": "web", "namespace": "shop"}, "spec": spec, "status": {"podIP": "10.244.0.7"}}


class RecordedPod:
    """Records the phases and runs of one pod, whose containers end with the given codes, one after the other."""

    def __init__(self, data: dict[str, Any], codes: Mapping[str, list[int | None]]) -> None:
        self.data = data
        self.codes = {name: list(container_codes) for name, container_codes in codes.items()}
        self.ran: list[str] = []
        self.phases: list[str] = []
        self.kills: list[ProbeKind] = []
        self.notes: list[str] = []
        self.reported: list[dict[str, ContainerState]] = []
        self.runner = ContainerRunner(data, self, lambda: NOW)

    async def run(self, container: Mapping[str, Any], started: Callable[[], None]) -> int:
        self.ran.append(container["name"])
        code = self.codes[container["name"]].pop(0)
        if code is None:
            raise ContainerExecFailed("no such program")
        started()
        if code == NEVER:
            await asyncio.Event().wait()
        return code

    async def watch(self, container: Mapping[str, Any], watched: WatchedContainer) -> None:
        """Let the container start, become ready, and be killed by the next probe, if there is one."""
        watched.set_started()
        watched.set_ready(ready=True)
        self.was_ready = self.status["containerStatuses"][0]["ready"]
        if self.kills:
            watched.kill(self.kills.pop())

    def note_failure(self, message: str) -> None:
        self.notes.append(message)

    def note_killing(self, message: str) -> None:
        self.notes.append(message)

    def report(self, states: Mapping[str, ContainerState]) -> None:
        self.reported.append(dict(states))
        self.status = with_container_states(self.data, states, NOW)["status"]
        if [self.status["phase"]] != self.phases[-1:]:
            self.phases.append(self.status["phase"])

    async def run_all(self) -> bool:
        if not await self.runner.run_init_containers():
            return False
        self.runner.report_stand_ins()
        await self.runner.run_programs()
        return True


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.0)


@pytest.mark.parametrize(
    ("data", "codes", "ran", "phases"),
    [
        (pod(stand_in("c")), {}, [], ["Running"]),
        (pod(shell("c")), {"c": [0]}, ["c"], ["Pending", "Running", "Succeeded"]),
        (pod(shell("c")), {"c": [3]}, ["c"], ["Pending", "Running", "Failed"]),
        (pod(shell("c")), {"c": [None]}, ["c"], ["Pending", "Failed"]),
        (pod(shell("c"), stand_in("d")), {"c": [3]}, ["c"], ["Running"]),
        (pod(shell("c"), policy="OnFailure"), {"c": [1, 0]}, ["c", "c"], ["Pending", "Running", "Succeeded"]),
        (pod(stand_in("c"), first=(stand_in("i"),)), {}, [], ["Running"]),
        (pod(stand_in("c"), first=(shell("i"), shell("j"))), {"i": [0], "j": [0]}, ["i", "j"], ["Pending", "Running"]),
        (pod(stand_in("c"), first=(shell("i"), shell("j"))), {"i": [1]}, ["i"], ["Pending", "Failed"]),
        (
            pod(stand_in("c"), first=(shell("i"),), policy="Always"),
            {"i": [1, 1, 0]},
            ["i", "i", "i"],
            ["Pending", "Running"],
        ),
    ],
)
def test_order_restarts_and_phases(
    data: dict[str, Any], codes: dict[str, list[int | None]], ran: list[str], phases: list[str]
) -> None:
    recorded = RecordedPod(data, codes)
    asyncio.run(recorded.run_all())
    assert (recorded.ran, recorded.phases) == (ran, phases)


def test_restarts_are_counted() -> None:
    recorded = RecordedPod(pod(stand_in("c"), first=(shell("i"),), policy="Always"), {"i": [1, 1, 0]})
    asyncio.run(recorded.run_all())
    (first,) = recorded.status["initContainerStatuses"]
    assert first["restartCount"] == 2
    assert first["state"]["terminated"]["exitCode"] == 0


def test_a_pod_completes_only_if_all_its_containers_can() -> None:
    assert RecordedPod(pod(shell("c")), {}).runner.can_complete
    assert not RecordedPod(pod(shell("c"), stand_in("d")), {}).runner.can_complete


PROBES = {"livenessProbe": {"tcpSocket": {"port": 80}}, "readinessProbe": {"tcpSocket": {"port": 80}}}


@pytest.mark.parametrize("container", [shell("c", **PROBES), {**stand_in("c"), **PROBES}])
def test_a_probe_ends_a_container_which_is_restarted(container: dict[str, Any]) -> None:
    recorded = RecordedPod(pod(container, policy="OnFailure"), {"c": [NEVER, 0]})
    recorded.kills = [ProbeKind.LIVENESS]
    asyncio.run(recorded.run_all())
    (status,) = recorded.status["containerStatuses"]
    assert recorded.ran == ["c", "c"]
    assert recorded.was_ready
    assert status["restartCount"] == 1
    assert status["lastState"]["terminated"]["exitCode"] == 137
    assert recorded.notes == ["Container c failed liveness probe, will be restarted"]


@pytest.mark.parametrize(
    ("probe", "started", "ready"),
    [("startupProbe", False, False), ("readinessProbe", True, False), ("livenessProbe", True, True)],
)
def test_a_container_is_unproven_until_its_probes_succeed(probe: str, *, started: bool, ready: bool) -> None:
    recorded = RecordedPod(pod(shell("c", **{probe: PROBES["livenessProbe"]})), {"c": [0]})
    asyncio.run(recorded.run_all())
    assert recorded.reported[1]["c"] == ContainerState({"running": {"startedAt": NOW}}, started=started, ready=ready)


def test_a_probed_stand_in_without_restarts_is_watched_until_the_pod_ends() -> None:
    recorded = RecordedPod(pod({**stand_in("c"), "readinessProbe": PROBES["readinessProbe"]}), {})
    recorded.runner.report_stand_ins()
    assert recorded.status["containerStatuses"][0]["ready"] is False
    asyncio.run(recorded.runner.run_programs())
    assert recorded.status["containerStatuses"][0]["ready"] is True
    assert {c["type"]: c["status"] for c in recorded.status["conditions"]}["Ready"] == "True"


def test_a_pod_completes_although_its_sidecar_does_not() -> None:
    sidecar = shell("s", restartPolicy="Always")
    recorded = RecordedPod(pod(shell("c"), first=(sidecar,)), {"c": [0], "s": [1, NEVER]})
    asyncio.run(asyncio.wait_for(recorded.run_all(), 10))
    assert recorded.phases[-1] == "Succeeded"


def test_a_sidecar_is_restarted_whatever_the_pods_policy() -> None:
    sidecar = shell("s", restartPolicy="Always")
    recorded = RecordedPod(pod(stand_in("c"), first=(sidecar,)), {"s": [0, 1, NEVER]})

    async def run() -> None:
        running = asyncio.ensure_future(recorded.run_all())
        while recorded.ran != ["s", "s", "s"]:
            await asyncio.sleep(0)
        running.cancel()

    asyncio.run(asyncio.wait_for(run(), 10))
    assert recorded.status["initContainerStatuses"][0]["restartCount"] == 2
