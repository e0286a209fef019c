"""Processes inside sandboxes, and the duty of process 1 to reap every orphan.

A process is started by a thread that exists only for that. Namespaces and privileges belong to a thread, so it moves
into the sandbox, drops every privilege for good, and spawns: one exec, no helper program, and the exact errno.
Invariant: no exit status is lost or stolen, because children enter the table under the lock that reaping takes.
"""

import asyncio
import errno
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

from netpol_harness.emulator.kernel.netns import Namespaces
from netpol_harness.emulator.kernel.syscalls import drop_privileges
from netpol_harness.emulator.pod import SEARCH_PATH

_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class SpawnCommand:
    """A command to run in a sandbox.

    ``argv`` is looked up in the PATH of ``environment``, which is the whole environment, inside the sandbox.
    ``descriptors`` are standard input, output and error. ``terminal`` is the path of a terminal to use instead, or
    empty. ``privileged``: it keeps the daemon's privileges; otherwise it loses all.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    descriptors: tuple[int, int, int] = (-1, -1, -1)
    terminal: str = ""
    privileged: bool = False


class Process:
    """A running process, which leads its own session and group. ``ended`` gets its exit code, 128 + n for signal n."""

    def __init__(self, pid: int, ended: asyncio.Future[int]) -> None:
        self.pid = pid
        self.ended = ended

    def kill(self) -> None:
        """Kill the process and its whole group."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


class Spawner:
    """Starts processes and reaps all children of this process. One per process, on the main thread's event loop.

    ``user`` is the uid and gid of the processes; ``None`` if there is only one (no root).
    """

    def __init__(self, user: int | None) -> None:
        self.user = user
        self._loop = asyncio.get_running_loop()
        self._lock = Lock()
        self._running: dict[int, asyncio.Future[int]] = {}
        self._loop.add_signal_handler(signal.SIGCHLD, self._reap)

    async def start(self, namespaces: Namespaces, command: SpawnCommand) -> Process:
        """Start ``command`` in the sandbox. Raises ``OSError`` (``FileNotFoundError`` if it has no such program)."""
        started: asyncio.Future[Process] = self._loop.create_future()
        ended: asyncio.Future[int] = self._loop.create_future()
        copy = namespaces.duplicate()  # the sandbox may be closed meanwhile, and its descriptors' numbers reused
        Thread(target=self._start_on_thread, args=(copy, command, started, ended), daemon=True).start()
        try:
            return await asyncio.shield(started)
        except asyncio.CancelledError:
            started.add_done_callback(_kill_unwanted)
            raise

    def _start_on_thread(
        self,
        namespaces: Namespaces,
        command: SpawnCommand,
        started: asyncio.Future[Process],
        ended: asyncio.Future[int],
    ) -> None:
        try:
            namespaces.enter()
            if not command.privileged:
                drop_privileges(self.user)
            program = find_program(command.argv[0], command.environment.get("PATH", SEARCH_PATH))
            with self._lock:
                pid = _spawn(program, command)
                self._running[pid] = ended
        except OSError as problem:
            self._loop.call_soon_threadsafe(started.set_exception, problem)
        else:
            self._loop.call_soon_threadsafe(started.set_result, Process(pid, ended))
        finally:
            namespaces.close()

    def _reap(self) -> None:
        with self._lock, suppress(ChildProcessError):
            while (child := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = child
                ended = self._running.pop(pid, None)
                if ended and not ended.done():
                    code = os.waitstatus_to_exitcode(status)
                    ended.set_result(128 - code if code < 0 else code)


def find_program(name: str, search_path: str) -> str:
    """Return the path of the program ``name``, as the calling thread sees the files. Raises ``FileNotFoundError``."""
    candidates = [name] if "/" in name else [f"{directory}/{name}" for directory in search_path.split(":")]
    for path in candidates:
        if Path(path).is_file() and os.access(path, os.X_OK):
            return path
    if "/" not in name:
        raise FileNotFoundError(errno.ENOENT, "executable file not found in $PATH", name)
    number = errno.EACCES if Path(name).exists() else errno.ENOENT
    raise OSError(number, os.strerror(number).lower(), name)


def kill_all_in(sandbox: Namespaces) -> None:
    """Kill every process that has the sandbox's files, whichever session it is in."""
    mount_namespace = os.fstat(sandbox.mount).st_ino
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (entry / "ns/mnt").stat().st_ino == mount_namespace:
                os.kill(int(entry.name), signal.SIGKILL)


def _spawn(program: str, command: SpawnCommand) -> int:
    if command.terminal:  # becomes the controlling terminal when a session leader without one opens it
        actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
            (os.POSIX_SPAWN_OPEN, 0, command.terminal, os.O_RDWR, 0),
            (os.POSIX_SPAWN_DUP2, 0, 1),
            (os.POSIX_SPAWN_DUP2, 0, 2),
        ]
    else:
        actions = [(os.POSIX_SPAWN_DUP2, source, target) for target, source in enumerate(command.descriptors)]
    return os.posix_spawn(
        program,
        list(command.argv),
        dict(command.environment),
        file_actions=actions,
        setsid=True,
        setsigmask=(),
        setsigdef=_IGNORED_BY_PYTHON,
    )


def _kill_unwanted(started: asyncio.Future[Process]) -> None:
    if not started.cancelled() and not started.exception():
        started.result().kill()
