"""Runs the containers of one pod: init containers one by one, then all others, with restarts and probes.

Stand-ins start at once, and end only if a probe ends them; ``images`` decides which containers run a program. Order and
restarts are those of the real kubelet: kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle and /init-containers. A
program that cannot be started has containerd's exit code and reason.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from netpol_harness.emulator.apiserver.runtime import ContainerExecFailed
from netpol_harness.emulator.kubelet import images, podspec, probespec
from netpol_harness.emulator.kubelet.podstatus import (
    ContainerState,
    running_container,
    terminated_container,
    waiting_container,
)
from netpol_harness.emulator.kubelet.probe_watch import WatchedContainer
from netpol_harness.emulator.kubelet.probespec import ProbeKind
from netpol_harness.model.json_object import JsonMapping

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a container is restarted; doubled each time."""

NOT_STARTED, KILLED = 128, 137
"""Exit codes of a program that could not be started, and of a container that a probe has ended."""

Container = Mapping[str, Any]


class PodHost(Protocol):
    """What the containers of one pod need of the node."""

    async def run(self, container: Container, started: Callable[[], None]) -> int:
        """Run a container's program to its end and return its exit code; a stand-in never ends.

        ``started`` is called once it runs. Raises ``ContainerExecFailed``. Cancel to end it.
        """
        ...

    async def watch(self, container: Container, watched: WatchedContainer) -> None:
        """Run the container's probes. Cancelled when the container ends."""
        ...

    def report(self, states: Mapping[str, ContainerState]) -> None:
        """Take note of the states of the containers. Called whenever one has changed."""
        ...

    def note_failure(self, message: str) -> None:
        """Record that a probe has failed."""
        ...

    def note_killing(self, message: str) -> None:
        """Record that a probe ends a container."""
        ...


class ContainerRunner:
    """Runs the containers of ``pod``. ``now`` returns times as the API writes them."""

    def __init__(self, pod: JsonMapping, host: PodHost, now: Callable[[], str]) -> None:
        self._pod = pod
        self._host = host
        self._now = now
        self._states: dict[str, ContainerState] = {}
        self._watched: list[Container] = []

    @property
    def can_complete(self) -> bool:
        """Whether the pod can complete: none of its containers is a stand-in."""
        return all(images.program(container) for container in self._pod["spec"]["containers"])

    async def run_init_containers(self) -> bool:
        """Run the init containers. Return whether all have succeeded, so that the others may start."""
        for container in podspec.init_containers(self._pod):
            if not images.program(container):
                self._states[container["name"]] = terminated_container(0, self._now(), self._now())
            elif await self._complete(container, self._is_retried) != 0:
                return False
        return True

    def report_stand_ins(self) -> None:
        """Report all stand-ins that never end as running. Other containers are reported once they have started."""
        for container in podspec.serving_containers(self._pod):
            if not _may_end(container):
                self._states[container["name"]] = _unproven(container, running_container(self._now()))
                if probespec.probes(container):
                    self._watched.append(container)
        self._host.report(self._states)

    async def run_programs(self) -> None:
        """Run the containers that may end until none is restarted, beside sidecars and the probes of the others.

        These end with the pod: when it is complete, or when this is cancelled.
        """
        ending = [c for c in podspec.serving_containers(self._pod) if _may_end(c)]
        sidecars = [self._complete(c, lambda code: True) for c in ending if podspec.is_sidecar(c)]
        watches = [self._host.watch(c, _Watched(self, self._host, c, lambda: None)) for c in self._watched]
        beside = asyncio.gather(*sidecars, *watches)
        try:
            await asyncio.gather(*(self._complete(c, self._is_restarted) for c in ending if not podspec.is_sidecar(c)))
            if not self.can_complete:
                await beside
        finally:
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)

    async def _complete(self, container: Container, is_restarted: Callable[[int], bool]) -> int:
        """Run a container as often as the pod's policy requires. Return the last exit code."""
        name, pause, state = container["name"], FIRST_PAUSE, ContainerState({})
        while True:
            started_at = self._now()
            running = _unproven(container, running_container(started_at, state.restarts, state.last))
            code, problem = await self._run_once(container, partial(self.record, name, running))
            state = terminated_container(code, started_at, self._now(), state.restarts, state.last, problem=problem)
            if not is_restarted(code):
                self.record(name, state)
                return code
            state = waiting_container(state.restarts + 1, state.state)
            self.record(name, state)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _run_once(self, container: Container, started: Callable[[], None]) -> tuple[int, str]:
        """Return the exit code, and the reason if the program could not be started."""
        killed, watches = asyncio.Event(), list[asyncio.Future[None]]()

        def begin() -> None:
            started()
            if probespec.probes(container):
                watched = _Watched(self, self._host, container, killed.set)
                watches.append(asyncio.ensure_future(self._host.watch(container, watched)))

        run = asyncio.ensure_future(self._host.run(container, begin))
        kill = asyncio.ensure_future(killed.wait())
        try:
            await asyncio.wait((run, kill), return_when=asyncio.FIRST_COMPLETED)
            return (run.result() if run.done() else KILLED), ""
        except ContainerExecFailed as problem:
            return NOT_STARTED, str(problem)
        finally:
            tasks: list[asyncio.Future[Any]] = [run, kill, *watches]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def record(self, name: str, state: ContainerState) -> None:
        """Set the state of a container, and report it."""
        self._states[name] = state
        self._host.report(self._states)

    def prove(self, name: str, *, started: bool, ready: bool) -> None:
        """Set what a running container's probes say of it, and report it if that is new."""
        state = replace(self._states[name], started=started, ready=ready)
        if state != self._states[name]:
            self.record(name, state)

    def _is_retried(self, code: int) -> bool:
        return code != 0 and podspec.is_restarted(self._pod, code)

    def _is_restarted(self, code: int) -> bool:
        return podspec.is_restarted(self._pod, code)


class _Watched:
    """One run of a container, as its probes see it (``probe_watch.WatchedContainer``)."""

    def __init__(self, runner: "ContainerRunner", host: PodHost, container: Container, end: Callable[[], None]) -> None:
        self._runner = runner
        self._host = host
        self._container = container
        self._end = end
        self._noted: dict[ProbeKind, str] = {}

    def set_started(self) -> None:
        """Report that the container has started, and that it is ready unless a probe must say so."""
        is_ready = ProbeKind.READINESS not in probespec.probes(self._container)
        self._runner.prove(self._container["name"], started=True, ready=is_ready)

    def set_ready(self, *, ready: bool) -> None:
        """Report whether the container is ready."""
        if ready:
            self._noted.pop(ProbeKind.READINESS, None)
        self._runner.prove(self._container["name"], started=True, ready=ready)

    def note_failure(self, kind: ProbeKind, message: str) -> None:
        """Record a failure as an event, once for each message in a row."""
        if self._noted.get(kind) != message:
            self._noted[kind] = message
            self._host.note_failure(f"{kind} probe failed: {message}")

    def kill(self, kind: ProbeKind) -> None:
        """End the container."""
        self._host.note_killing(f"Container {self._container['name']} failed {kind.lower()} probe, will be restarted")
        self._end()


def _may_end(container: Container) -> bool:
    return bool(images.program(container)) or probespec.may_be_killed(container)


def _unproven(container: Container, state: ContainerState) -> ContainerState:
    """Return the state of a running container before its probes have said anything."""
    kinds = probespec.probes(container)
    started = ProbeKind.STARTUP not in kinds
    return replace(state, started=started, ready=started and ProbeKind.READINESS not in kinds)
