"""The program that keeps one connection open: a bash script in a pod, and the session in which it is talked to.

The program opens the connection (``/dev/tcp`` or ``/dev/udp`` of bash), sends what it reads from its standard input to
the target, copies the target's data to its standard output, and reports events as frames, ``[NONCE EVENT NUMBER]``:

- ``began 0``: the program runs; ``open 0``: the connection is open; ``ended N``: it could not be opened
- ``heard N``: line N of the input was read and sent; ``closed N``: the target or the network ended the connection

It suits containerd and busybox, and leaves nothing behind. Its first stderr stays open, since containerd ends a
session's stdin with its stdout or stderr. dd reads and writes, where busybox's cat splices: that holds the session's
pipe while it waits, and nothing else can write to it; dd also names a reset. The program ends when it reads the number
0, with its input, or after ``IDLE_LIMIT``.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ExecFailed
from netpol_harness.kube.exec import Session
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.datagrams import octal_escaped
from netpol_harness.probe.plan.question import Probe
from netpol_harness.probe.plan.toolbox import Tool, Toolbox

IDLE_LIMIT = 900
"""Seconds without input after which the program ends: not every container runtime tells it that the client is gone."""
CLOSE_SECONDS = 1.0
"""Seconds that the program gets to end before its session is closed, which may not reach it."""

PROGRAM = """\
N=$NONCE; exec 8<&0 9>&2 2>&1; trap '' PIPE
say() { printf '[%s %s %s]\\n' $N $1 $2; }
{ read -r -t $IDLE_LIMIT -u 8; kill $$; } & w=$!
trap 'say ended $?; kill $w' EXIT
say began 0
exec 3<>/dev/$DEVICE/$HOST/$PORT
kill $w; wait $w
say open 0
{ trap 'kill $k; exit' TERM; dd bs=65536 <&3 & k=$!; wait $k; say closed $?; } & j=$!
while read -r -t $IDLE_LIMIT i r && [ $i != 0 ]; do [ -z "$r" ] || printf "$r" >&3; say heard $i; done
trap - EXIT; kill $j && wait $j
"""


def supports_persistent(toolbox: Toolbox) -> bool:
    """Return whether a container can run the program."""
    return Tool.BASH in toolbox.tools


def program_for(probe: Probe, nonce: str) -> str:
    """Return the text of the program that opens the connection of ``probe``."""
    program = PROGRAM.replace("/dev/$DEVICE/$HOST/$PORT", _device(probe))
    return program.replace("$NONCE", nonce).replace("$IDLE_LIMIT", str(IDLE_LIMIT))


def request_text(probe: Probe, token: str) -> str:
    """Return one request with ``token`` in it, in the escapes of ``printf``: an HTTP/1.1 GET, or a datagram.

    HTTP/1.1 keeps connections alive unless told otherwise (RFC 9112, 9.3).
    """
    if probe.scheme is Scheme.UDP:
        return octal_escaped(probe, token)
    return rf"GET /echo?msg={token} HTTP/1.1\r\nHost: {probe.authority}\r\n\r\n"


def manual_command(probe: Probe) -> str:
    """Return what a user could type to keep such a connection open: requests are typed, responses shown."""
    return f"bash -c 'exec 3<>{_device(probe)}; cat <&3 & cat >&3'"


def _device(probe: Probe) -> str:
    return f"/dev/{'udp' if probe.scheme is Scheme.UDP else 'tcp'}/{probe.host}/{probe.port}"


class Conversation:
    """A session with the program: its frames under one nonce, and the target's data before, between and after them.

    A frame is one line, since bash writes by lines. It need not start a line, as the target's data may lack a line end.
    """

    def __init__(self, session: Session, nonce: str, container: str) -> None:
        self.container = container
        self._session = session
        self._frame = re.compile(rf"\[{nonce} (\w+) (\d+)\]\n".encode())
        self._received = b""
        self._previous = b""
        self._count = 0

    @property
    def frames(self) -> Mapping[str, int]:
        """The number of the last frame of each event."""
        return {match[1].decode(): int(match[2]) for match in self._frame.finditer(self._received)}

    @property
    def data(self) -> bytes:
        """The target's data since ``forget``."""
        return self._frame.sub(b"", self._received)

    @property
    def closing_data(self) -> bytes:
        """The data at the end: the reason of an end precedes its frame, and ``forget`` may have come between."""
        return self._frame.sub(b"", self._previous + self._received)

    def send(self, text: str = "") -> int:
        """Have ``text``, in the escapes of ``printf``, sent to the target; return the number that confirms it."""
        self._count += 1
        self._session.write(f"{self._count} {text}\n".encode())
        return self._count

    def wait(self, condition: Callable[[], bool], seconds: float) -> float | None:
        """Return the seconds until ``condition`` held; ``None`` if it did not in time. Raises ``ExecFailed``."""
        deadline = Deadline(seconds)
        while not condition():
            if deadline.passed:
                return None
            self._received += self._session.read(deadline)
        return seconds - deadline.remaining

    def pulse(self, number: int, seconds: float) -> float:
        """Return the seconds until the pod's shell confirmed ``number``. Raises ``ExecFailed`` if it does not."""
        elapsed = self.wait(lambda: self.frames.get("heard", 0) >= number, seconds)
        if elapsed is None:
            raise ExecFailed("the session does not answer any more")
        return elapsed

    def forget(self) -> None:
        """Read what has arrived, and from now on see only what comes after it, and how the connection ended."""
        with suppress(ExecFailed):
            while chunk := self._session.read(Deadline(0.0)):
                self._received += chunk
        if not self.frames.keys() & {"closed", "ended"}:
            self._previous, self._received = self._received, b""

    def close(self) -> None:
        """End the program, and then the session: a program that only the session's end stops may stay in the pod."""
        with suppress(ExecFailed):
            self._session.write(b"0\n")
            deadline = Deadline(CLOSE_SECONDS)
            while not deadline.passed:
                self._session.read(deadline)
        self._session.close()
