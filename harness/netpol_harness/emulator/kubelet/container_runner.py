"""Runs the containers of one pod: init containers one by one, then all others, with restarts.

Stand-ins start at once and never end; ``images`` decides which containers run a program. Order and restarts are those
of the real kubelet: kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle and /init-containers. A program that
cannot be started has containerd's exit code and reason.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from netpol_harness.emulator.apiserver.runtime import ContainerExecFailed
from netpol_harness.emulator.kubelet import images, podspec
from netpol_harness.emulator.kubelet.podstatus import (
    ContainerState,
    running_container,
    terminated_container,
    waiting_container,
)
from netpol_harness.model.json_object import JsonMapping

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a container is restarted; doubled each time."""

Run = Callable[[Mapping[str, Any], Callable[[], None]], Awaitable[int]]
"""Runs a container's program to its end and returns its exit code.

It calls the function that it gets once the program has started. Raises ``ContainerExecFailed``.
"""

NOT_STARTED = 128

Report = Callable[[Mapping[str, ContainerState]], None]
"""Called with the states of the containers whenever one has changed."""


class ContainerRunner:
    """Runs the containers of ``pod``. ``now`` returns times as the API writes them."""

    def __init__(self, pod: JsonMapping, run: Run, report: Report, now: Callable[[], str]) -> None:
        self._pod = pod
        self._run = run
        self._report = report
        self._now = now
        self._states: dict[str, ContainerState] = {}

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
        """Report all stand-ins among the other containers as running. Programs are reported once they have started."""
        for container in podspec.serving_containers(self._pod):
            if not images.program(container):
                self._states[container["name"]] = running_container(self._now())
        self._report(self._states)

    async def run_programs(self) -> None:
        """Run the programs among the other containers, until none is restarted."""
        programs = [c for c in podspec.serving_containers(self._pod) if images.program(c)]
        await asyncio.gather(*(self._complete(container, self._is_restarted) for container in programs))

    async def _complete(self, container: Mapping[str, Any], is_restarted: Callable[[int], bool]) -> int:
        """Run a container's program as often as the pod's policy requires. Return the last exit code."""
        name, pause, state = container["name"], FIRST_PAUSE, ContainerState({})
        while True:
            started_at = self._now()
            report_running = partial(self._record, name, running_container(started_at, state.restarts, state.last))
            code, problem = await self._run_once(container, report_running)
            state = terminated_container(code, started_at, self._now(), state.restarts, state.last, problem=problem)
            if not is_restarted(code):
                self._record(name, state)
                return code
            state = waiting_container(state.restarts + 1, state.state)
            self._record(name, state)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _run_once(self, container: Mapping[str, Any], started: Callable[[], None]) -> tuple[int, str]:
        """Return the exit code, and the reason if the program could not be started."""
        try:
            return await self._run(container, started), ""
        except ContainerExecFailed as problem:
            return NOT_STARTED, str(problem)

    def _record(self, name: str, state: ContainerState) -> None:
        self._states[name] = state
        self._report(self._states)

    def _is_retried(self, code: int) -> bool:
        return code != 0 and podspec.is_restarted(self._pod, code)

    def _is_restarted(self, code: int) -> bool:
        return podspec.is_restarted(self._pod, code)
