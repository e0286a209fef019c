"""What a container's stand-in serves, and what it answers. Pure.

A container serves every port that it declares, and those of its probes. One of a well-known server's image that
declares none serves that server's port. The commands of the usual test image (agnhost: serve-hostname, netexec, porter)
are understood. TCP answers HTTP requests, and other input with a greeting. UDP echoes, except netexec, which answers
its own commands only. SCTP is a stream like TCP.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs

from netpol_harness.emulator.kubelet.images import image_name, test_server
from netpol_harness.emulator.kubelet.listeners import PeerAddress
from netpol_harness.model.names import Port, Protocol
from netpol_harness.model.objects import container_ports


@dataclass(frozen=True, slots=True)
class ServedPort:
    """One port with its special behaviour: a fixed ``text`` as answer, and whether it is sent without a request.

    With ``only_commands``, a datagram that is not one of netexec's commands is not answered.
    """

    port: Port
    text: str = ""
    speaks_first: bool = False
    only_commands: bool = False


def served_ports(container: Mapping[str, Any], hostname: str) -> tuple[ServedPort, ...]:
    """Return every port of a container's stand-in, once each. The command takes precedence over declared ports."""
    declared = [ServedPort(entry.port) for entry in container_ports({"containers": [container]})]
    if not declared and not container.get("command") and not container.get("args"):
        number = _SERVERS.get(image_name(container))
        declared = [ServedPort(Port(Protocol.TCP, number))] if number else []
    ports: dict[Port, ServedPort] = {}
    for entry in (*_by_command(container, hostname), *declared):
        ports.setdefault(entry.port, entry)
    return tuple(ports.values())


class StandIn:
    """Answers on one port of one container. ``note`` gets a line for each HTTP request."""

    def __init__(self, pod: str, namespace: str, entry: ServedPort, note: Callable[[str], None]) -> None:
        self._pod = pod
        self._namespace = namespace
        self._entry = entry
        self._note = note

    def stream(self, received: bytes, peer: PeerAddress, *, ended: bool) -> bytes | None:
        """Return an HTTP answer, or a greeting for any other input or none."""
        if self._entry.speaks_first:
            return self._entry.text.encode()
        request = _REQUEST_LINE.match(received)
        if request and (ended or b"\r\n\r\n" in received):
            keeps_alive = _keeps_alive(received.partition(b"\r\n\r\n")[0])
            connection = "keep-alive" if keeps_alive else "close"
            return self._http(request["method"].decode(), request["target"].decode("latin-1"), peer, connection)
        if not ended and (not received or request or _BEGINNING.fullmatch(received)):
            return None
        return f"{self._text(peer)}\n".encode()

    def remainder(self, received: bytes) -> bytes | None:
        """Return the next request: HTTP/1.1 keeps connections alive unless asked not to (RFC 9112, 9.3)."""
        head, end, rest = received.partition(b"\r\n\r\n")
        return rest if end and _keeps_alive(head) and not self._entry.speaks_first else None

    def datagram(self, payload: bytes, peer: PeerAddress) -> bytes | None:
        """Answer ``echo X``, ``hostname`` and ``clientip`` as agnhost netexec does; otherwise echo, or do
        not answer.
        """
        if self._entry.text:
            return self._entry.text.encode()
        command, _, rest = payload.strip().partition(b" ")
        answer = self._builtin(command.decode("latin-1").lower(), rest.decode("latin-1"), peer)
        if answer is None:
            return None if self._entry.only_commands else payload
        return answer.encode("latin-1")

    def _http(self, method: str, target: str, peer: PeerAddress, connection: str) -> bytes:
        path, _, query = target.partition("?")
        message = parse_qs(query).get("msg", [""])[0]
        text = self._entry.text or self._builtin(path.strip("/").lower(), message, peer)
        body = (f"{self._text(peer)}\n" if text is None else text).encode()
        self._note(f'{peer[0]}:{peer[1]} "{method} {target}" 200 on {self._entry.port}')
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
        return f"{head}Connection: {connection}\r\n\r\n".encode() + (b"" if method == "HEAD" else body)

    def _builtin(self, name: str, message: str, peer: PeerAddress) -> str | None:
        if name == "echo":
            return message
        return {"hostname": self._pod, "clientip": f"{peer[0]}:{peer[1]}", "healthz": ""}.get(name)

    def _text(self, peer: PeerAddress) -> str:
        return self._entry.text or f"{self._pod}.{self._namespace} port {self._entry.port} to {peer[0]}"


def _keeps_alive(head: bytes) -> bool:
    """Return whether a request leaves its connection open; one that may have a body does not."""
    return _PERSISTENT.match(head) is not None and _CLOSING.search(head) is None


def _by_command(container: Mapping[str, Any], hostname: str) -> Iterator[ServedPort]:
    words = list(test_server(container))
    flags = _flags(words[1:])
    match words[:1]:
        case ["serve-hostname"]:
            yield from _serve_hostname(flags, hostname)
        case ["netexec"]:
            yield from _netexec(flags)
        case ["porter"]:
            yield from _porter(container.get("env") or ())


def _serve_hostname(flags: Mapping[str, str], hostname: str) -> Iterator[ServedPort]:
    number = _number(flags.get("port"), 9376)
    speaks_first = _on(flags.get("tcp"))
    if speaks_first or flags.get("http") != "false":
        yield from _at(Protocol.TCP, number, hostname, speaks_first=speaks_first)
    if _on(flags.get("udp")):
        yield from _at(Protocol.UDP, number, hostname)


def _netexec(flags: Mapping[str, str]) -> Iterator[ServedPort]:
    yield from _at(Protocol.TCP, _number(flags.get("http-port"), 8080))
    for entry in _at(Protocol.UDP, _number(flags.get("udp-port"), 8081)):
        yield replace(entry, only_commands=True)
    yield from _at(Protocol.SCTP, _number(flags.get("sctp-port"), 0))


def _porter(environment: Sequence[Mapping[str, Any]]) -> Iterator[ServedPort]:
    for entry in environment:
        match = _PORTER.fullmatch(entry["name"])
        if match:
            yield from _at(Protocol(match["protocol"] or "TCP"), int(match["number"]), entry.get("value") or "")


def _at(protocol: Protocol, number: int, text: str = "", *, speaks_first: bool = False) -> Iterator[ServedPort]:
    if 0 < number < 65536:
        yield ServedPort(Port(protocol, number), text, speaks_first)


def _flags(words: Sequence[str]) -> Mapping[str, str]:
    """Return ``--a=b``, ``--a b`` and ``--a`` as a mapping. The value of a flag without one is empty."""
    flags: dict[str, str] = {}
    for word, following in pairwise([*words, "--"]):
        if word.startswith("-"):
            name, equals, value = word.lstrip("-").partition("=")
            flags[name] = value if equals or following.startswith("-") else following
    return flags


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default


def _on(flag: str | None) -> bool:
    return flag is not None and flag != "false"


_BY_PORT: Mapping[int, str] = {
    80: "nginx httpd caddy whoami httpbin network-multitool",
    8080: "hello-app echoserver echo-server nginx-unprivileged",
    3306: "mysql mariadb",
    6379: "redis",
    5432: "postgres",
    27017: "mongo",
    11211: "memcached",
    5678: "http-echo",
    9898: "podinfo",
    5672: "rabbitmq",
    9200: "elasticsearch",
}
_SERVERS = {image: port for port, images in _BY_PORT.items() for image in images.split()}
"""Ports of well-known server images: tutorials expose such pods without declaring a port."""

_REQUEST_LINE = re.compile(rb"(?P<method>[A-Z]{1,16}) (?P<target>\S+) HTTP/1\.[01]\r?\n")
_PERSISTENT = re.compile(rb"(GET|HEAD) \S+ HTTP/1\.1\r?\n?")
_CLOSING = re.compile(rb"(?im)^(connection:[^\n]*\bclose\b|content-length:|transfer-encoding:)")
_BEGINNING = re.compile(rb"[A-Z]{1,16}( [^\n]*)?")
_PORTER = re.compile(r"SERVE_(?:(?P<protocol>TCP|UDP|SCTP)_)?PORT_(?P<number>\d{1,5})")
