"""The frames that carry answers in a pod's stdout. PURE.

Invariant: an answer counts only if its frame arrived complete, once, and under the batch's own nonce. A frame repeats
its head at its end, so that a cut, a splice or a swap inside it is detected. It is written by one ``write`` below
PIPE_BUF (and below musl's stdio buffer of 1,024 bytes), so that frames of parallel probes do not mix.

A frame, between newlines: ``[NONCE INDEX CODE START END``, the message, ``NONCE INDEX CODE]``.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

LONGEST_MESSAGE = 600
"""Bytes of a message that are kept; the relevant part of a tool's output is at its beginning."""


SELF = "self"
"""The index of the frame that holds the addresses of the network in which a batch runs."""

_KEY = "\0"
"""Stands for a batch's nonce, so that the patterns are the same for all."""

_HEAD = re.compile(rf"^\[{_KEY} (\w+) ", re.MULTILINE)
_FRAME = re.compile(
    rf"^\[{_KEY} (?P<index>\w+) (?P<code>\d+) (?P<start>[\d.]+) (?P<end>[\d.]+)\n"
    rf"(?P<message>.*?)\n?^{_KEY} (?P=index) (?P=code)\]$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One answer: the tool's exit code, the seconds it took, and its output."""

    code: int
    seconds: float
    message: str


@dataclass(frozen=True, slots=True)
class Frames:
    """The complete frames of a batch by index. ``repeated`` holds the indexes that start more than once."""

    complete: Mapping[str, Frame]
    repeated: frozenset[str]

    @property
    def addresses(self) -> frozenset[str]:
        """The addresses of the network in which the batch ran, loopback apart; empty if it could not tell them all."""
        frame = self.complete.get(SELF)
        if frame is None or len(frame.message) >= LONGEST_MESSAGE:
            return frozenset()
        addresses = (_address(word) for word in frame.message.split())
        return frozenset(str(address) for address in addresses if address is not None and not address.is_loopback)


def parse(nonce: str, stdout: bytes) -> Frames:
    """Return all frames under ``nonce``; other output is ignored."""
    text = stdout.decode("utf-8", "replace").replace(_KEY, "\N{REPLACEMENT CHARACTER}").replace(nonce, _KEY)
    matches = {match["index"]: match for match in _FRAME.finditer(text) if _KEY not in match["message"]}
    heads = Counter(_HEAD.findall(text))
    return Frames(
        complete={index: _frame(match) for index, match in matches.items() if heads[index] == 1},
        repeated=frozenset(index for index, count in heads.items() if count > 1),
    )


def _frame(match: re.Match[str]) -> Frame:
    return Frame(int(match["code"]), max(0.0, _seconds(match["end"]) - _seconds(match["start"])), match["message"])


def canonical_address(text: str) -> str:
    """An address in its one standard form."""
    return str(ipaddress.ip_address(text))


def _address(word: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address as /proc/net writes it: with dots, or as 32 hexadecimal digits."""
    try:
        return ipaddress.ip_address(word if "." in word else bytes.fromhex(word))
    except ValueError:
        return None


def _seconds(stamp: str) -> float:
    try:
        return float(stamp)
    except ValueError:
        return 0.0
