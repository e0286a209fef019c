"""Running a program of the host: one argument list, one deadline, and everything that it said.

Invariants: no shell; never waits beyond the deadline; whatever ends the wait early (Ctrl-C as well) ends the program
first. An exit code is a fact in the ``CommandResult``; whether it is a failure is the caller's to say (``or_fail``).
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

_SLICE = 0.5
_GRACE = 2.0  # seconds for the pipes of a program that was killed: a child of its may still hold them


class CommandFailed(ClusterFailed):
    """A program of the host failed. ``output`` is the useful part of what it said, ``remedy`` what to do about it."""

    def __init__(self, what: str, *, command: Sequence[str] = (), output: str = "", remedy: str = "") -> None:
        self.what = what
        self.command = join(command)
        self.output = output
        self.remedy = remedy
        details = [f"  {line}" for line in output.splitlines()]
        if command:
            details.append(f"  command: {self.command}")
        super().__init__("\n".join([f"{what}; {remedy}" if remedy else what, *details]))


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a program did. ``exit_code`` is ``None`` where the deadline ended it; negative for a signal."""

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
    def said(self) -> str:
        """Its standard error."""
        return self.stderr.decode("utf-8", "replace")

    def or_fail(self, what: str, remedy: str) -> "CommandResult":
        """This result, or ``CommandFailed`` with the last that the program said."""
        if self.ok:
            return self
        end = "it did not end in time" if self.exit_code is None else f"exit code {self.exit_code}"
        output = "\n".join((self.said.strip() or self.text.strip()).splitlines()[-5:])
        raise CommandFailed(f"{what} ({end})", command=self.argv, output=output, remedy=remedy)


def run(
    argv: Sequence[str],
    *,
    deadline: Deadline,
    input: bytes | Path = b"",
    environment: Mapping[str, str] | None = None,
    heard: Callable[[str], None] = ignore,
    apart: bool = False,
) -> CommandResult:
    """Run a program to its end, or to the deadline's. ``heard`` is told each line of its standard error as it comes.

    ``input`` is its standard input: bytes, or a file. A program that runs ``apart`` does not get the terminal's Ctrl-C:
    what cleans up must not be stopped by it. Raises ``ToolMissing`` where there is no such program.
    """
    with _source(input) as source:
        process = _start(argv, source, {**os.environ, **(environment or {})}, apart=apart)
    outputs = [_Listener(process.stdout, ignore), _Listener(process.stderr, heard)]
    try:
        _feed(process, input)
        code = _ended(process, deadline)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    stdout, stderr = (listener.all() for listener in outputs)
    return CommandResult(tuple(argv), code, stdout, stderr)


def _start(
    argv: Sequence[str], source: IO[bytes] | None, environment: Mapping[str, str], *, apart: bool
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            stdin=source or subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=apart,
        )
    except FileNotFoundError as error:
        raise ToolMissing(f"{argv[0]} is not installed, or not on PATH") from error
    except OSError as error:
        raise ToolMissing(f"{argv[0]} cannot be run: {error.strerror}") from error


def _source(input: bytes | Path) -> AbstractContextManager[IO[bytes] | None]:
    if isinstance(input, bytes):
        return nullcontext()
    try:
        return input.open("rb")
    except OSError as error:
        raise ClusterFailed(f"{input} cannot be read: {error.strerror}") from error


def _ended(process: subprocess.Popen[bytes], deadline: Deadline) -> int | None:
    """The exit code, or ``None`` at the deadline. Looks up now and then, so that it can be interrupted."""
    watch = os.pidfd_open(process.pid)
    try:
        while not select.select([watch], [], [], min(_SLICE, deadline.remaining))[0]:
            if deadline.passed:
                return None
            deadline.pause(0)
    finally:
        os.close(watch)
    return process.wait()


def _feed(process: subprocess.Popen[bytes], input: bytes | Path) -> None:
    """Give it its input from a thread: a program that does not read must not hold us."""
    if process.stdin is None:
        return
    stream = process.stdin

    def write() -> None:
        for act in (lambda: stream.write(input if isinstance(input, bytes) else b""), stream.close):
            with suppress(OSError):  # it has closed its end
                act()

    threading.Thread(target=write, daemon=True).start()


class _Listener:
    """Collects what comes out of a pipe, in a thread of its own."""

    def __init__(self, stream: IO[bytes] | None, heard: Callable[[str], None]) -> None:
        assert stream is not None
        self._lines: list[bytes] = []
        self._stream = stream
        self._thread = threading.Thread(target=self._listen, args=(heard,), daemon=True)
        self._thread.start()

    def _listen(self, heard: Callable[[str], None]) -> None:
        with self._stream:
            for line in self._stream:
                self._lines.append(line)
                heard(line.decode("utf-8", "replace").rstrip())

    def all(self) -> bytes:
        """Everything that came until the other end was closed."""
        self._thread.join(_GRACE)
        return b"".join(self._lines)
