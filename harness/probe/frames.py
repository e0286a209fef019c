"""The frames in which answers travel through a pod's stdout. PURE.

Invariant: an answer counts only where its frame arrived whole, once, and under the batch's own nonce. A frame repeats
its head at its end, so that a cut, a splice or a swap inside it is seen. It is written by one ``write`` below PIPE_BUF
(and below musl's stdio buffer of 1,024 bytes), so that frames of parallel probes do not mix.

A frame, between newlines: ``[NONCE INDEX CODE START END``, the message, ``NONCE INDEX CODE]``.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

LONGEST_MESSAGE = 600
"""Bytes of a message that are kept; what a tool says of interest is at its beginning."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One answer: the tool's exit code, the seconds it took, and what it said."""

    code: int
    seconds: float
    message: str


@dataclass(frozen=True, slots=True)
class Frames:
    """The whole frames of a batch by index. ``repeated`` holds the indexes that were begun more than once."""

    whole: Mapping[str, Frame]
    repeated: frozenset[str]


def parse(nonce: str, stdout: bytes) -> Frames:
    """All frames under ``nonce``; anything else in the output is passed over."""
    text = stdout.decode("utf-8", "replace")
    found = {match["index"]: match for match in _pattern(nonce).finditer(text) if nonce not in match["message"]}
    heads = Counter(re.findall(rf"^\[{re.escape(nonce)} (\w+) ", text, re.MULTILINE))
    return Frames(
        whole={index: _frame(match) for index, match in found.items() if heads[index] == 1},
        repeated=frozenset(index for index, count in heads.items() if count > 1),
    )


def _pattern(nonce: str) -> re.Pattern[str]:
    key = re.escape(nonce)
    return re.compile(
        rf"^\[{key} (?P<index>\w+) (?P<code>\d+) (?P<start>[\d.]+) (?P<end>[\d.]+)\n"
        rf"(?P<message>.*?)\n?^{key} (?P=index) (?P=code)\]$",
        re.MULTILINE | re.DOTALL,
    )


def _frame(match: re.Match[str]) -> Frame:
    return Frame(int(match["code"]), max(0.0, _seconds(match["end"]) - _seconds(match["start"])), match["message"])


def _seconds(stamp: str) -> float:
    try:
        return float(stamp)
    except ValueError:
        return 0.0
