"""Probes of one container with results that are given, in a time of their own."""

import asyncio
from collections.abc import Mapping

import pytest

from netpol_harness.emulator.kubelet.probe_watch import watch
from netpol_harness.emulator.kubelet.probespec import ContainerProbe, ProbeKind, ProbeResult

STARTUP, LIVENESS, READINESS = ProbeKind


class _Enough(Exception):
    """All results have been given."""


class RecordedContainer:
    """Gives results to probes, one after the other, and records what they do to the container."""

    def __init__(self, results: Mapping[ProbeKind, str]) -> None:
        self.results = {kind: list(marks) for kind, marks in results.items()}
        self.events: list[str] = []

    async def check(self, probe: ContainerProbe) -> ProbeResult:
        marks = self.results[probe.kind]
        if not marks:
            raise _Enough
        return ProbeResult(passed=marks.pop(0) == "+", message="refused")

    def set_started(self) -> None:
        self.events.append("started")

    def set_ready(self, *, ready: bool) -> None:
        self.events.append("ready" if ready else "unready")

    def note_failure(self, kind: ProbeKind, message: str) -> None:
        self.events.append(f"{kind} {message}")

    def kill(self, kind: ProbeKind) -> None:
        self.events.append(f"killed by {kind}")


def run(results: Mapping[ProbeKind, str], *, failures: int = 2) -> list[str]:
    probes = {kind: ContainerProbe(kind, {}, period=0.001, failures=failures) for kind in results}
    container = RecordedContainer(results)
    try:
        asyncio.run(watch(probes, container.check, container))
    except* _Enough:
        pass
    return container.events


@pytest.mark.parametrize(
    ("results", "events"),
    [
        ({READINESS: "+"}, ["started", "ready"]),
        ({READINESS: "--+"}, ["started", "Readiness refused", "Readiness refused", "unready", "ready"]),
        ({READINESS: "+-+"}, ["started", "ready", "Readiness refused", "ready"]),
        ({LIVENESS: "+--"}, ["started", "Liveness refused", "Liveness refused", "killed by Liveness"]),
        ({STARTUP: "-+", READINESS: "+"}, ["Startup refused", "started", "ready"]),
        ({STARTUP: "--", READINESS: "+"}, ["Startup refused", "Startup refused", "killed by Startup"]),
    ],
)
def test_what_results_do(results: Mapping[ProbeKind, str], events: list[str]) -> None:
    assert run(results) == events


def test_without_probes_a_container_has_started() -> None:
    assert run({}) == ["started"]


def test_the_first_probe_waits_for_its_delay() -> None:
    container = RecordedContainer({READINESS: ""})

    async def seconds_until_the_first_probe() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await watch({READINESS: ContainerProbe(READINESS, {}, delay=0.05)}, container.check, container)
        except* _Enough:
            pass
        return loop.time() - began

    assert asyncio.run(seconds_until_the_first_probe()) >= 0.05
