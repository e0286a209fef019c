import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from netpol_harness.emulator.kubelet.agnhost import replaced

IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.53"


def test_only_connect_of_the_test_image_is_replaced() -> None:
    command = ("/agnhost", "connect", "10.0.0.1:80", "--timeout=1s")
    assert replaced({"image": IMAGE}, command)[-5:] == ("10.0.0.1", "80", "1.0", "tcp", "hostname")
    assert replaced({"image": "nginx"}, command) == command
    assert replaced({"image": IMAGE}, ("/agnhost", "netexec")) == ("/agnhost", "netexec")
    assert replaced({"image": IMAGE}, ("curl", "connect")) == ("curl", "connect")
    assert replaced({"image": IMAGE}, ()) == ()


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("10.0.0.1:80", "10.0.0.1 80 0.0 tcp hostname"),
        ("--timeout 1m1.5s x.y.svc:81 --protocol udp", "x.y.svc 81 61.5 udp hostname"),
        ("[fd00::1]:53 --protocol=sctp --timeout=250ms --udp-payload=x", "fd00::1 53 0.25 sctp x"),
    ],
)
def test_arguments_are_read_as_the_real_one_reads_them(words: str, read: str) -> None:
    assert " ".join(replaced({"image": IMAGE}, ("/agnhost", "connect", *words.split()))[-5:]) == read


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "accepts 1 arg(s), received 0"),
        ("a:1 b:2", "accepts 1 arg(s), received 2"),
        ("a", "missing port in address"),
        ("a:1 --timeout=1", 'invalid argument "1"'),
        ("a:1 --protocol=icmp", "unsupported protocol: icmp"),
        ("a:1 --no-such-flag", "no-such-flag"),
    ],
)
def test_wrong_arguments_fail_with_a_message(words: str, message: str) -> None:
    command = replaced({"image": IMAGE}, ("/agnhost", "connect", *words.split()))
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr


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
