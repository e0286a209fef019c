"""Run a program of the host: one argument list, one deadline, all of its output.

Invariants: no shell; the wait never exceeds the deadline; if anything ends the wait early, such as Ctrl-C, the program
is killed first. An exit code is data in the ``CommandResult``; the caller decides whether it is a failure
(``or_fail``).
"""

import os
import select
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import join
from typing import IO

from netpol_harness.backends.base import ignore
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ClusterFailed, ToolMissing

_POLL_SECONDS = 0.5  # between two looks at whether the wait was interrupted
_PIPE_GRACE_SECONDS = 2.0  # for the pipes of a killed program: a child of it may still hold them


class CommandFailed(ClusterFailed):
    """A program of the host failed. ``output`` is the useful part of its output, ``remedy`` is how to fix it."""

    def __init__(self, problem: str, *, command: Sequence[str] = (), output: str = "", remedy: str = "") -> None:
        self.problem = problem
        self.command = join(command)
        self.output = output
        self.remedy = remedy
        details = [f"  {line}" for line in output.splitlines()]
        if command:
            details.append(f"  command: {self.command}")
        super().__init__("\n".join([f"{problem}; {remedy}" if remedy else problem, *details]))


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The result of a program. ``exit_code`` is ``None`` if the deadline ended it, and negative for a signal."""

    argv: tuple[str, ...]
    exit_code: int | None
    stdout: bytes
    stderr: bytes

    @property
    def ok(self) -> bool:
        """Whether it ended by itself, with success."""
        return self.exit_code == 0

    @property
    def text(self) -> str:
        """Its standard output."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def error_text(self) -> str:
        """Its standard error."""
        return self.stderr.decode("utf-8", "replace")

    def or_fail(self, problem: str, remedy: str) -> "CommandResult":
        """Return this result, or raise ``CommandFailed`` with the last lines of the output."""
        if self.ok:
            return self
        end = "it did not end in time" if self.exit_code is None else f"exit code {self.exit_code}"
        output = "\n".join((self.error_text.strip() or self.text.strip()).splitlines()[-5:])
        raise CommandFailed(f"{problem} ({end})", command=self.argv, output=output, remedy=remedy)


def run(
    argv: Sequence[str],
    *,
    deadline: Deadline,
    input: bytes | Path = b"",
    environment: Mapping[str, str] | None = None,
    on_error_line: Callable[[str], None] = ignore,
    new_session: bool = False,
) -> CommandResult:
    """Run a program until it ends or the deadline passes. ``input`` is its standard input: bytes, or a file.

    ``on_error_line`` is called with each line of standard error as it arrives. With ``new_session`` the program does
    not get the terminal's Ctrl-C, which must not stop a clean-up. Raises ``ToolMissing`` if the program cannot be run,
    and ``ClusterFailed`` if the input cannot be read.
    """
    with _open_input(input) as source:
        process = _start(argv, source, {**os.environ, **(environment or {})}, new_session=new_session)
    readers = [_PipeReader(process.stdout, ignore), _PipeReader(process.stderr, on_error_line)]
    try:
        _feed(process, input)
        code = _wait(process, deadline)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    stdout, stderr = (reader.read() for reader in readers)
    return CommandResult(tuple(argv), code, stdout, stderr)


def _start(
    argv: Sequence[str], source: IO[bytes] | None, environment: Mapping[str, str], *, new_session: bool
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            stdin=source or subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=new_session,
        )
    except FileNotFoundError as error:
        raise ToolMissing(f"{argv[0]} is not installed, or not on PATH") from error
    except OSError as error:
        raise ToolMissing(f"{argv[0]} cannot be run: {error.strerror}") from error


def _open_input(input: bytes | Path) -> AbstractContextManager[IO[bytes] | None]:
    if isinstance(input, bytes):
        return nullcontext()
    try:
        return input.open("rb")
    except OSError as error:
        raise ClusterFailed(f"{input} cannot be read: {error.strerror}") from error


def _wait(process: subprocess.Popen[bytes], deadline: Deadline) -> int | None:
    """Return the exit code, or ``None`` at the deadline. The wait is in slices, so that it can be interrupted."""
    pidfd = os.pidfd_open(process.pid)
    try:
        while not select.select([pidfd], [], [], min(_POLL_SECONDS, deadline.remaining))[0]:
            if deadline.passed:
                return None
            deadline.pause(0)
    finally:
        os.close(pidfd)
    return process.wait()


def _feed(process: subprocess.Popen[bytes], input: bytes | Path) -> None:
    """Write the input in a thread: a program that does not read must not block us."""
    if process.stdin is None:
        return
    stream = process.stdin

    def write() -> None:
        for act in (lambda: stream.write(input if isinstance(input, bytes) else b""), stream.close):
            with suppress(OSError):  # the program has closed its end
                act()

    threading.Thread(target=write, daemon=True).start()


class _PipeReader:
    """Collects the output of a pipe in a thread."""

    def __init__(self, stream: IO[bytes] | None, on_line: Callable[[str], None]) -> None:
        assert stream is not None
        self._lines: list[bytes] = []
        self._stream = stream
        self._thread = threading.Thread(target=self._collect, args=(on_line,), daemon=True)
        self._thread.start()

    def _collect(self, on_line: Callable[[str], None]) -> None:
        with self._stream:
            for line in self._stream:
                self._lines.append(line)
                on_line(line.decode("utf-8", "replace").rstrip())

    def read(self) -> bytes:
        """Return everything that arrived until the other end was closed."""
        self._thread.join(_PIPE_GRACE_SECONDS)
        return b"".join(self._lines)
