"""Connections that stay open: one bash in the pod for each, asked again and again whether data still passes.

Invariants: a connection that has once answered is never opened again: what becomes of it is the observation. Silence is
TIMED_OUT only between two pulses of the pod's own shell over the same session, the first of them quick; a session that
breaks is PROBE_FAILED, whatever was silent on it. A connection that has answered and is then ended, by a reset or in
good order, is REFUSED: somebody on the way, or what is there now in the server's place, does not go on with it. One
that never answered, or whose server said with an answer that it would end it, says nothing of the network.

What is said over ``http://`` are requests of HTTP/1.1, which keeps connections alive unless told otherwise (RFC 9112
9.3); over ``udp://`` datagrams with a token from one socket. bash opens both (``/dev/tcp``), and dd names a reset.

The program suits containerd and busybox, and leaves nothing behind. Its first stderr stays open, since containerd ends
a session's stdin with its stdout or stderr. dd reads and writes, where busybox's cat splices: that holds the session's
pipe while it waits, and nobody else can write. It ends when told to (number 0), with its input, or after ``ALONE``.
"""

import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from threading import Lock

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ExecFailed, HarnessError
from netpol_harness.kube.exec import Session, Sessions
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe import classify
from netpol_harness.probe.commands import UDP_TRIES, Dialect, escaped
from netpol_harness.probe.containers import ExecTargets, fresh_nonce
from netpol_harness.probe.question import Probe
from netpol_harness.probe.toolbox import Tool, Toolbox
from netpol_harness.results.evidence import Reply

AT_ONCE = 16
SLOW = 1 / 2
"""Part of the time-out that a pulse may take before the silence behind it means nothing."""

PARTING = re.compile(r"(?im)^HTTP/1\.0 |^connection:[^\n]*\bclose\b")
"""How a server of HTTP says that it will end the connection after its answer (RFC 9112, 9.6)."""

ALONE = 900
"""Seconds without a word after which the program takes its client for dead: not every runtime tells it."""
FAREWELL = 1.0
"""Seconds that the program gets to end before its session is closed, which may not reach it."""

PROGRAM = """\
N=$NONCE; exec 8<&0 9>&2 2>&1; trap '' PIPE
say() { printf '[%s %s %s]\\n' $N $1 $2; }
{ read -r -t $ALONE -u 8; kill $$; } & w=$!
trap 'say ended $?; kill $w' EXIT
say began 0
exec 3<>/dev/$DEVICE/$HOST/$PORT
kill $w; wait $w
say open 0
{ trap 'kill $k; exit' TERM; dd bs=65536 <&3 & k=$!; wait $k; say closed $?; } & j=$!
while read -r -t $ALONE i r && [ $i != 0 ]; do [ -z "$r" ] || printf "$r" >&3; say heard $i; done
trap - EXIT; kill $j && wait $j
"""

Held = tuple[NamespacedName, Probe]


class PersistentConnections:
    """The held connections of all pods. ``exec_timeout``: seconds that a session may take to say anything at all."""

    def __init__(self, sessions: Sessions | None, places: ExecTargets, *, exec_timeout: float) -> None:
        self._sessions = sessions
        self._places = places
        self._exec_timeout = exec_timeout
        self._lines: dict[Held, _Connection] = {}
        self._making = Lock()

    def ask(self, held: Sequence[Held], timeout: float) -> Mapping[Held, Reply]:
        """Ask over each once, all at the same time; ``timeout`` is what an answer may take, in seconds."""
        with ThreadPoolExecutor(min(AT_ONCE, len(held)), thread_name_prefix="held") as pool:
            return dict(zip(held, pool.map(lambda one: self._ask(one, timeout), held), strict=True))

    def silence(self, one: Held) -> float:
        """For how many seconds this connection has not answered; 0 where it has, or there is none.

        A sender of TCP doubles its pauses (RFC 6298, 5.5): it may be silent for as long again, though nothing is in
        its way any more.
        """
        line = self._lines.get(one)
        return time.monotonic() - line.unanswered_since if line and line.unanswered_since else 0.0

    def close_connections(self, held: Iterable[Held]) -> None:
        """Close these connections and forget them; unknown ones are passed over."""
        for one in held:
            if line := self._lines.pop(one, None):
                line.close()

    def _ask(self, one: Held, timeout: float) -> Reply:
        with self._making:
            line = self._lines.setdefault(one, _Connection(one[1]))
        with line.busy:
            try:
                return line.ask(lambda: self._open(*one), timeout, self._exec_timeout)
            except HarnessError as error:
                return line.lost(str(error))

    def _open(self, pod: NamespacedName, probe: Probe) -> "_Conversation":
        if self._sessions is None:
            raise ExecFailed("this way into pods cannot hold a connection open")
        share = self._places.share(pod, (probe,), lambda _, box: supports_persistent(box))[0]
        nonce = fresh_nonce()
        argv = ("bash", "-c", _program(probe, nonce))
        container = share.place.container
        session = self._sessions.session(pod, argv, deadline=Deadline(self._exec_timeout), container=container)
        return _Conversation(session, nonce, container)


def supports_persistent(toolbox: Toolbox) -> bool:
    """Whether a container has what it takes."""
    return Tool.BASH in toolbox.tools


class _Conversation:
    """A session with the program: frames under its nonce, and what the target said before, between and after them.

    A frame is one line, since bash writes by lines; it need not begin one, for what the target says may lack its end.
    """

    def __init__(self, session: Session, nonce: str, container: str) -> None:
        self.container = container
        self._session = session
        self._frame = re.compile(rf"\[{nonce} (\w+) (\d+)\]\n".encode())
        self._received = b""
        self._before = b""
        self._count = 0

    @property
    def frames(self) -> Mapping[str, int]:
        """The number of the last frame of each kind."""
        return {match[1].decode(): int(match[2]) for match in self._frame.finditer(self._received)}

    @property
    def data(self) -> bytes:
        """All that is not frames."""
        return self._frame.sub(b"", self._received)

    @property
    def last_words(self) -> bytes:
        """What was said at the end: the reason comes before the frame, and may have been taken for forgotten."""
        return self._frame.sub(b"", self._before + self._received)

    def say(self, text: str = "") -> int:
        """Have ``text`` sent to the target, in the escapes of ``printf``; the number under which that is confirmed."""
        self._count += 1
        self._session.write(f"{self._count} {text}\n".encode())
        return self._count

    def wait(self, seen: Callable[[], bool], seconds: float) -> float | None:
        """The seconds it took until something was seen; ``None`` where it was not in time. Raises ``ExecFailed``."""
        deadline = Deadline(seconds)
        while not seen():
            if deadline.passed:
                return None
            self._received += self._session.read(deadline)
        return seconds - deadline.remaining

    def pulse(self, number: int, seconds: float) -> float:
        """The seconds until the pod's shell had confirmed ``number``. Raises ``ExecFailed`` where it does not."""
        took = self.wait(lambda: self.frames.get("heard", 0) >= number, seconds)
        if took is None:
            raise ExecFailed("the session does not answer any more")
        return took

    def forget(self) -> None:
        """Read what has come, and from now on see only what comes after it, and how the connection ended."""
        with suppress(ExecFailed):
            while more := self._session.read(Deadline(0.0)):
                self._received += more
        if not self.frames.keys() & {"closed", "ended"}:
            self._before, self._received = self._received, b""

    def close(self) -> None:
        """End the program, and then the session: what only the session's end would end may stay in the pod."""
        with suppress(ExecFailed):
            self._session.write(b"0\n")
            deadline = Deadline(FAREWELL)
            while not deadline.passed:
                self._session.read(deadline)
        self._session.close()


class _Connection:
    """One held connection, from the first attempt to open it."""

    def __init__(self, probe: Probe) -> None:
        self.busy = Lock()
        self.unanswered_since: float | None = None
        self._probe = probe
        self._talk: _Conversation | None = None
        self._has_answered = False
        self._end: Reply | None = None

    def ask(self, open: Callable[[], _Conversation], timeout: float, patience: float) -> Reply:
        """One reply. Raises ``HarnessError`` where the session broke."""
        if self._end is not None:
            return self._end
        if self._talk is None:
            self._talk = open()
            if not self._opened(self._talk, timeout, patience):
                return self._concluded(self._unopened(self._talk, timeout))
        return self._concluded(self._asked(self._talk, timeout, patience))

    def lost(self, why: str) -> Reply:
        """The reply where the session broke."""
        what = "the session that held the connection is lost"
        return self._concluded(self._reply(Outcome.PROBE_FAILED, f"{what}: {why}"))

    def close(self) -> None:
        if self._talk is not None:
            self._talk.close()

    def _opened(self, talk: _Conversation, timeout: float, patience: float) -> bool:
        if talk.wait(lambda: "began" in talk.frames, patience) is None:
            raise ExecFailed("bash does not answer")
        talk.wait(lambda: bool(talk.frames.keys() & {"open", "ended"}), timeout)
        return "open" in talk.frames

    def _unopened(self, talk: _Conversation, timeout: float) -> Reply:
        if "ended" not in talk.frames:
            silent = Outcome.PROBE_FAILED if self._probe.by_name else Outcome.TIMED_OUT
            return self._reply(silent, f"no connection within {timeout:.3g} s")
        meaning = classify.read(Dialect.BASH, 1, talk.data.decode("utf-8", "replace"))
        return self._reply(meaning.outcome, meaning.detail)

    def _asked(self, talk: _Conversation, timeout: float, patience: float) -> Reply:
        talk.forget()
        tries = UDP_TRIES if self._probe.scheme is Scheme.UDP else 1
        word = secrets.token_hex(8)
        for _ in range(tries):
            quick = talk.pulse(talk.say(_request(self._probe, word)), patience) <= timeout * SLOW
            took = talk.wait(lambda: self._has_come(talk, word) or "closed" in talk.frames, timeout / tries)
            if took is not None:
                return self._answered(talk, word, took)
        talk.pulse(talk.say(), patience)
        if not quick:
            return self._reply(Outcome.PROBE_FAILED, "no answer; but the pod was too slow for silence to mean anything")
        return self._reply(Outcome.TIMED_OUT, f"no answer over the open connection within {timeout:.3g} s")

    def _has_come(self, talk: _Conversation, word: str) -> bool:
        """Of a stream any answer that comes has passed now; a datagram must be the one that was sent last."""
        return word.encode() in talk.data or (self._probe.scheme is Scheme.HTTP and b"HTTP/1." in talk.data)

    def _answered(self, talk: _Conversation, word: str, seconds: float) -> Reply:
        said = talk.data.decode("utf-8", "replace")
        if PARTING.search(said):
            return self._reply(Outcome.PROBE_FAILED, "the server ends its connections; ask one that keeps them alive")
        if "closed" not in talk.frames:
            return replace(self._reply(Outcome.CONNECTED, "data passes over the open connection"), seconds=seconds)
        meaning = classify.read(Dialect.BASH, 1, talk.last_words.decode("utf-8", "replace"))
        if meaning.outcome in (Outcome.REFUSED, Outcome.UNREACHABLE, Outcome.TIMED_OUT):  # the last: TCP gave up
            return self._reply(meaning.outcome, meaning.detail)
        if self._has_answered:
            return self._reply(Outcome.REFUSED, "the open connection was ended")
        return self._reply(Outcome.PROBE_FAILED, "the server ended the connection; ask one that keeps it alive")

    def _concluded(self, reply: Reply) -> Reply:
        """Take note: before the first answer everything is tried anew, after it an end is final."""
        silent = reply.outcome is Outcome.TIMED_OUT
        self.unanswered_since = (self.unanswered_since or time.monotonic()) if silent else None
        final = reply.outcome not in (Outcome.CONNECTED, Outcome.TIMED_OUT)
        passing = reply.outcome is Outcome.PROBE_FAILED and "too slow" in reply.detail
        if reply.outcome is Outcome.CONNECTED:
            self._has_answered = True
        elif not self._has_answered:
            self.close()
            self._talk = None
        elif final and not passing:
            self.close()
            self._end = reply
        return reply

    def _reply(self, outcome: Outcome, detail: str) -> Reply:
        container = self._talk.container if self._talk else ""
        return Reply(outcome, detail, Tool.BASH, manual_command(self._probe), container=container)


def manual_command(probe: Probe) -> str:
    """What a user could type to hold such a connection: requests are typed, answers shown."""
    return f"bash -c 'exec 3<>{_device(probe)}; cat <&3 & cat >&3'"


def _device(probe: Probe) -> str:
    return f"/dev/{'udp' if probe.scheme is Scheme.UDP else 'tcp'}/{probe.host}/{probe.port}"


def _request(probe: Probe, word: str) -> str:
    if probe.scheme is Scheme.UDP:
        return escaped(probe, word)
    return rf"GET /echo?msg={word} HTTP/1.1\r\nHost: {probe.authority}\r\n\r\n"


def _program(probe: Probe, nonce: str) -> str:
    program = PROGRAM.replace("/dev/$DEVICE/$HOST/$PORT", _device(probe))
    return program.replace("$NONCE", nonce).replace("$ALONE", str(ALONE))
