"""The probe that python3 alone runs, as one line of shell. Pure."""

from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.datagrams import octal_escaped
from netpol_harness.probe.plan.question import Probe

SCTP = 132  # the protocol's number, for which older Pythons have no constant


def python_argv(probe: Probe, token: str) -> str:
    """Return a one-line command that runs any probe but ICMP with python3 alone."""
    udp = probe.scheme is Scheme.UDP
    family = "socket.AF_INET6" if probe.ip_version == 6 or ":" in probe.host else "socket.AF_INET"
    kind = "socket.SOCK_DGRAM" if udp else "socket.SOCK_STREAM"
    number = f", {SCTP}" if probe.scheme is Scheme.SCTP else ""
    bind = _python_bind(probe) if probe.source_port else ""
    connect = f's.connect(("{probe.host}", {probe.port}))'
    talk = f'; s.send(b"{octal_escaped(probe, token)}"); print(s.recv(999))' if udp else ""
    return f"python3 -S -E -c 'import socket; s = socket.socket({family}, {kind}{number}); {bind}{connect}{talk}'"


def _python_bind(probe: Probe) -> str:
    """Bind the source port; streams end by a reset (SO_LINGER 0), after which the port can be used again."""
    linger = 's.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\\1\\0\\0\\0\\0\\0\\0\\0"); '
    return f'{"" if probe.scheme is Scheme.UDP else linger}s.bind(("", {probe.source_port})); '
