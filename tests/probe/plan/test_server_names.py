import pytest

from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.question import Probe
from netpol_harness.probe.plan.server_names import name_request, printf_request, server_name


def test_a_server_is_asked_in_the_version_of_http_that_meshes_accept() -> None:
    probe = Probe(Scheme.TCP, "fd00::1", 80, asks_name=True)
    assert name_request(probe) == "GET /hostname HTTP/1.1\r\nHost: [fd00::1]:80\r\nConnection: close\r\n\r\n"
    assert "\n" not in printf_request(probe)
    assert name_request(Probe(Scheme.UDP, "10.0.0.1", 80, asks_name=True)) == "hostname"


HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/plain"
CHUNKED = f"{HEAD}\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("server-0", "server-0"),
        ("server-0\n", "server-0"),
        (f"{HEAD}\r\nContent-Length: 8\r\n\r\nserver-0", "server-0"),
        (f"{HEAD}\r\nContent-Length: 8\r\n\r\nserver-0".replace("\n", " "), "server-0"),
        (f"{CHUNKED}8\r\nserver-0\r\n0\r\n\r\n", "server-0"),
        (f"{CHUNKED}8\r\nserver-0\r\n0".replace("\n", " "), "server-0"),
        (f"{CHUNKED}4\r\nserv\r\n4\r\ner-0\r\n0", ""),
        (f"{HEAD}\r\nServer: server-0", ""),
        ("HTTP/1.1 404 Not Found\r\n\r\n404 page not found", ""),
        ("220 mail.example.com ESMTP", ""),
        ("", ""),
    ],
)
def test_the_name_is_the_only_word_of_the_answer(message: str, name: str) -> None:
    assert server_name(message) == name
