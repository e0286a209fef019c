"""The arguments of ``agnhost connect``, which suites written for Kubernetes run in pods of the test image agnhost.

Images are not run here, so something else answers: ``connector`` for most targets, and a small program in the container
for SCTP, and for names that have no plain answer. Both have the outcomes, messages and exit code of
`kubernetes/test/images/agnhost/connect`. Pure.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from getopt import GetoptError, gnu_getopt
from ipaddress import ip_address
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
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)(h|ms|us|ns|m|s)")


@dataclass(frozen=True, slots=True)
class Connect:
    """One ``agnhost connect``. ``seconds`` is the time-out, 0 if there is none; ``payload`` is for UDP."""

    host: str
    port: int
    seconds: float
    protocol: str
    payload: str

    @property
    def needs_program(self) -> bool:
        """Whether the target is not a plain address, or its protocol is one that asyncio cannot do."""
        return not self._is_address or "%" in self.host or self.protocol == "sctp"

    @property
    def is_to_name(self) -> bool:
        """Whether it needs a program only until its name is looked up."""
        return not self._is_address and _NAME.fullmatch(self.host) is not None and self.protocol != "sctp"

    @property
    def _is_address(self) -> bool:
        try:
            ip_address(self.host)
        except ValueError:
            return False
        return True

    def program(self) -> Sequence[str]:
        """Return the command that does the same in the container."""
        return (*_PYTHON, _PROGRAM, self.host, str(self.port), str(self.seconds), self.protocol, self.payload)


def read(container: Mapping[str, Any], argv: Sequence[str]) -> Connect | None:
    """Read ``argv`` if it is ``agnhost connect`` in a container that has agnhost.

    Raises ``ValueError`` with the message of agnhost if its arguments are wrong.
    """
    program = argv[0].rpartition("/")[2] if argv else ""
    if program != "agnhost" or list(argv[1:2]) != ["connect"] or "agnhost" not in container.get("image", ""):
        return None
    try:
        pairs, targets = gnu_getopt(list(argv[2:]), "", ["timeout=", "protocol=", "udp-payload="])
    except GetoptError as problem:
        raise ValueError(problem.msg) from problem
    options = {"--timeout": "0s", "--protocol": "tcp", "--udp-payload": "hostname", **dict(pairs)}
    if len(targets) != 1:
        raise ValueError(f"accepts 1 arg(s), received {len(targets)}")
    if options["--protocol"] not in ("tcp", "udp", "sctp"):
        raise ValueError(f"unsupported protocol: {options['--protocol']}")
    host, port = _host_and_port(targets[0])
    return Connect(host, port, _seconds(options["--timeout"]), options["--protocol"], options["--udp-payload"])


def _host_and_port(target: str) -> tuple[str, int]:
    host, _, port = target.rpartition(":")
    if not port.isdecimal():
        raise ValueError(f"address {target}: missing port in address")
    if int(port) > 65535:
        raise ValueError(f"address {port}: invalid port")
    return host.strip("[]"), int(port)


def _seconds(duration: str) -> float:
    """Return the seconds of a duration in Go's notation: ``1m30s``. Raises ``ValueError``."""
    if duration == "0":
        return 0.0
    if not re.fullmatch(f"(?:{_DURATION.pattern})+", duration):
        raise ValueError(f'invalid argument "{duration}" for "--timeout" flag')
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(duration))
