"""``agnhost connect``, which suites written for Kubernetes run in pods of the test image agnhost.

Images are not run here, so a small program stands in for it. It has the outcomes, messages and exit code of
`kubernetes/test/images/agnhost/connect`. Suites run it once for each pair of pods and port, so its arguments are read
here, and it loads nothing but the C module of sockets: its cost is the start of an interpreter.
Pure.
"""

import re
from collections.abc import Mapping, Sequence
from getopt import GetoptError, gnu_getopt
from typing import Any

_PYTHON = ("python3", "-I", "-S", "-c")
_PROGRAM = """
import _socket, sys
host, port, timeout, protocol, payload = sys.argv[1:]

def end(word):
    sys.stderr.write(word + "\\n")
    sys.exit(1)

kind = _socket.SOCK_DGRAM if protocol == "udp" else _socket.SOCK_STREAM
try:
    found = _socket.getaddrinfo(host.encode(), int(port), type=kind)
except OSError as problem:
    end("DNS: %s" % problem)
try:
    family, _, _, _, address = found[0]
    connection = _socket.socket(family, kind, 132 if protocol == "sctp" else 0)
    connection.settimeout(float(timeout) or None)
    connection.connect(address)
    if protocol == "udp":
        connection.send((payload + "\\n").encode())
        connection.recv(1024)
except TimeoutError:
    end("TIMEOUT")
except ConnectionRefusedError:
    end("REFUSED")
except OSError as problem:
    end("OTHER: %s" % problem)
"""
_REFUSAL = "import sys; sys.exit(sys.argv[1])"
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)(h|ms|us|ns|m|s)")


def replaced(container: Mapping[str, Any], argv: Sequence[str]) -> Sequence[str]:
    """Return what runs for ``argv`` in the container: our program for ``agnhost connect``, else the command itself."""
    program = argv[0].rpartition("/")[2] if argv else ""
    if program == "agnhost" and list(argv[1:2]) == ["connect"] and "agnhost" in container.get("image", ""):
        try:
            return (*_PYTHON, _PROGRAM, *_parameters(argv[2:]))
        except (GetoptError, ValueError) as problem:
            return (*_PYTHON, _REFUSAL, f"Error: {problem}")
    return argv


def _parameters(words: Sequence[str]) -> tuple[str, ...]:
    """Return host, port, timeout in seconds (0: none), protocol and payload. Raises ``GetoptError``, ``ValueError``."""
    pairs, targets = gnu_getopt(list(words), "", ["timeout=", "protocol=", "udp-payload="])
    options = {"--timeout": "0s", "--protocol": "tcp", "--udp-payload": "hostname", **dict(pairs)}
    if len(targets) != 1:
        raise ValueError(f"accepts 1 arg(s), received {len(targets)}")
    host, _, port = targets[0].rpartition(":")
    protocol = options["--protocol"]
    if protocol not in ("tcp", "udp", "sctp"):
        raise ValueError(f"unsupported protocol: {protocol}")
    if not port.isdecimal():
        raise ValueError(f"address {targets[0]}: missing port in address")
    return host.strip("[]"), port, str(_seconds(options["--timeout"])), protocol, options["--udp-payload"]


def _seconds(duration: str) -> float:
    """Return the seconds of a duration in Go's notation: ``1m30s``. Raises ``ValueError``."""
    if duration == "0":
        return 0.0
    if not re.fullmatch(f"(?:{_DURATION.pattern})+", duration):
        raise ValueError(f'invalid argument "{duration}" for "--timeout" flag')
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(duration))
