"""Sessions: one process for many batches of probes, and a plain exec whenever that process fails."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress

import pytest

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ExecFailed
from netpol_harness.kube.exec import ExecReply
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan import script
from netpol_harness.probe.plan.question import Probe
from netpol_harness.probe.python_script import ARGV, compose
from netpol_harness.reproduce.fuzz.sessions import SessionExec

POD = NamespacedName("x", "a")
NOBODY = Probe(Scheme.TCP, "127.0.0.1", 9)


class Process:
    """A session in a local process."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.process = subprocess.Popen([sys.executable, *argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdin
        assert self.process.stdout
        self._stdin, self._stdout = self.process.stdin, self.process.stdout

    def write(self, data: bytes) -> None:
        try:
            self._stdin.write(data)
            self._stdin.flush()
        except OSError as error:
            raise ExecFailed(str(error)) from error

    def read(self, deadline: Deadline) -> bytes:
        if not select.select([self._stdout], [], [], deadline.remaining)[0]:
            return b""
        if output := os.read(self._stdout.fileno(), 65536):
            return output
        raise ExecFailed("the process has ended")

    def close(self) -> None:
        with suppress(OSError):
            self._stdin.close()
        self.process.wait()
        self._stdout.close()


class Pod:
    """Runs commands in local processes, and counts those that it starts."""

    def __init__(self) -> None:
        self.execs: list[Sequence[str]] = []
        self.sessions: list[Process] = []
        self.containers: list[str] = []

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        self.execs.append(argv)
        done = subprocess.run([sys.executable, *argv[1:]], input=stdin, capture_output=True, check=False)
        return ExecReply(done.returncode, done.stdout, done.stderr)

    def session(self, pod: NamespacedName, argv: Sequence[str], *, deadline: Deadline, container: str = "") -> Process:
        self.containers.append(container)
        self.sessions.append(Process(argv))
        return self.sessions[-1]


@pytest.fixture
def pod() -> Iterator[Pod]:
    pod = Pod()
    yield pod
    for session in pod.sessions:
        session.process.kill()
        session.close()


def _refused(exec: SessionExec, number: int) -> bool:
    batch = compose([NOBODY], timeout=1.0, nonce=f"n{number}")
    reply = exec(POD, ARGV, stdin=batch.text.encode(), deadline=Deadline(20))
    return script.read(batch, reply.stdout).replies[NOBODY].outcome is Outcome.REFUSED


def test_one_process_runs_many_batches(pod: Pod) -> None:
    exec = SessionExec(pod, {POD: "main"})
    assert all(_refused(exec, number) for number in range(3))
    assert (len(pod.sessions), pod.execs, pod.containers) == (1, [], ["main"])
    exec.close()
    assert pod.sessions[0].process.returncode == 0


def test_a_session_that_has_ended_is_replaced(pod: Pod) -> None:
    exec = SessionExec(pod, {})
    assert _refused(exec, 1)
    pod.sessions[0].process.kill()
    assert _refused(exec, 2)
    assert len(pod.execs) == 1
    assert _refused(exec, 3)
    assert (len(pod.sessions), len(pod.execs)) == (2, 1)


def test_other_programs_run_as_they_are(pod: Pod) -> None:
    exec = SessionExec(pod, {})
    assert exec(POD, ("python3", "-c", "print(1)"), deadline=Deadline(20)).stdout == b"1\n"
    assert not pod.sessions


def test_half_an_output_is_no_output(pod: Pod) -> None:
    exec = SessionExec(pod, {})
    reply = exec(POD, ARGV, stdin=b"'import os; print(1, flush=True); os._exit(1)'\n", deadline=Deadline(20))
    assert (reply.exit_code, reply.stdout) == (1, b"1\n")
    assert len(pod.execs) == 1
