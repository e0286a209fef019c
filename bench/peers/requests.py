"""The requests of a suite, from the API server's log (``emulator/apiserver/request_log.py``)."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.peers.results import RequestKind

_QUOTED = re.compile(r'"[^"]*"')
_EXPECTED = frozenset({0, 101, 200, 201, 202, 404, 409, 410, 422})
"""Codes that a client meets on a correct server: what is not there, conflicts, an expired resource version, and invalid
objects. A suite that sends an invalid object waits for the refusal; if a valid one is refused, its case fails."""


def read(log: Path) -> Sequence[RequestKind]:
    """Return the kinds of requests in the log, the most frequent first. Names in messages are left out."""
    counts = Counter(_kind(json.loads(line)) for line in log.read_text().splitlines())
    return [RequestKind(*kind, count) for kind, count in counts.most_common()]


def _kind(line: dict[str, str | int]) -> tuple[str, str, str, str, str, int, str]:
    words = ("verb", "resource", "sent", "answered", "protocol")
    verb, resource, sent, answered, protocol = (str(line[word]) for word in words)
    message = _QUOTED.sub('"..."', str(line["message"]))
    return verb, resource, sent, answered, protocol, int(line["code"]), message


def wrong(kinds: Iterable[RequestKind]) -> Iterator[RequestKind]:
    """Yield the requests that a correct server would have answered in another way.

    These are refusals of what the server cannot read or do, and paths that it does not serve. An object that is not
    found, or exists already, is an answer that the suites wait for.
    """
    for kind in kinds:
        is_unknown_path = kind.code == 404 and kind.resource.startswith("/")
        if kind.code not in _EXPECTED or is_unknown_path:
            yield kind
