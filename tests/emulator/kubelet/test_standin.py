"""Stand-ins: which ports a container serves, and what they answer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.emulator.kubelet.standin import ServedPort, StandIn, served_ports
from netpol_harness.model.names import Port, Protocol

PEER = ("10.244.0.9", 40000)
HTTP = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"


def stand_in(entry: ServedPort | None = None, note: Any = print) -> StandIn:
    return StandIn("web", "shop", entry or ServedPort(Port(Protocol.TCP, 80)), note)


def ports(container: dict[str, Any]) -> set[str]:
    return {str(entry.port) for entry in served_ports(container, "web")}


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({}, set()),
        ({"ports": [{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}]}, {"80/TCP", "53/UDP"}),
        ({"ports": [{"containerPort": 80}, {"containerPort": 80, "name": "again"}]}, {"80/TCP"}),
        ({"image": "e2e/agnhost:2.53", "args": ["netexec"]}, {"8080/TCP", "8081/UDP"}),
        ({"image": "agnhost", "args": ["netexec", "--http-port=80", "--udp-port", "53"]}, {"80/TCP", "53/UDP"}),
        ({"command": ["/agnhost", "netexec", "--http-port", "80", "--udp-port=-1"]}, {"80/TCP", "8081/UDP"}),
        ({"command": ["/agnhost", "netexec", "--sctp-port=99"]}, {"8080/TCP", "8081/UDP", "99/SCTP"}),
        ({"command": ["/agnhost", "serve-hostname"]}, {"9376/TCP"}),
        ({"command": ["/agnhost", "serve-hostname", "--udp", "--http=false", "--port", "70"]}, {"70/UDP"}),
        ({"command": ["/agnhost", "serve-hostname", "--tcp", "--http=false", "--port", "70"]}, {"70/TCP"}),
        ({"command": ["/agnhost", "connect", "10.0.0.1:80"]}, set()),
        ({"image": "agnhost", "command": ["/bin/bash", "-c", "/agnhost serve-hostname --tcp --port 70"]}, {"70/TCP"}),
        ({"image": "agnhost", "command": ["sh", "-ec", "exec /agnhost netexec --udp-port=53"]}, {"8080/TCP", "53/UDP"}),
        (
            {
                "image": "agnhost",
                "command": ["sh", "-c", "/agnhost netexec --http-port 7 --udp-listen-addresses $(IP)"],
            },
            {"7/TCP", "8081/UDP"},
        ),
        ({"image": "agnhost", "command": ["sh", "-c", "sleep 1; /agnhost netexec"]}, set()),
        ({"image": "agnhost", "args": ["sh", "-c", "/agnhost netexec 'a"]}, set()),
        ({"image": "agnhost", "args": ["pause"], "ports": [{"containerPort": 1}]}, {"1/TCP"}),
        ({"image": "nginx", "args": ["netexec"]}, set()),
        ({"image": "agnhost", "args": []}, set()),
    ],
)
def test_ports_by_declaration_and_by_command(container: dict[str, Any], expected: set[str]) -> None:
    assert ports(container) == expected


def test_porter_serves_what_its_environment_names() -> None:
    names = {"SERVE_PORT_80": "foo", "SERVE_UDP_PORT_53": "bar", "SERVE_SCTP_PORT_9": "x", "OTHER_PORT_1": "y"}
    container = {"image": "agnhost", "args": ["porter"], "env": [{"name": n, "value": v} for n, v in names.items()]}
    texts = {str(entry.port): entry.text for entry in served_ports(container, "web")}
    assert texts == {"80/TCP": "foo", "53/UDP": "bar", "9/SCTP": "x"}


def test_a_command_takes_precedence_over_a_declared_port() -> None:
    container = {"image": "agnhost", "args": ["serve-hostname", "--port=80"], "ports": [{"containerPort": 80}]}
    assert served_ports(container, "web") == (ServedPort(Port(Protocol.TCP, 80), "web"),)


@pytest.mark.parametrize(
    ("target", "body"),
    [
        (b"", "web.shop port 80/TCP to 10.244.0.9\n"),
        (b"index.html?x=1", "web.shop port 80/TCP to 10.244.0.9\n"),
        (b"hostname", "web"),
        (b"clientip", "10.244.0.9:40000"),
        (b"echo?msg=hello%20there", "hello there"),
    ],
)
def test_an_http_request_is_answered(target: bytes, body: str) -> None:
    answer = stand_in().stream(HTTP % target, PEER, ended=False)
    assert answer is not None
    head, _, text = answer.decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(body)}" in head
    assert text == body


@given(st.from_regex(rb"[^\s]{1,40}", fullmatch=True))
def test_every_request_target_is_answered(target: bytes) -> None:
    request = b"GET " + target + b" HTTP/1.1\r\n\r\n"
    answer = stand_in(note=lambda _: None).stream(request, PEER, ended=False)
    assert answer is not None
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_http_requests_are_noted() -> None:
    lines: list[str] = []
    stand_in(note=lines.append).stream(HTTP % b"a", PEER, ended=False)
    assert lines == ['10.244.0.9:40000 "GET /a" 200 on 80/TCP']


@pytest.mark.parametrize("received", [b"hello\n", b"\x16\x03\x01", b"hello world\r\n\r\n", b"GET nothing\n"])
def test_other_input_gets_a_greeting(received: bytes) -> None:
    assert stand_in().stream(received, PEER, ended=False) == b"web.shop port 80/TCP to 10.244.0.9\n"


@pytest.mark.parametrize("received", [b"", b"G", b"GET / HT"])
def test_input_that_may_become_a_request_is_waited_for(received: bytes) -> None:
    assert stand_in().stream(received, PEER, ended=False) is None
    assert stand_in().stream(received, PEER, ended=True) == b"web.shop port 80/TCP to 10.244.0.9\n"


@given(st.integers(0, len(HTTP)))
def test_a_request_in_pieces_is_answered_once_it_is_complete(cut: int) -> None:
    request = HTTP % b"x"
    piece = request[:cut]
    assert (stand_in().stream(piece, PEER, ended=False) is not None) == (piece == request)


@given(st.binary(max_size=200))
def test_every_connection_gets_an_answer_at_its_end(received: bytes) -> None:
    assert stand_in().stream(received, PEER, ended=True)


def test_serve_hostname_over_plain_tcp_speaks_first() -> None:
    entry = ServedPort(Port(Protocol.TCP, 80), "web", speaks_first=True)
    assert stand_in(entry).stream(b"", PEER, ended=False) == b"web"


@pytest.mark.parametrize(
    ("payload", "answer"),
    [
        (b"nonce-123", b"nonce-123"),
        (b"", b""),
        (b"echo hi there\n", b"hi there"),
        (b"hostname\n", b"web"),
        (b"clientip", b"10.244.0.9:40000"),
        (b"\xff\x00", b"\xff\x00"),
    ],
)
def test_datagrams_are_echoed_as_netexec_does(payload: bytes, answer: bytes) -> None:
    assert stand_in().datagram(payload, PEER) == answer


@pytest.mark.parametrize(("payload", "answer"), [(b"nonce-123", None), (b"echo hi\n", b"hi"), (b"hostname", b"web")])
def test_netexec_answers_only_its_own_commands(payload: bytes, answer: bytes | None) -> None:
    (entry,) = (
        e
        for e in served_ports({"image": "agnhost", "args": ["netexec", "--udp-port=53"]}, "web")
        if e.port.number == 53
    )
    assert stand_in(entry).datagram(payload, PEER) == answer


@pytest.mark.parametrize(
    ("head", "lasts"),
    [
        (b"GET / HTTP/1.1\r\nHost: x", True),
        (b"HEAD / HTTP/1.1\r\nHost: x", True),
        (b"GET / HTTP/1.1\r\nConnection: close", False),
        (b"GET / HTTP/1.1\r\nconnection: te, Close", False),
        (b"GET / HTTP/1.0\r\nHost: x", False),
        (b"POST / HTTP/1.1\r\nContent-Length: 3", False),
        (b"GET / HTTP/1.1\r\nContent-Length: 3", False),
        (b"hello", False),
    ],
)
def test_http_1_1_keeps_the_connection_alive_unless_asked_not_to(head: bytes, *, lasts: bool) -> None:
    request = head + b"\r\n\r\n"
    assert stand_in().remainder(request + b"more") == (b"more" if lasts else None)
    answer = stand_in(note=lambda _: None).stream(request, PEER, ended=False)
    assert answer is not None
    assert (b"Connection: keep-alive" in answer) == lasts


def test_a_stand_in_that_speaks_first_speaks_once() -> None:
    entry = ServedPort(Port(Protocol.TCP, 80), "web", speaks_first=True)
    assert stand_in(entry).remainder(HTTP % b"x") is None
