"""``agnhost connect``, which suites written for Kubernetes run in pods of the test image agnhost.

Images are not run here, so a small program stands in for it. It has the outcomes, messages and exit code of
`kubernetes/test/images/agnhost/connect`. Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_PROGRAM = """
import argparse, re, socket, sys
parser = argparse.ArgumentParser(prog="agnhost connect", allow_abbrev=False)
parser.add_argument("target")
parser.add_argument("--timeout", default="0")
parser.add_argument("--protocol", default="tcp", choices=("tcp", "udp", "sctp"))
parser.add_argument("--udp-payload", default="hostname")
args = parser.parse_args()
units = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
parts = re.findall(r"([0-9.]+)(h|ms|us|ns|m|s)", args.timeout)
seconds = sum(float(number) * units[unit] for number, unit in parts) or None
host, _, port = args.target.rpartition(":")

def end(word):
    sys.stderr.write(word + "\\n")
    sys.exit(1)

kind = socket.SOCK_DGRAM if args.protocol == "udp" else socket.SOCK_STREAM
number = 132 if args.protocol == "sctp" else 0
try:
    found = socket.getaddrinfo(host.strip("[]"), int(port), type=kind)
except OSError as problem:
    end("DNS: %s" % problem)
try:
    family, _, _, _, address = found[0]
    with socket.socket(family, kind, number) as connection:
        connection.settimeout(seconds)
        connection.connect(address)
        if args.protocol == "udp":
            connection.send((args.udp_payload + "\\n").encode())
            connection.recv(1024)
except socket.timeout:
    end("TIMEOUT")
except ConnectionRefusedError:
    end("REFUSED")
except OSError as problem:
    end("OTHER: %s" % problem)
"""


def replaced(container: Mapping[str, Any], argv: Sequence[str]) -> Sequence[str]:
    """Return what runs for ``argv`` in the container: our program for ``agnhost connect``, else the command itself."""
    program = argv[0].rpartition("/")[2] if argv else ""
    if program == "agnhost" and list(argv[1:2]) == ["connect"] and "agnhost" in container.get("image", ""):
        return ("python3", "-S", "-E", "-c", _PROGRAM, *argv[2:])
    return argv
