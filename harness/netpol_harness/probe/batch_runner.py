"""Execs of batches in pods: through the gate, and again if the connection broke, since a batch is harmless to repeat.

An API server that throttles narrows the ``Gate``. An exec's time begins when the gate lets it in.
"""

import logging
from collections.abc import Sequence

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ExecFailed
from netpol_harness.kube.exec import Exec, ExecReply, Throttled
from netpol_harness.model.names import NamespacedName
from netpol_harness.probe.exec_targets import CONTAINER_REQUIRED, failed_without_output, is_program_missing
from netpol_harness.probe.gate import Gate
from netpol_harness.probe.plan import script
from netpol_harness.probe.plan.script import Answers, Batch

log = logging.getLogger("netpol_harness.probe")

TRIES = 3
"""How often a batch is run whose connection breaks before its output is complete."""


class BatchRunner:
    """Runs batches by ``exec``, at most ``concurrency`` at once. Safe to share between threads.

    ``timeout``: seconds that an exec may take beyond its probes' own time.
    """

    def __init__(self, exec: Exec, *, timeout: float, concurrency: int) -> None:
        self._exec = exec
        self._timeout = timeout
        self._gate = Gate(concurrency)

    @property
    def width(self) -> int:
        """How many execs may run at once at present."""
        return self._gate.limit

    def run(
        self, pod: NamespacedName, container: str, argv: Sequence[str], batch: Batch, *, waves: int
    ) -> Answers | None:
        """Run a batch, which may take ``waves`` times its time-out; ``None`` if ``argv`` cannot be run there."""
        seconds = self._timeout + 2 * waves * batch.timeout
        try:
            reply = self._run(pod, container, argv, batch.text.encode(), seconds)
        except ExecFailed as error:
            if is_program_missing(str(error)) or (CONTAINER_REQUIRED in str(error) and not container):
                return None
            raise
        if failed_without_output(reply):
            return None
        return script.read(batch, reply.stdout, why_lost=_why_lost(reply))

    def run_command(self, pod: NamespacedName, container: str, argv: Sequence[str], stdin: bytes) -> ExecReply:
        """Run a command without probes, such as the discovery of tools."""
        return self._run(pod, container, argv, stdin, self._timeout)

    def _run(self, pod: NamespacedName, container: str, argv: Sequence[str], stdin: bytes, seconds: float) -> ExecReply:
        for retries in reversed(range(TRIES)):
            with self._gate.slot() as slot:
                deadline = Deadline(seconds)
                try:
                    reply = self._exec(pod, argv, stdin=stdin, deadline=deadline, container=container)
                except Throttled:
                    slot.throttled = True
                    raise
                slot.throttled = reply.throttled
            if not (reply.broken and retries) or deadline.passed:
                return reply
            log.info("exec %s in pod %s: %s; %d retries left", argv[0], pod, reply.broken, retries)
        raise AssertionError("the last try returns or raises")


def _why_lost(reply: ExecReply) -> str:
    """Return what may explain missing answers: a broken connection, the exit code, the last line of stderr."""
    lines = reply.stderr.decode("utf-8", "replace").strip().splitlines()
    exit_code = "" if reply.exit_code in (0, None) else f"exit code {reply.exit_code}"
    return "; ".join(filter(None, [reply.broken, exit_code, lines[-1][:200] if lines else ""]))
