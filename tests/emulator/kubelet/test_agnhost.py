import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from netpol_harness.emulator.kubelet.agnhost import Connect, read

IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.53"


CONTAINER = {"image": IMAGE}


def test_only_connect_of_the_test_image_is_read() -> None:
    command = ("/agnhost", "connect", "10.0.0.1:80", "--timeout=1s")
    assert read(CONTAINER, command) == Connect("10.0.0.1", 80, 1.0, "tcp", "hostname")
    assert read({"image": "nginx"}, command) is None
    assert read(CONTAINER, ("/agnhost", "netexec")) is None
    assert read(CONTAINER, ("curl", "connect")) is None
    assert read(CONTAINER, ()) is None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("10.0.0.1:80", Connect("10.0.0.1", 80, 0.0, "tcp", "hostname")),
        ("--timeout 1m1.5s x.y.svc:81 --protocol udp", Connect("x.y.svc", 81, 61.5, "udp", "hostname")),
        (
            "[fd00::1]:53 --protocol=sctp --timeout=250ms --udp-payload=x",
            Connect("fd00::1", 53, 0.25, "sctp", "x"),
        ),
    ],
)
def test_arguments_are_read_as_the_real_one_reads_them(words: str, expected: Connect) -> None:
    assert read(CONTAINER, ("/agnhost", "connect", *words.split())) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "accepts 1 arg(s), received 0"),
        ("a:1 b:2", "accepts 1 arg(s), received 2"),
        ("a", "missing port in address"),
        ("a:65536", "invalid port"),
        ("a:1 --timeout=1", 'invalid argument "1"'),
        ("a:1 --protocol=icmp", "unsupported protocol: icmp"),
        ("a:1 --no-such-flag", "no-such-flag"),
    ],
)
def test_wrong_arguments_are_an_error_with_a_message(words: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        read(CONTAINER, ("/agnhost", "connect", *words.split()))


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        ("10.0.0.1:80", False),
        ("[fd00::1]:80 --protocol=udp", False),
        ("[fe80::1%eth0]:80", True),
        ("10.0.0.1:80 --protocol=sctp", True),
        ("10.0.0:80", True),
        ("web:80", True),
    ],
)
def test_a_program_runs_for_names_interfaces_and_sctp(words: str, needed: object) -> None:
    request = read(CONTAINER, ("/agnhost", "connect", *words.split()))
    assert request is not None
    assert request.needs_program is needed


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


@pytest.mark.live
@pytest.mark.parametrize("name", ["asked", "asked.default", "asked.default.svc.cluster.local", "none.default"])
def test_a_name_is_looked_up_by_the_pod(prober: Any, name: str) -> None:
    prober.ok("expose", "pod", "asked", "--port=80")
    try:
        done = prober("exec", "prober", "--", "/agnhost", "connect", f"{name}:80", "--timeout=5s")
    finally:
        prober.ok("delete", "service", "asked")
    assert (done.returncode, done.stderr[:5]) == ((1, "DNS: ") if name == "none.default" else (0, ""))


@pytest.mark.live
def test_wrong_arguments_fail_in_the_pod(prober: Any) -> None:
    done = prober("exec", "prober", "--", "/agnhost", "connect", "asked")
    assert done.returncode == 1
    assert "Error: address asked: missing port in address" in done.stderr


@pytest.mark.live
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_its_packets_are_the_pods_own(prober: Any, protocol: str) -> None:
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "deny"},
        "spec": {"podSelector": {"matchLabels": {"run": "prober"}}, "policyTypes": ["Egress"]},
    }
    command = ("/agnhost", "connect", f"{prober.address('asked')}:80", "--timeout=300ms", f"--protocol={protocol}")
    prober.ok("create", "-f", "-", data=json.dumps(policy))
    try:
        denied = prober("exec", "prober", "--", *command)
        other = prober("exec", "asked", "--", *command)
    finally:
        prober.ok("delete", "networkpolicy", "deny")
    assert (denied.returncode, denied.stderr.splitlines()[0]) == (1, "TIMEOUT")
    assert other.returncode == 0
    assert prober("exec", "prober", "--", *command).returncode == 0
