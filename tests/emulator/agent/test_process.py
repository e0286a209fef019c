import asyncio
from pathlib import Path

import pytest

from netpol_harness.emulator.agent.process import AgentProcess
from netpol_harness.emulator.agent.program import AgentProgram
from netpol_harness.errors import ClusterFailed


class Program:
    """A running program, until it is killed or ends by itself."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def kill(self) -> None:
        self.end(137)

    def end(self, code: int) -> None:
        asyncio.get_running_loop().call_soon(self.ended.set_result, code)


class Spawner:
    """Starts programs, or refuses to once there is no such file."""

    def __init__(self) -> None:
        self.programs: list[Program] = []
        self.is_missing = False

    async def start(self, *_: object) -> Program:
        await asyncio.sleep(0)
        if self.is_missing:
            raise FileNotFoundError(2, "no such file", "agent")
        self.programs.append(Program())
        return self.programs[-1]

    @property
    def alive(self) -> int:
        return sum(not program.ended.done() for program in self.programs)


def agent(spawner: Spawner, directory: Path) -> AgentProcess:
    program = AgentProgram("player", "v1.0", ("/bin/agent",))
    return AgentProcess(program, spawner, None, {}, directory)  # type: ignore[arg-type]


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


def test_requests_to_restart_that_come_together_leave_one_agent(tmp_path: Path) -> None:
    async def run() -> None:
        spawner = Spawner()
        process = agent(spawner, tmp_path)
        await process.start()
        for _ in range(3):
            process.restart()
        await settle()
        assert (spawner.alive, len(spawner.programs)) == (1, 4)

    asyncio.run(run())


def test_an_agent_that_waits_starts_with_its_first_restart(tmp_path: Path) -> None:
    async def run() -> None:
        spawner = Spawner()
        agent(spawner, tmp_path).restart()
        await settle()
        assert spawner.alive == 1

    asyncio.run(run())


def test_its_end_is_a_failure_and_its_restart_is_none(tmp_path: Path) -> None:
    async def run() -> None:
        spawner = Spawner()
        process = agent(spawner, tmp_path)
        await process.start()
        process.restart()
        await settle()
        assert not (tmp_path / "agent.failure").exists()
        spawner.programs[-1].end(3)
        with pytest.raises(ClusterFailed, match=r"the agent player v1\.0 has ended with exit code 3; its log ends"):
            await process.failure()
        assert "exit code 3" in (tmp_path / "agent.failure").read_text()

    asyncio.run(run())


def test_a_program_that_is_gone_at_its_restart_is_a_failure(tmp_path: Path) -> None:
    async def run() -> None:
        spawner = Spawner()
        process = agent(spawner, tmp_path)
        await process.start()
        spawner.is_missing = True
        process.restart()
        with pytest.raises(ClusterFailed, match="cannot start the agent /bin/agent: no such file"):
            await process.failure()

    asyncio.run(run())
