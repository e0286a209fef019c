"""The addresses in the output of a name lookup. PURE."""

import ipaddress
import re

from netpol_harness.probe.plan.frames import LONGEST_MESSAGE

_NSLOOKUP_ANSWER = re.compile(r"^Name:", re.MULTILINE)
"""Where the answer of nslookup begins, after the address of the name server."""


def looked_up_addresses(output: str) -> frozenset[str]:
    """Return the addresses that ``getent`` or ``nslookup`` printed for a name, in their standard form.

    The last line of an output that may have been cut off is left out.
    """
    answer = _NSLOOKUP_ANSWER.search(output)
    lines = output[answer.start() if answer else 0 :].splitlines()
    if len(output.encode()) >= LONGEST_MESSAGE:
        lines = lines[:-1]
    words = (word for line in lines for word in (line.split() if answer else line.split()[:1]))
    return frozenset(filter(None, map(_address, words)))


def _address(word: str) -> str:
    try:
        address = ipaddress.ip_address(word)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
