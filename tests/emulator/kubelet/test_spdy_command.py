"""Exec, attach and port forwarding over SPDY/3.1 with the real kubectl, as clients in Go ask for them first."""

import re
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def spdy(kubectl: Any) -> Iterator[Any]:
    """kubectl without WebSockets, and a pod ``spoken`` that serves port 80."""
    kubectl.ok("run", "spoken", "--image=nginx", "--port=80")
    kubectl.ok("wait", "--for=condition=Ready", "--timeout=10s", "pod/spoken")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", "false")
        environment.setenv("KUBECTL_PORT_FORWARD_WEBSOCKETS", "false")
        yield kubectl
    kubectl.ok("delete", "pod", "spoken", "--wait=true")


def test_the_streams_of_a_command_stay_apart(spdy: Any) -> None:
    done = spdy("exec", "spoken", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.stdout, done.returncode) == ("out\n", 3)
    assert done.stderr.splitlines() == ["err", "command terminated with exit code 3"]


def test_input_of_any_size_arrives_and_ends(spdy: Any) -> None:
    text = "0123456789\n" * 100_000
    assert spdy.ok("exec", "-i", "spoken", "--", "cat", data=text) == text
    assert spdy.ok("exec", "-i", "spoken", "--", "wc", "-c", data="").strip() == "0"


def test_a_program_that_does_not_exist_is_told(spdy: Any) -> None:
    done = spdy("exec", "spoken", "--", "no-such-program")
    assert done.returncode == 127
    assert "executable file not found" in done.stderr


def test_a_refused_exec_is_an_ordinary_answer(spdy: Any) -> None:
    done = spdy("exec", "no-such-pod", "--", "true")
    assert 'pods "no-such-pod" not found' in done.stderr
    assert spdy.ok("exec", "spoken", "--", "echo", "still here") == "still here\n"


def test_ports_are_forwarded(spdy: Any) -> None:
    command = spdy.command("port-forward", "pod/spoken", ":80")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout is not None
        try:
            found = re.match(r"Forwarding from (127\.0\.0\.1:\d+)", running.stdout.readline())
            assert found is not None
            for _ in range(5):
                with urllib.request.urlopen(f"http://{found[1]}/", timeout=10) as answer:
                    assert answer.read().startswith(b"spoken.default port 80/TCP")
        finally:
            running.terminate()
