"""Persistent connections: opened once, and probed again and again whether data still passes over them.

Invariants: a connection that has once answered is never opened again: what becomes of it is the observation. Silence is
TIMED_OUT only between two pulses of the pod's own shell over the same session, the first of them quick; a session that
breaks is PROBE_FAILED, whatever was silent on it. A connection that has answered and is then ended, by a reset or in
good order, is REFUSED: something on the way, or the server's replacement, does not continue it. An end of a connection
that never answered, or that an HTTP server has announced, is not an observation of the network.
"""

import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Lock

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ExecFailed, HarnessError
from netpol_harness.kube.exec import Sessions
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.connection_program import (
    Conversation,
    manual_command,
    program_for,
    request_text,
    supports_persistent,
)
from netpol_harness.probe.exec_targets import ExecTarget, ExecTargets, fresh_nonce
from netpol_harness.probe.pace import SLOW, TOO_SLOW
from netpol_harness.probe.plan import classify
from netpol_harness.probe.plan.commands import UDP_TRIES, Dialect
from netpol_harness.probe.plan.question import PodProbe, Probe
from netpol_harness.probe.plan.toolbox import Tool
from netpol_harness.results.evidence import Reply

AT_ONCE = 16

ANNOUNCED_END = re.compile(r"(?im)^HTTP/1\.0 |^connection:[^\n]*\bclose\b")
"""How an HTTP server announces that it will end the connection after its response (RFC 9112, 9.6)."""


class PersistentConnections:
    """The persistent connections of all pods. Safe to share between threads.

    ``exec_timeout``: seconds within which a session must show that it is alive.
    """

    def __init__(self, sessions: Sessions | None, targets: ExecTargets, *, exec_timeout: float) -> None:
        self._sessions = sessions
        self._targets = targets
        self._exec_timeout = exec_timeout
        self._connections: dict[PodProbe, _Connection] = {}
        self._lock = Lock()

    def ask(self, pairs: Sequence[PodProbe], timeout: float) -> Mapping[PodProbe, Reply]:
        """Probe each connection once, all at the same time; ``timeout``: seconds that an answer may take."""
        with ThreadPoolExecutor(min(AT_ONCE, len(pairs)), thread_name_prefix="persistent") as pool:
            return dict(zip(pairs, pool.map(lambda pair: self._ask(pair, timeout), pairs), strict=True))

    def silence(self, pair: PodProbe) -> float:
        """Return for how many seconds this connection has not answered; 0 if it has, or does not exist.

        A TCP sender doubles its pauses (RFC 6298, 5.5): it may stay silent for as long again after the network lets
        data through.
        """
        connection = self._connections.get(pair)
        since = connection.unanswered_since if connection else None
        return time.monotonic() - since if since else 0.0

    def close(self, pairs: Iterable[PodProbe]) -> None:
        """Close these connections and forget them; unknown ones are ignored."""
        for pair in pairs:
            if connection := self._connections.pop(pair, None):
                connection.close()

    def _ask(self, pair: PodProbe, timeout: float) -> Reply:
        with self._lock:
            connection = self._connections.setdefault(pair, _Connection(pair[1]))
        with connection.busy:
            try:
                return connection.ask(lambda: self._open(*pair), timeout, self._exec_timeout)
            except HarnessError as error:
                return connection.lose(str(error))

    def _open(self, pod: NamespacedName, probe: Probe) -> Conversation:
        if self._sessions is None:
            raise ExecFailed("this exec cannot keep a connection open")
        target = self._target(pod, probe)
        nonce = fresh_nonce()
        argv = ("bash", "-c", program_for(probe, nonce))
        deadline = Deadline(self._exec_timeout)
        session = self._sessions.session(pod, argv, deadline=deadline, container=target.container)
        return Conversation(session, nonce, target.container)

    def _target(self, pod: NamespacedName, probe: Probe) -> ExecTarget:
        if probe.container:
            return self._targets.named(pod, probe.container)
        return self._targets.assign(pod, (probe,), lambda _, toolbox: supports_persistent(toolbox))[0].target


class _Connection:
    """One connection, from the first attempt to open it. ``busy`` is held by the thread that uses it."""

    def __init__(self, probe: Probe) -> None:
        self.busy = Lock()
        self.unanswered_since: float | None = None
        self._probe = probe
        self._conversation: Conversation | None = None
        self._has_answered = False
        self._end: Reply | None = None

    def ask(self, open: Callable[[], Conversation], timeout: float, exec_timeout: float) -> Reply:
        """Return one reply. Raises ``HarnessError`` if the session broke."""
        if self._end is not None:
            return self._end
        if self._conversation is None:
            self._conversation = open()
            if not self._opened(self._conversation, timeout, exec_timeout):
                return self._conclude(self._not_opened(self._conversation, timeout))
        return self._exchange(self._conversation, timeout, exec_timeout)

    def lose(self, why: str) -> Reply:
        """Return the reply for a session that broke."""
        what = "the session that held the connection is lost"
        return self._conclude(self._reply(Outcome.PROBE_FAILED, f"{what}: {why}"))

    def close(self) -> None:
        if self._conversation is not None:
            self._conversation.close()

    def _opened(self, conversation: Conversation, timeout: float, exec_timeout: float) -> bool:
        if conversation.wait(lambda: "began" in conversation.frames, exec_timeout) is None:
            raise ExecFailed("bash does not answer")
        conversation.wait(lambda: bool(conversation.frames.keys() & {"open", "ended"}), timeout)
        return "open" in conversation.frames

    def _not_opened(self, conversation: Conversation, timeout: float) -> Reply:
        if "ended" not in conversation.frames:
            silent = Outcome.PROBE_FAILED if self._probe.by_name else Outcome.TIMED_OUT
            return self._reply(silent, f"no connection within {timeout:.3g} s")
        meaning = classify.read(Dialect.BASH, 1, conversation.data.decode("utf-8", "replace"))
        return self._reply(meaning.outcome, meaning.detail)

    def _exchange(self, conversation: Conversation, timeout: float, exec_timeout: float) -> Reply:
        """Send a request over the open connection, and wait for the response."""
        conversation.forget()
        tries = UDP_TRIES if self._probe.scheme is Scheme.UDP else 1
        token = secrets.token_hex(8)
        for _ in range(tries):
            number = conversation.send(request_text(self._probe, token))
            quick = conversation.pulse(number, exec_timeout) <= timeout * SLOW
            elapsed = conversation.wait(
                lambda: self._has_response(conversation, token) or "closed" in conversation.frames, timeout / tries
            )
            if elapsed is not None:
                return self._conclude(self._answered(conversation, token, elapsed))
        conversation.pulse(conversation.send(), exec_timeout)
        if quick:
            reply = self._reply(Outcome.TIMED_OUT, f"no answer over the open connection within {timeout:.3g} s")
        else:
            reply = self._reply(Outcome.PROBE_FAILED, f"no answer; but the pod was {TOO_SLOW}")
        return self._conclude(reply, may_recover=not quick)

    def _has_response(self, conversation: Conversation, token: str) -> bool:
        """Return whether data came: any response of a stream is new; a datagram must carry the current token."""
        data = conversation.data
        return token.encode() in data or (self._probe.scheme is Scheme.HTTP and b"HTTP/1." in data)

    def _answered(self, conversation: Conversation, token: str, seconds: float) -> Reply:
        if ANNOUNCED_END.search(conversation.data.decode("utf-8", "replace")):
            return self._reply(Outcome.PROBE_FAILED, "the server ends its connections; probe one that keeps them alive")
        if "closed" not in conversation.frames:
            return replace(self._reply(Outcome.CONNECTED, "data passes over the open connection"), seconds=seconds)
        meaning = classify.read(Dialect.BASH, 1, conversation.closing_data.decode("utf-8", "replace"))
        if meaning.outcome in (Outcome.REFUSED, Outcome.UNREACHABLE, Outcome.TIMED_OUT):  # the last: TCP gave up
            return self._reply(meaning.outcome, meaning.detail)
        if self._has_answered:
            return self._reply(Outcome.REFUSED, "the open connection was ended")
        return self._reply(Outcome.PROBE_FAILED, "the server ended the connection; probe one that keeps it alive")

    def _conclude(self, reply: Reply, *, may_recover: bool = False) -> Reply:
        """Update the state by a reply, and return it.

        Before its first answer a connection is opened again each time; after it, an end is final, unless it
        ``may_recover``.
        """
        silent = reply.outcome is Outcome.TIMED_OUT
        self.unanswered_since = (self.unanswered_since or time.monotonic()) if silent else None
        if reply.outcome is Outcome.CONNECTED:
            self._has_answered = True
        elif not self._has_answered:
            self.close()
            self._conversation = None
        elif not (silent or may_recover):
            self.close()
            self._end = reply
        return reply

    def _reply(self, outcome: Outcome, detail: str) -> Reply:
        container = self._conversation.container if self._conversation else ""
        return Reply(outcome, detail, Tool.BASH, manual_command(self._probe), container=container)
