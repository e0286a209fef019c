from typing import Any

import pytest

from netpol_harness.emulator.kubelet import images

PORTS = [{"containerPort": 80}]


@pytest.mark.parametrize(
    ("container", "program"),
    [
        ({"image": "e2e/agnhost:2.53", "command": ["sh", "-c", "exit"]}, "sh -c exit"),
        ({"image": "agnhost", "command": ["/bin/bash"], "args": ["-c", "x"]}, "/bin/bash -c x"),
        ({"image": "agnhost", "args": ["nc", "-l"], "ports": PORTS}, "nc -l"),
        ({"image": "agnhost", "args": ["netexec"]}, ""),
        ({"image": "agnhost", "command": ["/bin/bash", "-c", "/agnhost netexec --http-port 80"]}, ""),
        ({"image": "agnhost", "command": ["sh", "-c", "/agnhost netexec & nc -l"]}, "sh -c /agnhost netexec & nc -l"),
        ({"image": "agnhost", "args": ["pause"]}, ""),
        ({"image": "agnhost"}, ""),
        ({"image": "busybox"}, "sh"),
        ({"image": "busybox", "ports": PORTS}, ""),
        ({"image": "docker.io/library/busybox:1.36", "args": ["wget", "-qO-", "web"]}, "wget -qO- web"),
        ({"image": "busybox", "command": ["sleep", "3600"], "ports": PORTS}, "sleep 3600"),
        ({"image": "alpine:3@sha256:abc", "command": ["/app"]}, "/app"),
        ({"image": "localhost:5000/alpine", "command": ["sh"]}, "sh"),
        ({"image": "curlimages/curl", "args": ["-m", "2", "web"]}, "curl -m 2 web"),
        ({"image": "curlimages/curl", "args": ["sh", "-c", "x"]}, "sh -c x"),
        ({"image": "curlimages/curl", "command": ["sleep"], "args": ["9"]}, "sleep 9"),
        ({"image": "nicolaka/netshoot", "args": ["tail", "-f", "/dev/null"]}, "tail -f /dev/null"),
        ({"image": "wbitt/network-multitool"}, ""),
        ({"image": "praqma/network-multitool", "args": ["curl", "web"]}, "curl web"),
        ({"image": "nginx"}, ""),
        ({"image": "nginx", "args": ["-g", "daemon off;"]}, ""),
        ({"image": "nginx", "args": ["curl", "web"]}, "curl web"),
        ({"image": "nginx", "command": ["sh", "-c", "exit"]}, "sh -c exit"),
        ({"image": "nginx", "command": ["sh", "-c", "exit"], "ports": PORTS}, ""),
        ({"image": "shop/worker", "command": ["/app/worker"]}, ""),
        ({"image": "kafka", "command": ["sh", "-c", "kafka-topics.sh --create"]}, ""),
        ({"image": "mysql", "command": ["bash", "-ec"], "args": ["sleep 5\nmysqldump blog"]}, ""),
        ({"image": "nginx", "command": ["sh", "-ec", "mkdir -p /x; sleep 9"]}, "sh -ec mkdir -p /x; sleep 9"),
        ({"image": "nginx", "command": ["bash", "-c"]}, "bash -c"),
        ({"image": "busybox", "command": ["sh", "-c", "/app"]}, "sh -c /app"),
    ],
)
def test_which_containers_run_a_program(container: dict[str, Any], program: str) -> None:
    assert " ".join(images.program(container)) == program


@pytest.mark.parametrize(
    ("words", "listens"),
    [
        (["sleep", "3600"], False),
        (["tail", "-f", "/dev/null"], False),
        (["sh", "-c", "while true; do wget -qO- once; sleep 5; done"], False),
        (["nc", "-lk", "-p", "80"], True),
        (["sh", "-c", "while true; do echo hi | nc -l -p 80; done"], True),
        (["python3", "-m", "http.server"], True),
        (["sh", "-c", "/usr/bin/python3.11 -m http.server"], True),
        (["httpd", "-f"], True),
    ],
)
def test_programs_that_may_listen(words: list[str], *, listens: bool) -> None:
    assert images.may_listen({"image": "busybox", "command": words}) is listens


def test_references_are_expanded_as_the_kubelet_does() -> None:
    words = ["$(URL)/x", "$$(URL)", "$(NOT)", "$URL", "a$(URL)$(URL)"]
    assert images.expand_references(words, {"URL": "u"}) == ("u/x", "$(URL)", "$(NOT)", "$URL", "auu")
