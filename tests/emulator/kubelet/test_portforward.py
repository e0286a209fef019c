"""Port forwarding with the real kubectl and with Python's client, to pods and to a Service."""

import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def shop(kubectl: Any) -> Iterator[Any]:
    """Run ``web``, which serves port 80 behind a Service on port 8080, and ``big``, which sends a megabyte."""
    kubectl.ok("run", "web", "--image=nginx", "--port=80", "--labels=app=web")
    kubectl.ok("wait", "--for=condition=Ready", "--timeout=10s", "pod/web")
    kubectl.ok("expose", "pod", "web", "--port=8080", "--target-port=80")
    yield kubectl
    kubectl.ok("delete", "pod,service", "--all", "--wait=true")


@contextmanager
def forwarded(kubectl: Any, target: str, port: int) -> Iterator[str]:
    """Yield the address on which kubectl forwards."""
    command = kubectl.command("port-forward", target, f":{port}")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout is not None
        try:
            found = re.match(r"Forwarding from (127\.0\.0\.1:\d+)", running.stdout.readline())
            assert found is not None
            yield found[1]
        finally:
            running.terminate()


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        text: str = answer.read().decode()
    return text


@pytest.mark.parametrize(("target", "port"), [("pod/web", 80), ("svc/web", 8080)])
def test_kubectl_forwards_many_connections(shop: Any, target: str, port: int) -> None:
    with forwarded(shop, target, port) as address, ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(fetch, [f"http://{address}/"] * 24))
    assert answers == {"web.default port 80/TCP to 127.0.0.1\n"}


def test_a_long_answer_arrives_completely(shop: Any) -> None:
    answer = "{ printf 'HTTP/1.0 200 OK\\r\\n\\r\\n'; head -c 3000000 /dev/zero; }"
    script = f"while true; do {answer} | nc -l -N -p 81; done"
    shop.ok("run", "big", "--image=busybox", "--", "sh", "-c", script)
    shop.ok("wait", "--for=condition=Ready", "--timeout=10s", "pod/big")
    with forwarded(shop, "pod/big", 81) as address:
        assert len(fetch(f"http://{address}/")) == 3000000
    shop.ok("delete", "pod", "big", "--grace-period=0", "--force")


def test_a_port_without_listener_is_reported(shop: Any) -> None:
    command = shop.command("port-forward", "pod/web", ":81")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout is not None
        try:
            found = re.search(r"127\.0\.0\.1:\d+", running.stdout.readline())
            assert found is not None
            with pytest.raises((urllib.error.URLError, ConnectionError)):
                fetch(f"http://{found[0]}/")
        finally:
            running.terminate()
        assert "failed to connect to localhost:81 inside the pod: Connection refused" in running.stdout.read()


PYTHON = """
import sys
from kubernetes import client, config
from kubernetes.stream import portforward

core = client.CoreV1Api(config.new_client_from_config(sys.argv[1]))
forward = portforward(core.connect_get_namespaced_pod_portforward, "web", "default", ports="80,81")
connection = forward.socket(80)
connection.settimeout(10)
connection.sendall(b"GET /hostname HTTP/1.1\\r\\nHost: web\\r\\nConnection: close\\r\\n\\r\\n")
received = b""
while data := connection.recv(4096):
    received += data
print(received.decode().splitlines()[-1], forward.error(80), forward.error(81))
"""


def test_pythons_client_forwards(shop: Any) -> None:
    command = [sys.executable, "-c", PYTHON, str(shop.kubeconfig)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.startswith("web None error forwarding port 81 to the pod: failed to connect"), done.stderr
