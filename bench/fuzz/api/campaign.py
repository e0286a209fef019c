"""Sends malformed requests: each must be answered in time and not with 500, and leave nothing in the cluster's log."""

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
"""Time limit for the start of the answer, in seconds."""
_PATIENCE = 0.05
"""Seconds to wait for the answer to a request that may be incomplete, before the sending side is closed."""
_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3}) ")


@dataclass(frozen=True, slots=True)
class Server:
    """The port of the API on 127.0.0.1, and its token."""

    port: int
    token: str


@dataclass(slots=True)
class Tally:
    """The result of a campaign: answers by code, the seconds of the slowest, and a message for each that went wrong."""

    codes: Counter[int] = field(default_factory=Counter)
    closed: int = 0
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list)


def campaign(server: Server, count: int, seed: int = SEED, limit: float = LIMIT) -> Tally:
    """Send ``count`` requests. Each depends on the seed, its number and the token alone."""
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
            tally.wrong.append(f"{number}: the server has ended")
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
    """Return whether a complete answer in JSON can be parsed; other answers are sound."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    if length is None or int(length[1]) != len(body) or b"Content-Type: application/json" not in head or not body:
        return True
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


def _answer(server: Server, sent: Sent, limit: float) -> bytes:
    """Return the first answer, b"" if the server only closes the connection. Raises ``TimeoutError``."""
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
    """Return the head of the answer and, unless ``bare`` as for HEAD, its body."""
    received = b""
    with suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            received += chunk
            head, end, body = received.partition(b"\r\n\r\n")
            length = None if bare else re.search(rb"Content-Length: (\d+)", head)
            if end and (length is None or len(body) >= int(length[1])):
                break
    return received
