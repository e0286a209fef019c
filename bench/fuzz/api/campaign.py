"""Each request is answered in time: never with 500, and nothing of it is told in the cluster's log."""

import json
import random
import re
import socket
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter

from bench.fuzz.api.mutate import Sent, mutated

SEED = 8
LIMIT = 2.0
"""Seconds until the answer has begun."""
_PATIENCE = 0.05
"""Seconds for the answer to a request that may not be whole; then the server is told that nothing follows."""
_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3}) ")


@dataclass(frozen=True, slots=True)
class Server:
    """Where the API is, on 127.0.0.1, and what opens it."""

    port: int
    token: str


@dataclass(slots=True)
class Tally:
    """What came of a campaign: answers by code, seconds of the slowest, and a story for each that went wrong."""

    codes: Counter[int] = field(default_factory=Counter)
    closed: int = 0
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list)


def campaign(server: Server, count: int, seed: int = SEED, limit: float = LIMIT) -> Tally:
    """Send so many requests; each is a function of the seed and its number alone, and of the token."""
    tally = Tally()
    for number in range(count):
        sent = mutated(random.Random(f"{seed}.{number}"), server.token)
        start = perf_counter()
        try:
            answer = _answer(server, sent, limit)
        except TimeoutError:
            tally.wrong.append(f"{number}: no answer within {limit} s to {sent.content[:900]!r}")
            continue
        except ConnectionRefusedError:
            tally.wrong.append(f"{number}: the server is gone")
            return tally
        tally.slowest = max(tally.slowest, perf_counter() - start)
        _judge(answer, number, sent, tally)
    return tally


def _judge(answer: bytes, number: int, sent: Sent, tally: Tally) -> None:
    status = _STATUS.match(answer)
    if status is None:
        tally.closed += 1
        if answer or sent.whole:
            tally.wrong.append(f"{number}: not HTTP: {answer[:200]!r} to {sent.content[:900]!r}")
        return
    code = int(status[1])
    tally.codes[code] += 1
    if code >= 500 or not _is_sound(answer):
        tally.wrong.append(f"{number}: {answer[-500:]!r} to {sent.content[:900]!r}")


def _is_sound(answer: bytes) -> bool:
    """Whether an answer in JSON that has come whole can be read."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    if length is None or int(length[1]) != len(body) or b"Content-Type: application/json" not in head or not body:
        return True
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


def _answer(server: Server, sent: Sent, limit: float) -> bytes:
    """What the server says at first, b"" where it only closes; raises TimeoutError."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=limit) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(sent.content)
        if not sent.whole:
            connection.settimeout(_PATIENCE)
            with suppress(TimeoutError):
                return _received(connection, bare=sent.content.startswith(b"HEAD"))
            with suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            connection.settimeout(limit)
        return _received(connection, bare=sent.content.startswith(b"HEAD"))


def _received(connection: socket.socket, *, bare: bool) -> bytes:
    """The head of the answer, and the body unless it is `bare`, as that to HEAD."""
    received = b""
    with suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            received += chunk
            head, end, body = received.partition(b"\r\n\r\n")
            length = None if bare else re.search(rb"Content-Length: (\d+)", head)
            if end and (length is None or len(body) >= int(length[1])):
                break
    return received
