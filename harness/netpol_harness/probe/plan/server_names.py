"""The request that asks a server for its host's name, and the name in the answer. PURE.

Test servers answer ``GET /hostname``, or the datagram ``hostname``. The request is one of HTTP/1.1 (RFC 9112), as Envoy
refuses 1.0.
"""

import re

from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.question import Probe


def name_request(probe: Probe) -> str:
    """Return what a server is sent that is asked for its name."""
    if probe.scheme is Scheme.UDP:
        return "hostname"
    return f"GET /hostname HTTP/1.1\r\nHost: {probe.authority}\r\nConnection: close\r\n\r\n"


def printf_request(probe: Probe) -> str:
    """Return the same in the escapes of ``printf``."""
    return name_request(probe).replace("\r\n", r"\r\n")


def server_name(message: str) -> str:
    """Return the only word of an answer, or of the body of an HTTP response, chunked or not; else nothing.

    Line ends may have become spaces on the way.
    """
    body = re.sub(r"\r[ \n]", "\n", message)
    if body.startswith("HTTP/1."):
        head, _, body = body.partition("\n\n")
        if re.search(r"^transfer-encoding:.*\bchunked$", head, re.IGNORECASE | re.MULTILINE):
            chunk = re.fullmatch(r"[0-9a-f]+\n(.*)\n0", body.strip(), re.IGNORECASE | re.DOTALL)
            body = chunk[1] if chunk else ""
    return body.strip() if len(body.split()) == 1 else ""
