"""A batch by the python script: one python3 in the pod, non-blocking sockets, thousands of addresses a second.

It is for closed-world tables of many addresses. It supports addresses over TCP (for HTTP too: the handshake), UDP and
SCTP; names and ICMP need command-line tools. It writes the same frames, which are read by the same table. The program
is sent on standard input as one line, which ``python3 -c`` reads without needing the end of its input.
"""

import math
from collections.abc import Sequence
from pathlib import Path

from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.commands import Command, Dialect
from netpol_harness.probe.plan.datagrams import datagram
from netpol_harness.probe.plan.python_command import python_argv
from netpol_harness.probe.plan.question import Probe
from netpol_harness.probe.plan.script import PULSE, PULSE_PROBES, Batch, token
from netpol_harness.probe.plan.server_names import name_request
from netpol_harness.probe.plan.toolbox import Tool

ARGV = ("python3", "-S", "-E", "-c", "exec(eval(input()))")
PROGRAM = Path(__file__).with_name("python_program.py").read_text("utf-8")

AT_ONCE = 500
"""Sockets that the script has open at the same time, as in its program."""

SCHEMES = {Scheme.TCP: "tcp", Scheme.HTTP: "tcp", Scheme.HTTPS: "tcp", Scheme.UDP: "udp", Scheme.SCTP: "sctp"}


def supports(probe: Probe) -> bool:
    """Return whether the script can run this probe."""
    needs_tools = probe.by_name or probe.source_port or probe.connection or probe.container
    return probe.scheme in SCHEMES and not needs_tools


def compose(probes: Sequence[Probe], *, timeout: float, nonce: str) -> Batch:
    """Return the standard input for ``probes`` (distinct, all supported), ``timeout`` seconds each."""
    commands = {str(index): (probe, _command(probe, timeout, nonce, str(index))) for index, probe in enumerate(probes)}
    jobs = [_job(PULSE, PULSE_PROBES[0], nonce), *(_job(index, probe, nonce) for index, (probe, _) in commands.items())]
    program = f"{PROGRAM}\nmain({nonce!r}, {timeout!r}, {jobs!r})\n"
    return Batch(f"{program!a}\n", nonce, timeout, commands, pulses=(PULSE,), lookups={}, unsupported={})


def _job(index: str, probe: Probe, nonce: str) -> tuple[str, str, str, int, bytes]:
    payload = datagram(probe, token(nonce, index)) if probe.scheme is Scheme.UDP else b""
    if probe.asks_name:
        payload = name_request(probe).encode()
    return index, SCHEMES[probe.scheme], probe.host, probe.port, payload


def _command(probe: Probe, timeout: float, nonce: str, index: str) -> Command:
    """Return what a user could type to run the same probe."""
    limited = f"timeout {max(1, math.ceil(timeout))} {python_argv(probe, token(nonce, index))}"
    return Command(Tool.PYTHON, Dialect.PYTHON_SCRIPT, limited)
