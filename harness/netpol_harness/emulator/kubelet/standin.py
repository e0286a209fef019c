"""What a container's stand-in serves, and what it says. Pure.

A container serves every port that it declares; one of a well-known server's image that declares none, the server's own.
The commands of the usual test image (agnhost: serve-hostname, netexec, porter) are understood. TCP answers HTTP
requests, and anything else with a greeting; UDP echoes, but for netexec's, which answers its own words alone; SCTP is a
stream like TCP.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs

from netpol_harness.emulator.kubelet.images import name_of
from netpol_harness.emulator.kubelet.listeners import Peer
from netpol_harness.model.names import Port, Protocol
from netpol_harness.model.objects import container_ports


@dataclass(frozen=True, slots=True)
class Served:
    """One port and what is special about it: a fixed ``text`` as answer; saying it without being asked.

    ``own_words``: a datagram in other words than netexec's is not answered, as by the real one.
    """

    port: Port
    text: str = ""
    speaks_first: bool = False
    own_words: bool = False


def served(container: Mapping[str, Any], hostname: str) -> tuple[Served, ...]:
    """Every port of a container's stand-in, once each; what its command says goes before what it declares."""
    declared = [Served(entry.port) for entry in container_ports({"containers": [container]})]
    if not declared and not container.get("command") and not container.get("args"):
        own = _SERVERS.get(name_of(container))
        declared = [Served(Port(Protocol.TCP, own))] if own else []
    found: dict[Port, Served] = {}
    for entry in (*_by_command(container, hostname), *declared):
        found.setdefault(entry.port, entry)
    return tuple(found.values())


class StandIn:
    """Answers for one port of one container. ``note`` gets a line for each HTTP request."""

    def __init__(self, pod: str, namespace: str, entry: Served, note: Callable[[str], None]) -> None:
        self._pod = pod
        self._namespace = namespace
        self._entry = entry
        self._note = note

    def stream(self, received: bytes, peer: Peer, *, ended: bool) -> bytes | None:
        """An HTTP answer, or a greeting to whoever says something else or nothing at all."""
        if self._entry.speaks_first:
            return self._entry.text.encode()
        request = _REQUEST_LINE.match(received)
        if request and (ended or b"\r\n\r\n" in received):
            lasts = _lasts(received.partition(b"\r\n\r\n")[0])
            connection = "keep-alive" if lasts else "close"
            return self._http(request["method"].decode(), request["target"].decode("latin-1"), peer, connection)
        if not ended and (not received or request or _BEGINNING.fullmatch(received)):
            return None
        return f"{self._text(peer)}\n".encode()

    def beyond(self, received: bytes) -> bytes | None:
        """The next request: HTTP/1.1 keeps connections alive unless told otherwise (RFC 9112, 9.3)."""
        head, end, rest = received.partition(b"\r\n\r\n")
        return rest if end and _lasts(head) and not self._entry.speaks_first else None

    def datagram(self, payload: bytes, peer: Peer) -> bytes | None:
        """What agnhost netexec answers to ``echo X``, ``hostname`` and ``clientip``; else the payload, or nothing."""
        if self._entry.text:
            return self._entry.text.encode()
        word, _, rest = payload.strip().partition(b" ")
        answer = self._builtin(word.decode("latin-1").lower(), rest.decode("latin-1"), peer)
        if answer is None:
            return None if self._entry.own_words else payload
        return answer.encode("latin-1")

    def _http(self, method: str, target: str, peer: Peer, connection: str) -> bytes:
        path, _, query = target.partition("?")
        message = parse_qs(query).get("msg", [""])[0]
        text = self._entry.text or self._builtin(path.strip("/").lower(), message, peer)
        body = (f"{self._text(peer)}\n" if text is None else text).encode()
        self._note(f'{peer[0]}:{peer[1]} "{method} {target}" 200 on {self._entry.port}')
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
        return f"{head}Connection: {connection}\r\n\r\n".encode() + (b"" if method == "HEAD" else body)

    def _builtin(self, name: str, message: str, peer: Peer) -> str | None:
        if name == "echo":
            return message
        return {"hostname": self._pod, "clientip": f"{peer[0]}:{peer[1]}", "healthz": ""}.get(name)

    def _text(self, peer: Peer) -> str:
        return self._entry.text or f"{self._pod}.{self._namespace} port {self._entry.port} to {peer[0]}"


def _lasts(head: bytes) -> bool:
    """Whether a request leaves its connection open; one that may have a body does not."""
    return _LASTING.match(head) is not None and _PARTING.search(head) is None


def _by_command(container: Mapping[str, Any], hostname: str) -> Iterator[Served]:
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    if words and words[0].rpartition("/")[2] == "agnhost":
        words = words[1:]
    elif "agnhost" not in container.get("image", ""):
        return
    flags = _flags(words[1:])
    match words[:1]:
        case ["serve-hostname"]:
            yield from _serve_hostname(flags, hostname)
        case ["netexec"]:
            yield from _netexec(flags)
        case ["porter"]:
            yield from _porter(container.get("env") or ())


def _serve_hostname(flags: Mapping[str, str], hostname: str) -> Iterator[Served]:
    number = _number(flags.get("port"), 9376)
    speaks_first = _on(flags.get("tcp"))
    if speaks_first or flags.get("http") != "false":
        yield from _at(Protocol.TCP, number, hostname, speaks_first=speaks_first)
    if _on(flags.get("udp")):
        yield from _at(Protocol.UDP, number, hostname)


def _netexec(flags: Mapping[str, str]) -> Iterator[Served]:
    yield from _at(Protocol.TCP, _number(flags.get("http-port"), 8080))
    for entry in _at(Protocol.UDP, _number(flags.get("udp-port"), 8081)):
        yield replace(entry, own_words=True)
    yield from _at(Protocol.SCTP, _number(flags.get("sctp-port"), 0))


def _porter(environment: Sequence[Mapping[str, Any]]) -> Iterator[Served]:
    for entry in environment:
        found = _PORTER.fullmatch(entry["name"])
        if found:
            yield from _at(Protocol(found["protocol"] or "TCP"), int(found["number"]), entry.get("value") or "")


def _at(protocol: Protocol, number: int, text: str = "", *, speaks_first: bool = False) -> Iterator[Served]:
    if 0 < number < 65536:
        yield Served(Port(protocol, number), text, speaks_first)


def _flags(words: Sequence[str]) -> Mapping[str, str]:
    """``--a=b``, ``--a b`` and ``--a`` as a mapping; the value of a lone flag is empty."""
    found: dict[str, str] = {}
    for word, following in pairwise([*words, "--"]):
        if word.startswith("-"):
            name, equals, value = word.lstrip("-").partition("=")
            found[name] = value if equals or following.startswith("-") else following
    return found


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
"""Where the servers of well-known images listen: tutorials expose such pods without declaring a port."""

_REQUEST_LINE = re.compile(rb"(?P<method>[A-Z]{1,16}) (?P<target>\S+) HTTP/1\.[01]\r?\n")
_LASTING = re.compile(rb"(GET|HEAD) \S+ HTTP/1\.1\r?\n?")
_PARTING = re.compile(rb"(?im)^(connection:[^\n]*\bclose\b|content-length:|transfer-encoding:)")
_BEGINNING = re.compile(rb"[A-Z]{1,16}( [^\n]*)?")
_PORTER = re.compile(r"SERVE_(?:(?P<protocol>TCP|UDP|SCTP)_)?PORT_(?P<number>\d{1,5})")
