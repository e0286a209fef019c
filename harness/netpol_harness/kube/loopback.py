"""An API server of this machine, over plain HTTP with a token, such as the embedded cluster's.

No part of the official client is needed for it: there are no certificates, logins or proxies. To import that client
takes as much processor time as to start pytest.
"""

import ipaddress
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CHUNK = 65536


@dataclass(frozen=True, slots=True)
class LoopbackConfiguration:
    """The URL of an API server at a loopback address, and a token. In the place of the official ``Configuration``.

    ``context`` and ``user`` are their names in the kubeconfig.
    """

    host: str
    token: str
    context: str = ""
    user: str = ""

    def auth_settings(self) -> Mapping[str, Mapping[str, str]]:
        """Return the header with the token, in the form of the official client."""
        return {"BearerToken": {"key": "authorization", "value": f"Bearer {self.token}"}}


class BufferedSocket:
    """A connection whose received bytes are buffered: websocket-client receives the response's head byte by byte."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = memoryview(b"")

    def recv(self, size: int) -> bytes:
        """Return at most ``size`` bytes; empty at the end. Raises what ``socket.recv`` does."""
        if not self._buffer:
            self._buffer = memoryview(self._connection.recv(max(size, CHUNK)))
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return bytes(taken)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the connection."""
        return getattr(self._connection, name)


def connected_socket(url: str, seconds: float) -> BufferedSocket:
    """Connect to the server of a URL. Raises ``OSError``."""
    server = urlsplit(url)
    connection = socket.create_connection((server.hostname, server.port or 80), timeout=seconds)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return BufferedSocket(connection)


def loopback_configuration(path: Path, context: str) -> LoopbackConfiguration | None:
    """Return the configuration of a context if the file is JSON, and nothing in it needs the official client."""
    try:
        document = json.loads(path.read_bytes())
        name = context or document["current-context"]
        wanted = _named(document["contexts"], name, "context")
        cluster = _named(document["clusters"], wanted["cluster"], "cluster")
        user = _named(document["users"], wanted["user"], "user")
        if cluster.keys() == {"server"} and user.keys() == {"token"} and _is_plain_loopback(cluster["server"]):
            return LoopbackConfiguration(cluster["server"].rstrip("/"), str(user["token"]), name, wanted["user"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None  # the official client says what is wrong with it, if anything is
    return None


def _named(entries: Any, name: str, key: str) -> Any:
    """Return the content of the only entry with this name. Raises ``ValueError`` unless there is one."""
    (entry,) = (entry[key] for entry in entries if entry["name"] == name)
    return entry


def _is_plain_loopback(url: str) -> bool:
    """Return whether it is plain HTTP to an address of the loopback interface: no proxy is asked for it."""
    server = urlsplit(url)
    return server.scheme == "http" and ipaddress.ip_address(server.hostname or "").is_loopback
