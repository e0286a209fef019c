"""The life of one pod's containers: init containers one after the other, then all the others, restarts and ends.

Stand-ins start at once and never end; what really runs, ``images`` says. Order and restarts are the real kubelet's:
kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle and /init-containers. A program that cannot be started has the
exit code and the reason that containerd gives it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from netpol_harness.emulator.apiserver.runtime import ContainerExecFailed
from netpol_harness.emulator.kubelet import images, podspec
from netpol_harness.emulator.kubelet.podstatus import ContainerState, ended, failing, started
from netpol_harness.model.json_object import JsonMapping

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a container is started again: doubled each time."""

Run = Callable[[Mapping[str, Any], Callable[[], None]], Awaitable[int]]
"""Runs a container's program to its end, and calls when it has started; its exit code. Raises ``ContainerExecFailed``.
"""

NOT_STARTED = 128

Tell = Callable[[Mapping[str, ContainerState]], None]
"""Is told how the containers are doing, whenever that has changed."""


class Programs:
    """The containers of ``pod``. ``now`` gives times as the API writes them."""

    def __init__(self, pod: JsonMapping, run: Run, tell: Tell, now: Callable[[], str]) -> None:
        self._pod = pod
        self._run = run
        self._tell = tell
        self._now = now
        self._lives: dict[str, ContainerState] = {}

    @property
    def end(self) -> bool:
        """Whether the pod's containers can all end by themselves."""
        return all(images.program(container) for container in self._pod["spec"]["containers"])

    async def first(self) -> bool:
        """Run the init containers; whether all have done their work, so that the others may start."""
        for container in podspec.first_containers(self._pod):
            if not images.program(container):
                self._lives[container["name"]] = ended(0, self._now(), self._now())
            elif await self._complete(container, self._is_retried) != 0:
                return False
        return True

    def start(self) -> None:
        """Say that all the other containers run that are stand-ins: programs are, once they have started."""
        for container in podspec.serving_containers(self._pod):
            if not images.program(container):
                self._lives[container["name"]] = started(self._now())
        self._tell(self._lives)

    async def main(self) -> None:
        """Run the programs among the other containers, until none will be started again."""
        programs = [c for c in podspec.serving_containers(self._pod) if images.program(c)]
        await asyncio.gather(*(self._complete(container, self._is_restarted) for container in programs))

    async def _complete(self, container: Mapping[str, Any], again: Callable[[int], bool]) -> int:
        """Run a container's program as often as the pod's policy wants; the last exit code."""
        name, pause, life = container["name"], FIRST_PAUSE, ContainerState({})
        while True:
            began = self._now()
            alive = partial(self._note, name, started(began, life.restarts, life.last))
            code, problem = await self._ended(container, alive)
            life = ended(code, began, self._now(), life.restarts, life.last, problem=problem)
            if not again(code):
                self._note(name, life)
                return code
            life = failing(life.restarts + 1, life.state)
            self._note(name, life)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _ended(self, container: Mapping[str, Any], started: Callable[[], None]) -> tuple[int, str]:
        """The exit code, and why the program could not be started."""
        try:
            return await self._run(container, started), ""
        except ContainerExecFailed as problem:
            return NOT_STARTED, str(problem)

    def _note(self, name: str, life: ContainerState) -> None:
        self._lives[name] = life
        self._tell(self._lives)

    def _is_retried(self, code: int) -> bool:
        return code != 0 and podspec.restarts(self._pod, code)

    def _is_restarted(self, code: int) -> bool:
        return podspec.restarts(self._pod, code)
