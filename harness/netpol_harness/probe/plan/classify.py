"""The one table of what a tool's result means: (dialect, exit code, message) -> ``Outcome``. PURE.

Invariant: what is not in the table is PROBE_FAILED; nothing is guessed. Rows are tried in order, and the first match
decides. Rows on exit codes see the whole message; the common phrases are searched line by line from the end, because a
tool that tries several addresses reports the final result last. Measured with nc (openbsd, traditional, ncat, busybox),
curl 7.88, bash and getent; agnhost and wget by their documentation.

CONNECTED is about the connection, not the application: an HTTP client that got an error status, an empty reply, or
anything else after the handshake was let through, which is what ``allowed`` means for a policy. The detail has the
rest.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from netpol_harness.paths.outcome import Outcome
from netpol_harness.probe.plan.commands import Dialect

SILENCE = frozenset({124, 143})
"""Exit codes of GNU's ``timeout`` and of a command that busybox's ``timeout`` (or ours) has terminated."""

NEVER_RAN = frozenset({125, 126, 127})
"""Exit codes of ``timeout`` and of shells for a command that could not be run at all."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """``explained`` is False if the tool did not report a cause, which for a name may be the lookup."""

    outcome: Outcome
    detail: str
    explained: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """``codes`` empty: any code; ``pattern`` empty: any message, ``\\Z`` an empty one."""

    outcome: Outcome
    dialects: frozenset[Dialect]
    codes: frozenset[int] = frozenset()
    pattern: str = ""
    detail: str = ""
    explained: bool = True

    def fits(self, dialect: Dialect, code: int, message: str) -> bool:
        """Return whether this row matches; a pattern may match anywhere, with ``^`` at the start of any line."""
        if dialect not in self.dialects or (self.codes and code not in self.codes):
            return False
        return not self.pattern or re.search(self.pattern, message, re.MULTILINE | re.IGNORECASE) is not None


C, W, N, P, U, T, B, A = (
    frozenset(group)
    for group in (
        {Dialect.CURL},
        {Dialect.WGET},
        {Dialect.NC},
        {Dialect.NC_PLAIN},
        {Dialect.NC_UDP, Dialect.BASH_UDP},
        {Dialect.NC_TALK},
        {Dialect.BASH_UDP},
        {Dialect.AGNHOST},
    )
)
PLAIN_SUCCESS = frozenset({Dialect.AGNHOST, Dialect.BASH, Dialect.PYTHON, Dialect.PING, Dialect.LOOKUP})
EVERY_TOOL = frozenset(Dialect) - {Dialect.PYTHON_SCRIPT}
PYTHON_SCRIPT = frozenset({Dialect.PYTHON_SCRIPT})
LOOKUP = frozenset({Dialect.LOOKUP})
PING = frozenset({Dialect.PING})

TABLE: tuple[Rule, ...] = (
    Rule(Outcome.PROBE_FAILED, EVERY_TOOL, NEVER_RAN),
    # curl names the phase that failed, so that its silence is always explained
    Rule(Outcome.CONNECTED, C, pattern=r"^\* *(Connected to|Established connection)"),
    Rule(Outcome.CONNECTED, C, frozenset({0, 1, 8, 52, 56})),
    Rule(Outcome.NAME_FAILED, C, frozenset({6})),
    Rule(Outcome.NAME_FAILED, C, frozenset({28}), r"resolv|name lookup"),
    Rule(Outcome.TIMED_OUT, C, frozenset({28})),
    Rule(Outcome.CONNECTED, W, pattern=r"HTTP/\d|\bconnected\.|error getting response|bad header|empty reply"),
    Rule(Outcome.CONNECTED, W, frozenset({0})),
    Rule(Outcome.CONNECTED, N, frozenset({0}), r"succeeded!|\bopen\b|\bConnected to\b"),
    Rule(Outcome.CONNECTED, T, pattern=r"succeeded!|\[[\d.a-f:]+\] \d+ .*\bopen$|\bConnected to\b", detail="connected"),
    Rule(Outcome.CONNECTED, P, frozenset({0})),
    Rule(Outcome.CONNECTED, P, SILENCE, detail="connected; the server said nothing"),
    Rule(
        Outcome.PROBE_FAILED,
        EVERY_TOOL,
        pattern=r"address already in use|cannot assign requested address|couldn't setup local socket",
        detail="the source port is not free: an earlier connection from it has not been forgotten yet",
    ),
    # datagrams: nc exits with 0 and no output if an ICMP error came back, with 1 if none could be sent
    Rule(Outcome.REFUSED, U, frozenset({0}), r"\A\s*\Z", detail="an ICMP error came back"),
    Rule(Outcome.TIMED_OUT, U, SILENCE, r"\A\s*\Z", explained=False),
    Rule(Outcome.CONNECTED, U, frozenset({0}) | SILENCE),
    Rule(Outcome.REFUSED, B, frozenset({1}), r"\A\s*\Z", detail="an ICMP error came back", explained=False),
    Rule(Outcome.UNREACHABLE, U, frozenset({1}), r"\A\s*\Z", detail="no datagram could be sent", explained=False),
    Rule(Outcome.CONNECTED, PLAIN_SUCCESS, frozenset({0})),
    Rule(Outcome.TIMED_OUT, A, pattern=r"^TIMEOUT"),
    Rule(Outcome.REFUSED, A, pattern=r"^REFUSED"),
    Rule(Outcome.NAME_FAILED, A, pattern=r"^DNS"),
    Rule(Outcome.PROBE_FAILED, PING, pattern=r"socket:|are you root|capability"),
    Rule(Outcome.UNREACHABLE, PING, frozenset({1}), r"unreachable|filtered|prohibited"),
    Rule(Outcome.TIMED_OUT, PING, frozenset({1}), r"100% packet loss"),
    Rule(Outcome.CONNECTED, LOOKUP, frozenset({1}), r"^Name:.*\n^Address"),
    Rule(Outcome.TIMED_OUT, EVERY_TOOL, SILENCE, explained=False),
    Rule(Outcome.NAME_FAILED, LOOKUP),
    # the python script's codes are errno
    Rule(Outcome.CONNECTED, PYTHON_SCRIPT, frozenset({0})),
    Rule(Outcome.REFUSED, PYTHON_SCRIPT, frozenset({104, 111}), detail="refused"),
    Rule(Outcome.TIMED_OUT, PYTHON_SCRIPT, frozenset({110})),
    Rule(Outcome.UNREACHABLE, PYTHON_SCRIPT, frozenset({1, 13, 100, 101, 112, 113}), detail="unreachable"),
)

FAILED = frozenset({1, 2, 4, 7})
"""Exit codes with which tools report what a phrase then explains (wget 4: network failure, curl 7: no connection)."""

PHRASES: tuple[Rule, ...] = (
    Rule(
        Outcome.NAME_FAILED,
        EVERY_TOOL,
        FAILED,
        r"getaddrinfo|gaierror|name or service not known|temporary failure in name|no address associated|bad address|"
        r"could not resolve|unable to resolve|forward host lookup failed|name does not resolve|unknown host",
    ),
    Rule(Outcome.PROBE_FAILED, EVERY_TOOL, FAILED, r"invalid option|unrecognized option|unknown (flag|command)|usage:"),
    Rule(Outcome.PROBE_FAILED, EVERY_TOOL, FAILED, r"protocol not supported"),
    Rule(Outcome.REFUSED, EVERY_TOOL, FAILED, r"connection refused|connection reset by peer"),
    Rule(
        Outcome.UNREACHABLE,
        EVERY_TOOL,
        FAILED,
        r"no route to host|(network|host|net) (is )?unreachable|permission denied|operation not permitted|filtered",
    ),
    Rule(Outcome.TIMED_OUT, EVERY_TOOL, FAILED, r"timed out|\btimeout\b", explained=False),
)
"""Phrases that all tools share, from glibc, musl and their own sources."""


def read(dialect: Dialect, code: int, message: str) -> Meaning:
    """Return what a tool's exit code and output mean."""
    for row in TABLE:
        if row.fits(dialect, code, message):
            return Meaning(row.outcome, row.detail or _detail(row.outcome, dialect, code, message), row.explained)
    for line in reversed(message.splitlines()):
        for row in PHRASES:
            if row.fits(dialect, code, line):
                return Meaning(row.outcome, _tidy(line), row.explained)
    last_line = next(_relevant_lines(message), "no message")
    return Meaning(Outcome.PROBE_FAILED, f"answer not understood: exit code {code}, {last_line}")


def curl_seconds(message: str) -> float | None:
    """Return how long curl's connection took; ``None`` if there was none."""
    match = re.search(r"^time_connect (\d+\.\d+)$", message, re.MULTILINE)
    seconds = float(match[1]) if match else 0.0
    return seconds or None


def _detail(outcome: Outcome, dialect: Dialect, code: int, message: str) -> str:
    """Return the most informative line of a message."""
    status = re.search(r"\bHTTP/[\d.]+ (\d{3})\b", message)
    if status and dialect in (Dialect.CURL, Dialect.WGET):
        return f"HTTP {status[1]}"
    line = next(_relevant_lines(message), "")
    if code in NEVER_RAN and dialect is not Dialect.PYTHON_SCRIPT:
        return f"it could not be run (exit code {code}): {line}"
    return f"connected, then {line}" if code and dialect is Dialect.CURL and outcome is Outcome.CONNECTED else line


def _relevant_lines(message: str) -> Iterator[str]:
    """Yield lines, the last one first, without curl's progress messages."""
    for line in reversed(message.splitlines()):
        tidy = _tidy(line)
        if tidy and not tidy.startswith(("time_connect", "* Closing", "{ [", "Ncat: 0 bytes", "Ncat: Version")):
            yield tidy.removeprefix("* ")


def _tidy(text: str) -> str:
    """Return the text as one line of printable characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]
