"""The shell command that runs one probe with one tool. PURE.

Invariant: a command is what a user would type, and can be pasted alone; its parts are validated (``Probe``) or literals
of this module. ``timeout`` bounds its time, name lookup included; a tool's own time-out (whole seconds, the connect
alone) is longer and never decides, except where noted.

http: curl, else wget, which speak HTTP; else what opens a TCP connection. https: curl, which accepts any certificate,
else what opens a TCP connection. tcp: nc, else curl in telnet mode, agnhost,
busybox's bare nc, wget, bash, python3. From a given source port: nc, which then sends something that makes an HTTP
server end the connection first, since the side that ends it cannot use its port for a minute (TIME_WAIT, RFC 9293
3.6.1); else python3, which ends by a reset. udp: a datagram with a token that an echo server sends back; a name server
gets a DNS query (RFC 1035) for a new name. sctp: ncat, agnhost or python3. icmp: ping.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.datagrams import octal_escaped
from netpol_harness.probe.plan.python_command import python_argv
from netpol_harness.probe.plan.question import Probe
from netpol_harness.probe.plan.server_names import printf_request
from netpol_harness.probe.plan.toolbox import Netcat, Tool, Toolbox

HTTP_REQUEST = r"GET / HTTP/1.0\r\n\r\n"
"""A request after which an HTTP server ends the connection, in the escapes of ``printf``."""

UDP_TRIES = 3
"""Datagrams that one UDP probe sends within its time-out: a single one may be lost by chance."""

SHORTEST_TRY = 0.08
"""Seconds for one of these datagrams and its answer: each is sent by a process that must start first."""


class Dialect(StrEnum):
    """How to read a command's exit code and output; the table is in ``probe.plan.classify``."""

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


@dataclass(frozen=True, slots=True)
class Command:
    """``shell`` is one POSIX sh command; it is run up to ``tries`` times while there is no answer.

    ``data_only``: only standard output counts, as messages could be mistaken for the target's answer.
    """

    tool: Tool
    dialect: Dialect
    shell: str
    tries: int = 1
    data_only: bool = False


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """The input of a command. ``timeout`` in seconds; ``token`` is a random word of letters and digits."""

    probe: Probe
    toolbox: Toolbox
    timeout: float
    token: str

    def limited(self, argv: str, *, parts: int = 1) -> str:
        """Return ``argv`` under ``timeout``, for the whole time or one of several parts, which are not too short."""
        seconds = self.timeout if parts == 1 else max(self.timeout / parts, SHORTEST_TRY)
        return f"timeout {self.toolbox.probe_seconds(seconds):.3g} {argv}"

    @property
    def whole_seconds(self) -> int:
        """The time-out rounded up to whole seconds, for tools that do not accept fractions."""
        return max(1, math.ceil(self.timeout))

    @property
    def address(self) -> str:
        """``HOST PORT``."""
        return f"{self.probe.host} {self.probe.port}"

    @property
    def nc(self) -> str:
        """The netcat program, with the probe's IP version."""
        return f"{self.toolbox.nc}{self.version_flag(Tool.NC)}"

    def version_flag(self, tool: Tool) -> str:
        """Return the option that makes a tool use the probe's IP version, with a space before; empty if there is none.

        curl and nc have the same ones.
        """
        chooses = self.probe.ip_version and self.toolbox.chooses_ip_version(tool)
        return f" -{self.probe.ip_version}" if chooses else ""


def command_for(request: CommandRequest, forced: Tool | None) -> Command | None:
    """Return the command of the first available tool that can run the probe, or of ``forced`` alone; else ``None``."""
    if request.probe.asks_name:
        return _name_command(request)
    tools = PREFERENCE[request.probe.scheme]
    if request.probe.ip_version:
        tools = tuple(sorted(tools, key=lambda tool: not request.toolbox.chooses_ip_version(tool)))
    for tool in tools:
        if tool not in request.toolbox.tools or forced not in (None, tool):
            continue
        if tool is Tool.NC and forced is None and _has_better_than_bare_nc(request.toolbox):
            continue
        command = MAKERS[tool](request)
        if command is not None:
            return command
    return None


def lookup_command(name: str, toolbox: Toolbox, timeout: float) -> str:
    """Return the command that shows whether ``name`` resolves within the time-out, in the ``LOOKUP`` dialect."""
    return f"timeout {toolbox.probe_seconds(timeout):.3g} {toolbox.lookup} {name}"


def _name_command(request: CommandRequest) -> Command | None:
    """Return the command that asks a server for its host's name, by ``/hostname`` or ``hostname`` of test servers.

    Its dialect is one in which only data counts as an answer: over TCP too, an open connection is not enough. OpenBSD's
    nc is preferred, which starts in a fifth of curl's time: names are asked for in every round.
    """
    toolbox, udp = request.toolbox, request.probe.scheme is Scheme.UDP
    if Tool.CURL in toolbox.tools and not udp and toolbox.netcat is not Netcat.OPENBSD:
        limit = f"--max-time {toolbox.probe_seconds(request.timeout):.3g}"
        return Command(
            Tool.CURL,
            Dialect.CURL,
            f"curl -q{request.version_flag(Tool.CURL)} -gsS {limit} http://{request.probe.authority}/hostname",
        )
    if Tool.NC in toolbox.tools and (not udp or toolbox.netcat not in (Netcat.NCAT, Netcat.PLAIN)):
        return _nc_name(request)
    if Tool.BASH in toolbox.tools:
        device = f"/dev/{'udp' if udp else 'tcp'}/{request.probe.host}/{request.probe.port}"
        body = f'exec 3<>{device} && printf "{printf_request(request.probe)}" >&3 && dd bs=999 count=1 <&3'
        return Command(Tool.BASH, Dialect.BASH_UDP, request.limited(f"bash -c '{body}'"), data_only=True)
    if Tool.WGET in toolbox.tools and not udp:
        argv = f"wget -q -O - http://{request.probe.authority}/hostname"
        return Command(Tool.WGET, Dialect.WGET, request.limited(argv), data_only=True)
    return None


def _nc_name(request: CommandRequest) -> Command:
    udp, toolbox = request.probe.scheme is Scheme.UDP, request.toolbox
    once = " -W 1" if udp and toolbox.receives_once else ""
    argv = f"{request.nc}{' -u' if udp else ''} -w {request.whole_seconds + 1}{once} {request.address}"
    shell = f"printf '{printf_request(request.probe)}' | {request.limited(argv)}"
    return Command(Tool.NC, Dialect.NC_UDP, shell, data_only=True)


def _has_better_than_bare_nc(toolbox: Toolbox) -> bool:
    """Return whether another tool is better: bare nc cannot just connect, it waits for the other side to close."""
    return toolbox.netcat is Netcat.PLAIN and bool(toolbox.tools & {Tool.CURL, Tool.AGNHOST})


def _curl(request: CommandRequest) -> Command | None:
    scheme = {Scheme.HTTP: "http", Scheme.HTTPS: "https", Scheme.TCP: "telnet"}.get(request.probe.scheme)
    if scheme is None or request.probe.source_port:
        return None
    report = r"-w '\ntime_connect %{time_connect}\n'"
    flags = "-gsSvk" if request.probe.scheme is Scheme.HTTPS else "-gsSv"
    limit = f"--max-time {request.timeout:.3g}"
    argv = f"curl -q{request.version_flag(Tool.CURL)} {flags} -o /dev/null {report} {limit}"
    return Command(Tool.CURL, Dialect.CURL, f"{argv} {scheme}://{request.probe.authority}/")


def _wget(request: CommandRequest) -> Command | None:
    if request.probe.scheme not in (Scheme.HTTP, Scheme.TCP) or request.probe.source_port:
        return None
    return Command(Tool.WGET, Dialect.WGET, request.limited(f"wget -S -O /dev/null http://{request.probe.authority}/"))


def _nc(request: CommandRequest) -> Command | None:
    kind, nc = request.toolbox.netcat, request.nc
    if request.probe.scheme is Scheme.UDP:
        return None if kind in (Netcat.NCAT, Netcat.PLAIN) else _nc_udp(request)
    if request.probe.source_port:
        return None if kind is Netcat.PLAIN or request.probe.scheme is Scheme.SCTP else _nc_talk(request)
    if request.probe.scheme is Scheme.SCTP:
        argv = f"{nc} --sctp -vz -w {request.whole_seconds} {request.address}"
        return Command(Tool.NC, Dialect.NC, request.limited(argv)) if kind is Netcat.NCAT else None
    if kind is Netcat.PLAIN:
        return _nc_plain(request)
    numeric = "n" if kind is Netcat.TRADITIONAL and not request.probe.by_name else ""
    argv = f"{nc} -vz{numeric} -w {request.whole_seconds} {request.address}"
    return Command(Tool.NC, Dialect.NC, request.limited(argv))


def _nc_plain(request: CommandRequest) -> Command:
    """Bare nc has its own time-out for connecting alone: ``timeout``, one second later, means connected and silent."""
    seconds = request.whole_seconds
    argv = f"{request.toolbox.nc} -w {seconds} {request.address}"
    return Command(Tool.NC, Dialect.NC_PLAIN, f"timeout {seconds + 1} {argv}")


def _nc_talk(request: CommandRequest) -> Command:
    """Send an HTTP request. nc waits longer than ``timeout`` for the end, so that ``timeout`` bounds everything."""
    argv = f"{request.nc} -v{_from_port(request)} -w {request.whole_seconds + 1} {request.address}"
    return Command(Tool.NC, Dialect.NC_TALK, f"printf '{HTTP_REQUEST}' | {request.limited(argv)}")


def _nc_udp(request: CommandRequest) -> Command:
    """Send datagrams. nc waits longer than ``timeout`` for an answer: silence is always ``timeout``'s exit code."""
    once = " -W 1" if request.toolbox.receives_once else ""
    argv = f"{request.nc} -u{_from_port(request)} -w {request.whole_seconds + 1}{once} {request.address}"
    shell = f"printf '{octal_escaped(request.probe, request.token)}' | {request.limited(argv, parts=UDP_TRIES)}"
    return Command(Tool.NC, Dialect.NC_UDP, shell, tries=UDP_TRIES, data_only=True)


def _from_port(request: CommandRequest) -> str:
    return f" -p {request.probe.source_port}" if request.probe.source_port else ""


def _agnhost(request: CommandRequest) -> Command | None:
    if request.probe.scheme is Scheme.ICMP or request.probe.source_port:
        return None
    if request.probe.scheme is Scheme.UDP and request.probe.asks_dns:  # what it sends is "hostname"
        return None
    protocol = request.probe.scheme.protocol.lower()
    milliseconds = math.ceil(request.timeout * 1000)
    options = f"--timeout={milliseconds}ms --protocol={protocol}"
    argv = f"{request.toolbox.agnhost} connect {options} {request.probe.authority}"
    return Command(Tool.AGNHOST, Dialect.AGNHOST, argv)


def _bash(request: CommandRequest) -> Command | None:
    if request.probe.source_port:
        return None
    path = f"{request.probe.host}/{request.probe.port}"
    if request.probe.scheme in (Scheme.TCP, Scheme.HTTP, Scheme.HTTPS):
        return Command(Tool.BASH, Dialect.BASH, request.limited(f"bash -c 'exec 3<>/dev/tcp/{path}'"))
    if request.probe.scheme is not Scheme.UDP:
        return None
    datagram_text = octal_escaped(request.probe, request.token)
    body = f'exec 3<>/dev/udp/{path} && printf "{datagram_text}" >&3 && dd bs=999 count=1 <&3'
    shell = request.limited(f"bash -c '{body}'", parts=UDP_TRIES)
    return Command(Tool.BASH, Dialect.BASH_UDP, shell, tries=UDP_TRIES, data_only=True)


def _python(request: CommandRequest) -> Command | None:
    if request.probe.scheme is Scheme.ICMP:
        return None
    tries = UDP_TRIES if request.probe.scheme is Scheme.UDP else 1
    return Command(
        Tool.PYTHON,
        Dialect.PYTHON,
        request.limited(python_argv(request.probe, request.token), parts=tries),
        tries=tries,
    )


def _ping(request: CommandRequest) -> Command | None:
    if request.probe.scheme is not Scheme.ICMP:
        return None
    argv = f"ping -n -c 1 -W {request.whole_seconds} {request.probe.host}"
    return Command(Tool.PING, Dialect.PING, request.limited(argv))


PREFERENCE: Mapping[Scheme, tuple[Tool, ...]] = MappingProxyType(
    {
        Scheme.HTTP: (Tool.CURL, Tool.WGET, Tool.NC, Tool.AGNHOST, Tool.BASH, Tool.PYTHON),
        Scheme.HTTPS: (Tool.CURL, Tool.NC, Tool.AGNHOST, Tool.BASH, Tool.PYTHON),
        Scheme.TCP: (Tool.NC, Tool.CURL, Tool.AGNHOST, Tool.WGET, Tool.BASH, Tool.PYTHON),
        Scheme.UDP: (Tool.NC, Tool.AGNHOST, Tool.PYTHON, Tool.BASH),
        Scheme.SCTP: (Tool.NC, Tool.AGNHOST, Tool.PYTHON),
        Scheme.ICMP: (Tool.PING,),
    }
)
"""Tools for each scheme, best first."""

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
