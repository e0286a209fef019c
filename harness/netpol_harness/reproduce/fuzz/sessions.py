"""Sessions: the python script stays in each pod for all rounds of a batch, so that no round starts a process.

``SessionExec`` is an ``Exec`` for one program, that of ``probe.python_script``, and passes everything else on. What a
session has written counts as the output of an exec only if it is whole; if a session breaks, as that of a pod which was
made again does, the command runs by the exec behind it.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from secrets import token_hex
from threading import Lock
from typing import Protocol

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ExecFailed
from netpol_harness.kube.exec import Exec, ExecReply, Session, Sessions
from netpol_harness.model.names import NamespacedName
from netpol_harness.probe.python_script import ARGV, PROGRAM

_LOOP = "import sys\nfor line in sys.stdin: exec(eval(line)); sys.stdout.write({end!r}); sys.stdout.flush()"


class SessionsAndExec(Exec, Sessions, Protocol):
    """Runs commands, and opens sessions."""


class SessionExec:
    """``Exec`` that keeps the python script of each pod running. One thread a pod at a time.

    ``containers`` are where it runs, by pod; pods that are not listed have one container.
    """

    def __init__(self, exec: SessionsAndExec, containers: Mapping[NamespacedName, str]) -> None:
        self._exec = exec
        self._containers = containers
        self._sessions: dict[NamespacedName, _Script] = {}
        self._lock = Lock()

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        """Run the command, by the pod's session if it is the python script."""
        container = container or self._containers.get(pod, "")
        if tuple(argv) == ARGV:
            with suppress(ExecFailed):
                return ExecReply(0, self._script(pod, container, deadline).run(stdin, deadline))
            self._close(pod)
        return self._exec(pod, argv, stdin=stdin, deadline=deadline, container=container)

    def close(self) -> None:
        """Close all sessions."""
        for pod in list(self._sessions):
            self._close(pod)

    def _script(self, pod: NamespacedName, container: str, deadline: Deadline) -> "_Script":
        with self._lock:
            script = self._sessions.get(pod)
        if script is None:
            script = _Script.opened(self._exec, pod, container, deadline)
            with self._lock:
                self._sessions[pod] = script
        return script

    def _close(self, pod: NamespacedName) -> None:
        with self._lock:
            script = self._sessions.pop(pod, None)
        if script is not None:
            script.session.close()


class _Script:
    """The python script in one pod, which runs what it reads, a line at a time, and writes ``end`` after each."""

    def __init__(self, session: Session, end: str) -> None:
        self.session = session
        self._end = end.encode()
        self._has_program = False

    @classmethod
    def opened(cls, exec: Sessions, pod: NamespacedName, container: str, deadline: Deadline) -> "_Script":
        """Start the script. Raises ``ExecFailed``."""
        end = f"\n[end {token_hex(8)}]\n"
        argv = (*ARGV[:-1], _LOOP.format(end=end))
        return cls(exec.session(pod, argv, deadline=deadline, container=container), end)

    def run(self, stdin: bytes, deadline: Deadline) -> bytes:
        """Run a batch of probes and return its output. Raises ``ExecFailed`` if it is not whole by the deadline."""
        self.session.write(self._line(stdin))
        output = bytearray()
        while not output.endswith(self._end):
            chunk = self.session.read(deadline)
            if not chunk and deadline.passed:
                raise ExecFailed("the session did not answer in time")
            output += chunk
        return bytes(output.removesuffix(self._end))

    def _line(self, stdin: bytes) -> bytes:
        """Return the line to send: after the first time without the program, which the script has compiled by then."""
        program = f"{PROGRAM!a}"[1:-1].encode()
        line = stdin.replace(program, b"", 1) if self._has_program else stdin
        self._has_program = True
        return line
