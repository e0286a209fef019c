from collections.abc import Iterator
from typing import Any

import pytest

from netpol_harness.emulator.kubelet.agnhost import replaced

IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.53"


def test_only_connect_of_the_test_image_is_replaced() -> None:
    command = ("/agnhost", "connect", "10.0.0.1:80", "--timeout=1s")
    assert replaced({"image": IMAGE}, command)[-2:] == command[2:]
    assert replaced({"image": "nginx"}, command) == command
    assert replaced({"image": IMAGE}, ("/agnhost", "netexec")) == ("/agnhost", "netexec")
    assert replaced({"image": IMAGE}, ("curl", "connect")) == ("curl", "connect")
    assert replaced({"image": IMAGE}, ()) == ()


@pytest.fixture(scope="module")
def prober(kubectl: Any) -> Iterator[Any]:
    """kubectl, beside a pod ``prober`` of the test image and a pod ``asked`` that serves 80."""
    kubectl.ok("run", "prober", f"--image={IMAGE}", "--", "pause")
    kubectl.ok("run", "asked", f"--image={IMAGE}", "--", "netexec", "--http-port=80", "--udp-port=80")
    kubectl.ok("wait", "--for=condition=Ready", "--timeout=10s", "pod/prober", "pod/asked")
    yield kubectl
    kubectl.ok("delete", "pod", "prober", "asked", "--wait=true")


@pytest.mark.live
@pytest.mark.parametrize(
    ("host", "port", "protocol", "answer"),
    [
        ("", 80, "tcp", ""),
        ("", 80, "udp", ""),
        ("", 81, "tcp", "REFUSED"),
        ("", 81, "udp", "REFUSED"),
        ("no-such-name.invalid", 80, "tcp", "DNS"),
        ("192.0.2.77", 80, "tcp", "OTHER"),
    ],
)
def test_it_answers_as_the_real_one(prober: Any, host: str, port: int, protocol: str, answer: str) -> None:
    target = f"{host or prober.address('asked')}:{port}"
    done = prober("exec", "prober", "--", "/agnhost", "connect", target, "--timeout=2s", f"--protocol={protocol}")
    assert done.returncode == (1 if answer else 0)
    assert done.stderr.startswith(answer)
