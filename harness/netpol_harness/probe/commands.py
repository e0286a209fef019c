"""What is typed in a pod to ask one probe with one tool. PURE.

Invariant: a command is what a user would type, stands alone and may be pasted; its parts are validated (``Probe``) or
made here. Time is bounded by ``timeout``, which covers the name lookup too; a tool's own time-out (whole seconds, the
connect alone) is longer and never decides, except where said.

http: curl, else wget, which speak HTTP; else what opens a TCP connection. tcp: nc, else curl in telnet mode, agnhost,
busybox's bare nc, wget, bash, python3. From a source port of one's choice: nc, which then says something that makes
an HTTP server end the connection first, since who ends it cannot use its port for a minute (TIME_WAIT, RFC 9293 3.6.1);
else python3, which ends by a reset. udp: a datagram with a token that an echo gives back; a name server gets a DNS
query for a name that nobody asked before, RFC 1035. sctp: ncat, agnhost or python3. icmp: ping.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from netpol_harness.paths.path import Scheme
from netpol_harness.probe.question import Probe
from netpol_harness.probe.toolbox import Netcat, Tool, Toolbox

PARTING = r"GET / HTTP/1.0\r\n\r\n"
"""What makes a server of HTTP answer and end the connection, in the escapes of ``printf``."""

UDP_TRIES = 3
"""Datagrams that one UDP probe sends within its time-out: a single one may be lost without anybody's intent."""

SCTP = 132  # the protocol's number, which older Pythons do not name


class Dialect(StrEnum):
    """How a command's exit code and output are to be read; the table is in ``probe.classify``."""

    CURL = "curl"
    WGET = "wget"
    NC = "nc"
    NC_PLAIN = "nc, bare"
    NC_UDP = "nc, datagrams"
    NC_TALK = "nc, a request"
    AGNHOST = "agnhost"
    BASH = "bash"
    BASH_UDP = "bash, datagrams"
    PYTHON = "python3"
    PING = "ping"
    LOOKUP = "lookup"
    PYTHON_SCRIPT = "python script"
    SERVER_NAME = "a server's name"


@dataclass(frozen=True, slots=True)
class Command:
    """``shell`` is one POSIX sh command; it is run up to ``tries`` times while it meets silence.

    ``data_only``: only standard output counts, where messages could be mistaken for the target's answer.
    """

    tool: Tool
    dialect: Dialect
    shell: str
    tries: int = 1
    data_only: bool = False


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """What a command is made of. ``timeout`` in seconds; ``token`` is a fresh word of letters and digits."""

    probe: Probe
    toolbox: Toolbox
    timeout: float
    token: str

    def limited(self, argv: str, *, parts: int = 1) -> str:
        """``argv`` under ``timeout``, for the whole time or one of several parts of it."""
        return f"timeout {self.toolbox.probe_seconds(self.timeout / parts):.3g} {argv}"

    @property
    def whole_seconds(self) -> int:
        """A whole number of seconds that is not shorter than the time-out, for tools that know no fractions."""
        return max(1, math.ceil(self.timeout))

    @property
    def where(self) -> str:
        """``HOST PORT``."""
        return f"{self.probe.host} {self.probe.port}"


def command_for(ask: CommandRequest, forced: Tool | None) -> Command | None:
    """The command by the first tool there that can ask this, or by ``forced`` alone; ``None`` where none can."""
    if ask.probe.asks_name:
        return _name_command(ask)
    for tool in PREFERENCE[ask.probe.scheme]:
        if tool not in ask.toolbox.tools or forced not in (None, tool):
            continue
        if tool is Tool.NC and forced is None and _has_better_than_bare_nc(ask.toolbox):
            continue
        command = MAKERS[tool](ask)
        if command is not None:
            return command
    return None


def lookup_command(name: str, toolbox: Toolbox, timeout: float) -> str:
    """The command that tells whether ``name`` resolves within the time-out, in the ``LOOKUP`` dialect."""
    return f"timeout {toolbox.probe_seconds(timeout):.3g} {toolbox.lookup} {name}"


def _name_command(ask: CommandRequest) -> Command | None:
    """The command that asks a server for its host's name, as test servers tell it: ``/hostname`` or ``hostname``."""
    udp, place, tools = ask.probe.scheme is Scheme.UDP, f"{ask.probe.host}/{ask.probe.port}", ask.toolbox.tools
    if not udp and Tool.CURL in tools:
        limit = f"--max-time {ask.toolbox.probe_seconds(ask.timeout):.3g}"
        return Command(Tool.CURL, Dialect.SERVER_NAME, f"curl -q -gsS {limit} http://{ask.probe.authority}/hostname")
    request = "hostname" if udp else "GET /hostname HTTP/1.0\\r\\n\\r\\n"
    if Tool.NC in tools and (not udp or ask.toolbox.netcat not in (Netcat.NCAT, Netcat.PLAIN)):
        once = " -W 1" if udp and ask.toolbox.receives_once else ""
        argv = f"{ask.toolbox.nc}{' -u' if udp else ''} -w {ask.whole_seconds + 1}{once} {ask.where}"
        return Command(Tool.NC, Dialect.SERVER_NAME, f"printf '{request}' | {ask.limited(argv)}", data_only=True)
    if Tool.BASH in tools:
        device = f"/dev/{'udp' if udp else 'tcp'}/{place}"
        body = f'exec 3<>{device} && printf "{request}" >&3 && dd bs=999 count=1 <&3'
        return Command(Tool.BASH, Dialect.SERVER_NAME, ask.limited(f"bash -c '{body}'"), data_only=True)
    return None


def _has_better_than_bare_nc(toolbox: Toolbox) -> bool:
    """Busybox's bare nc cannot just connect: it waits for the other side to close. Other tools go first."""
    return toolbox.netcat is Netcat.PLAIN and bool(toolbox.tools & {Tool.CURL, Tool.AGNHOST})


def _curl(ask: CommandRequest) -> Command | None:
    scheme = {Scheme.HTTP: "http", Scheme.TCP: "telnet"}.get(ask.probe.scheme)
    if scheme is None or ask.probe.source_port:
        return None
    report = r"-w '\ntime_connect %{time_connect}\n'"
    limit = f"--max-time {ask.timeout:.3g}"
    return Command(
        Tool.CURL, Dialect.CURL, f"curl -q -gsSv -o /dev/null {report} {limit} {scheme}://{ask.probe.authority}/"
    )


def _wget(ask: CommandRequest) -> Command | None:
    if ask.probe.scheme not in (Scheme.HTTP, Scheme.TCP) or ask.probe.source_port:
        return None
    return Command(Tool.WGET, Dialect.WGET, ask.limited(f"wget -S -O /dev/null http://{ask.probe.authority}/"))


def _nc(ask: CommandRequest) -> Command | None:
    kind, word = ask.toolbox.netcat, ask.toolbox.nc
    if ask.probe.scheme is Scheme.UDP:
        return None if kind in (Netcat.NCAT, Netcat.PLAIN) else _nc_udp(ask)
    if ask.probe.source_port:
        return None if kind is Netcat.PLAIN or ask.probe.scheme is Scheme.SCTP else _nc_talk(ask)
    if ask.probe.scheme is Scheme.SCTP:
        argv = f"{word} --sctp -vz -w {ask.whole_seconds} {ask.where}"
        return Command(Tool.NC, Dialect.NC, ask.limited(argv)) if kind is Netcat.NCAT else None
    if kind is Netcat.PLAIN:
        return _nc_plain(ask)
    numeric = "n" if kind is Netcat.TRADITIONAL and not ask.probe.by_name else ""
    return Command(Tool.NC, Dialect.NC, ask.limited(f"{word} -vz{numeric} -w {ask.whole_seconds} {ask.where}"))


def _nc_plain(ask: CommandRequest) -> Command:
    """Bare nc has its own time-out for connecting and none for what follows, so that ``timeout``, one second later,
    means connected and silent."""
    seconds = ask.whole_seconds
    return Command(Tool.NC, Dialect.NC_PLAIN, f"timeout {seconds + 1} {ask.toolbox.nc} -w {seconds} {ask.where}")


def _nc_talk(ask: CommandRequest) -> Command:
    """nc waits longer than ``timeout`` for the end of the connection, so that ``timeout`` bounds everything."""
    argv = f"{ask.toolbox.nc} -v{_from_port(ask)} -w {ask.whole_seconds + 1} {ask.where}"
    return Command(Tool.NC, Dialect.NC_TALK, f"printf '{PARTING}' | {ask.limited(argv)}")


def _nc_udp(ask: CommandRequest) -> Command:
    """nc waits longer than ``timeout`` for the answer, so that silence is always ``timeout``'s exit code."""
    once = " -W 1" if ask.toolbox.receives_once else ""
    argv = f"{ask.toolbox.nc} -u{_from_port(ask)} -w {ask.whole_seconds + 1}{once} {ask.where}"
    shell = f"printf '{escaped(ask.probe, ask.token)}' | {ask.limited(argv, parts=UDP_TRIES)}"
    return Command(Tool.NC, Dialect.NC_UDP, shell, tries=UDP_TRIES, data_only=True)


def _from_port(ask: CommandRequest) -> str:
    return f" -p {ask.probe.source_port}" if ask.probe.source_port else ""


def _agnhost(ask: CommandRequest) -> Command | None:
    if ask.probe.scheme is Scheme.ICMP or ask.probe.source_port:
        return None
    if ask.probe.scheme is Scheme.UDP and ask.probe.asks_dns:  # what it sends is "hostname"
        return None
    protocol = ask.probe.scheme.protocol.lower()
    milliseconds = math.ceil(ask.timeout * 1000)
    argv = f"{ask.toolbox.agnhost} connect --timeout={milliseconds}ms --protocol={protocol} {ask.probe.authority}"
    return Command(Tool.AGNHOST, Dialect.AGNHOST, argv)


def _bash(ask: CommandRequest) -> Command | None:
    if ask.probe.source_port:
        return None
    place = f"{ask.probe.host}/{ask.probe.port}"
    if ask.probe.scheme in (Scheme.TCP, Scheme.HTTP):
        return Command(Tool.BASH, Dialect.BASH, ask.limited(f"bash -c 'exec 3<>/dev/tcp/{place}'"))
    if ask.probe.scheme is not Scheme.UDP:
        return None
    body = f'exec 3<>/dev/udp/{place} && printf "{escaped(ask.probe, ask.token)}" >&3 && dd bs=999 count=1 <&3'
    shell = ask.limited(f"bash -c '{body}'", parts=UDP_TRIES)
    return Command(Tool.BASH, Dialect.BASH_UDP, shell, tries=UDP_TRIES, data_only=True)


def _python(ask: CommandRequest) -> Command | None:
    if ask.probe.scheme is Scheme.ICMP:
        return None
    tries = UDP_TRIES if ask.probe.scheme is Scheme.UDP else 1
    return Command(
        Tool.PYTHON, Dialect.PYTHON, ask.limited(python_argv(ask.probe, ask.token), parts=tries), tries=tries
    )


def python_argv(probe: Probe, token: str) -> str:
    """One line that asks anything but ICMP with python3 alone."""
    udp = probe.scheme is Scheme.UDP
    family = "socket.AF_INET6" if ":" in probe.host else "socket.AF_INET"
    kind = "socket.SOCK_DGRAM" if udp else "socket.SOCK_STREAM"
    number = f", {SCTP}" if probe.scheme is Scheme.SCTP else ""
    bind = _python_bind(probe) if probe.source_port else ""
    connect = f's.connect(("{probe.host}", {probe.port}))'
    talk = f'; s.send(b"{escaped(probe, token)}"); print(s.recv(999))' if udp else ""
    return f"python3 -S -E -c 'import socket; s = socket.socket({family}, {kind}{number}); {bind}{connect}{talk}'"


def _python_bind(probe: Probe) -> str:
    """The source port; and for streams, an end by reset (SO_LINGER of no time), after which it may be used again."""
    linger = 's.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\\1\\0\\0\\0\\0\\0\\0\\0"); '
    return f'{"" if probe.scheme is Scheme.UDP else linger}s.bind(("", {probe.source_port})); '


def _ping(ask: CommandRequest) -> Command | None:
    if ask.probe.scheme is not Scheme.ICMP:
        return None
    return Command(Tool.PING, Dialect.PING, ask.limited(f"ping -n -c 1 -W {ask.whole_seconds} {ask.probe.host}"))


def datagram(probe: Probe, token: str) -> bytes:
    """What a UDP probe sends, as its target understands it."""
    if not probe.asks_dns:
        return f"echo {token}\n".encode()
    labels = b"".join(bytes([len(label)]) + label.encode() for label in (token, "cluster", "local"))
    return token.encode()[:2] + bytes([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + labels + bytes([0, 0, 1, 0, 1])


def escaped(probe: Probe, token: str) -> str:
    """The datagram in octal escapes, which ``printf`` and Python share, within either kind of quotes."""
    return "".join(
        chr(byte) if chr(byte).isalnum() or byte == 32 else f"\\{byte:03o}" for byte in datagram(probe, token)
    )


PREFERENCE: Mapping[Scheme, tuple[Tool, ...]] = MappingProxyType(
    {
        Scheme.HTTP: (Tool.CURL, Tool.WGET, Tool.NC, Tool.AGNHOST, Tool.BASH, Tool.PYTHON),
        Scheme.TCP: (Tool.NC, Tool.CURL, Tool.AGNHOST, Tool.WGET, Tool.BASH, Tool.PYTHON),
        Scheme.UDP: (Tool.NC, Tool.AGNHOST, Tool.PYTHON, Tool.BASH),
        Scheme.SCTP: (Tool.NC, Tool.AGNHOST, Tool.PYTHON),
        Scheme.ICMP: (Tool.PING,),
    }
)
"""Tools that can ask each scheme, best first."""

MAKERS: Mapping[Tool, Callable[[CommandRequest], Command | None]] = MappingProxyType(
    {
        Tool.CURL: _curl,
        Tool.WGET: _wget,
        Tool.NC: _nc,
        Tool.AGNHOST: _agnhost,
        Tool.BASH: _bash,
        Tool.PYTHON: _python,
        Tool.PING: _ping,
    }
)
