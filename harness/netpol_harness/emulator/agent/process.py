"""The process of an agent: it starts with the cluster, restarts on request, and ends with the cluster.

Its death is not repaired but ends the cluster: what the rules are worth without it is not known.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from netpol_harness.emulator.agent.program import AgentProgram
from netpol_harness.emulator.kernel.netns import Namespaces
from netpol_harness.emulator.kubelet.spawn import Process, SpawnCommand, Spawner
from netpol_harness.emulator.options import AGENT_FAILURE, AGENT_LOG
from netpol_harness.errors import ClusterFailed

_TAIL_BYTES = 2000
_SIGNALLED = 128


class AgentProcess:
    """The agent of one node. ``namespaces`` are where it runs; ``directory`` gets its ``log``."""

    def __init__(
        self,
        program: AgentProgram,
        spawner: Spawner,
        namespaces: Namespaces,
        environment: Mapping[str, str],
        directory: Path | None,
        log: str = AGENT_LOG,
    ) -> None:
        self._program = program
        self._spawner = spawner
        self._namespaces = namespaces
        self._environment = {**environment, **program.environment}
        self._log = Path(os.devnull) if directory is None else directory / log
        self._failure_file = Path(os.devnull) if directory is None else directory / AGENT_FAILURE
        self._process: Process | None = None
        self._restarting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Start the program. Raises ``ClusterFailed`` if it cannot be started."""
        try:
            with self._log.open("ab") as log, open(os.devnull, "rb") as nothing:
                descriptors = (nothing.fileno(), log.fileno(), log.fileno())
                command = SpawnCommand(self._program.argv, self._environment, descriptors, privileged=True)
                self._process = await self._spawner.start(self._namespaces, command)
        except OSError as problem:
            raise ClusterFailed(f"cannot start the agent {self._program.argv[0]}: {problem.strerror}") from problem
        self._process.ended.add_done_callback(self._notice_end_of(self._process))

    async def failure(self) -> None:
        """Wait until the program does not run any more, and raise ``ClusterFailed`` that says why."""
        await self._failed

    def restart(self) -> None:
        """Kill the process if there is one, and start it."""
        task = asyncio.get_running_loop().create_task(self._restart())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _restart(self) -> None:
        async with self._restarting:  # two requests at once must not start two agents
            process, self._process = self._process, None
            if process is not None:
                process.kill()
                await process.ended
            try:
                await self.start()
            except ClusterFailed as problem:
                self._fail(problem)

    def _notice_end_of(self, process: Process) -> Callable[[asyncio.Future[int]], None]:
        def notice(ended: asyncio.Future[int]) -> None:
            if process is self._process and not ended.cancelled():
                manner = _manner(ended.result())
                title = self._program.title
                self._fail(ClusterFailed(f"the agent {title} {manner}; its log ends: {self._tail()}"))

        return notice

    def _fail(self, problem: ClusterFailed) -> None:
        self._failure_file.write_text(str(problem))  # before the cluster ends, which takes a moment
        if not self._failed.done():
            self._failed.set_exception(problem)

    def _tail(self) -> str:
        with suppress(OSError):
            return self._log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").strip() or "(empty)"
        return "(unreadable)"


def _manner(code: int) -> str:
    return f"was killed by signal {code - _SIGNALLED}" if code > _SIGNALLED else f"has ended with exit code {code}"
