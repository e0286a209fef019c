"""Containers that run programs, with the real kubectl, as tutorials test. Real packets."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.deadline import Deadline

pytestmark = pytest.mark.live

RUN = ("run", "probe", "--rm", "-i", "--restart=Never", "--quiet")


@pytest.fixture(scope="module")
def shop(kubectl: Any) -> Iterator[Any]:
    """Run ``web``, a server as in tutorials: nginx that declares no port, behind a Service."""
    kubectl.ok("run", "web", "--image=nginx", "--labels=app=web")
    kubectl.ok("wait", "--for=condition=Ready", "--timeout=10s", "pod/web")
    kubectl.ok("expose", "pod", "web", "--port=80")
    yield kubectl
    kubectl.ok("delete", "pod,service,networkpolicy", "--all", "--wait=true")


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("busybox", ["wget", "-qO-", "http://web"]),
        ("alpine:3", ["sh", "-c", "wget -qO- -T 2 web"]),
        ("curlimages/curl", ["-s", "-m", "2", "web"]),
        ("nicolaka/netshoot", ["curl", "-s", "web"]),
        ("nginx:alpine", ["curl", "-s", "-m", "2", "http://web.default.svc.cluster.local"]),
    ],
)
def test_a_pod_for_one_request_prints_the_answer_and_ends(shop: Any, image: str, words: list[str]) -> None:
    done = shop(*RUN, f"--image={image}", "--", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("web.default port 80/TCP to 10.244.0.")
    assert "NotFound" in shop("get", "pod", "probe").stderr


def test_a_denied_pod_fails_with_its_exit_code(shop: Any) -> None:
    policy = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]}
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny"}}
    shop.ok("create", "-f", "-", data=json.dumps({**kind, "spec": policy}))
    done = shop(*RUN, "--image=curlimages/curl", "--", "-sS", "-m", "1", "web")
    assert done.returncode == 28
    assert "timed out" in done.stderr.lower() + done.stdout.lower()
    shop.ok("delete", "networkpolicy", "deny")


def test_standard_input_reaches_the_program_and_ends(shop: Any) -> None:
    assert shop(*RUN, "--image=busybox", "--", "cat", data="one\ntwo\n").stdout == "one\ntwo\n"
    assert shop(*RUN, "--image=busybox", data="echo $((6 * 7)); exit 3\n").returncode == 3


def test_a_program_can_have_a_terminal(shop: Any) -> None:
    argv = shop.command("run", "term", "--rm", "-it", "--restart=Never", "--image=busybox", "--", "sh", "-c", "tty")
    done = subprocess.run(["script", "-qec", " ".join(argv), "/dev/null"], capture_output=True, text=True, timeout=20)
    assert "/dev/pts/" in done.stdout


def test_a_missing_program_fails_the_container_with_a_message(shop: Any) -> None:
    shop.ok("run", "absent", "--image=busybox", "--restart=Never", "--", "no-such-program", "web")
    shop.wait_for("absent", "{.status.phase}", "Failed")
    state = json.loads(shop.field("absent", "{.status.containerStatuses[0].state.terminated}"))
    assert (state["exitCode"], state["reason"]) == (128, "StartError")
    assert 'exec: "no-such-program": executable file not found in $PATH' in state["message"]
    assert "images are not run here" in shop.ok("logs", "absent")
    shop.ok("delete", "pod", "absent")


def test_a_program_is_restarted_by_policy(shop: Any) -> None:
    shop.ok("run", "again", "--image=busybox", "--restart=OnFailure", "--", "sh", "-c", "echo once; exit 5")
    shop.wait_for("again", "{.status.containerStatuses[0].restartCount}", "2", "3")
    status = json.loads(shop.field("again", "{.status.containerStatuses[0]}"))
    assert status["lastState"]["terminated"]["exitCode"] == 5
    assert shop.ok("logs", "again").startswith("once\nonce\n")
    assert shop.ok("logs", "--previous", "again").startswith("once\n")
    shop.ok("delete", "pod", "again")


def test_nothing_runs_in_a_container_that_has_ended(shop: Any) -> None:
    shop.ok("run", "over", "--image=busybox", "--", "sh", "-c", "exit 1")
    shop.wait_for("over", "{.status.containerStatuses[0].state.waiting.reason}", "CrashLoopBackOff")
    assert 'container not found ("over")' in shop("exec", "over", "--", "true").stderr
    shop.ok("delete", "pod", "over")


def test_a_log_is_followed_to_the_end_of_its_pod(shop: Any) -> None:
    script = "for i in 1 2 3; do echo line $i; sleep 0.2; done; printf end"
    shop.ok("run", "talks", "--image=busybox", "--restart=Never", "--", "sh", "-c", script)
    shop.wait_for("talks", "{.status.phase}", "Running", "Succeeded")
    assert shop.ok("logs", "-f", "talks") == "line 1\nline 2\nline 3\nend"
    shop.ok("delete", "pod", "talks")


def test_a_listening_program_serves_its_own_ports_only(shop: Any) -> None:
    script = "while true; do printf 'HTTP/1.0 200 OK\\r\\n\\r\\nmine' | nc -l -N -p 8080 || exit 1; done"
    shop.ok("run", "own", "--image=busybox", "--port=8081", "--", "sh", "-c", script)
    shop.ok("wait", "--for=condition=Ready", "--timeout=10s", "pod/own")
    address = shop.address("own")
    for _ in Deadline(10).ticks(0.05):
        done = shop("exec", "web", "--", "curl", "-s", "-m", "2", f"{address}:8080")
        if done.returncode == 0:
            break
    assert done.stdout == "mine"
    assert shop("exec", "web", "--", "curl", "-s", "-m", "2", f"{address}:8081").returncode == 7
    shop.ok("delete", "pod", "own", "--grace-period=0", "--force")


def test_an_idle_program_leaves_its_declared_ports_to_the_stand_in(shop: Any) -> None:
    shop.ok("run", "idle", "--image=busybox", "--port=80", "--", "sleep", "3600")
    shop.ok("wait", "--for=condition=Ready", "--timeout=10s", "pod/idle")
    assert "sleep 3600" in shop.ok("exec", "idle", "--", "ps", "-eo", "args")
    done = shop("exec", "web", "--", "curl", "-s", "-m", "2", shop.address("idle"))
    assert done.stdout.startswith("idle.default port 80/TCP")
    shop.ok("delete", "pod", "idle")


def test_an_attached_client_talks_to_the_program_until_it_ends(shop: Any) -> None:
    words = ["sh", "-c", "echo begun; while read -r l; do echo got $l; done"]
    shop.ok("run", "open", "--image=busybox", "--restart=Never", "-i", "--attach=false", "--", *words)
    shop.ok("wait", "--for=condition=Ready", "--timeout=10s", "pod/open")
    assert shop.ok("attach", "-i", "open", data="hello\nthere\n") == "begun\ngot hello\ngot there\n"
    shop.wait_for("open", "{.status.phase}", "Succeeded")
    assert shop.ok("logs", "open") == "begun\ngot hello\ngot there\n"
    shop.ok("delete", "pod", "open")


ATTACH = """
import sys
from kubernetes import client, config
from kubernetes.stream import stream

core = client.CoreV1Api(config.new_client_from_config(sys.argv[1]))
wanted = dict(stdin=True, stdout=True, stderr=True, tty=False, _preload_content=False)
talk = stream(core.connect_get_namespaced_pod_attach, "talk", "default", **wanted)
talk.write_stdin("hello\\n")
talk.run_forever(timeout=10)
print(talk.read_stdout().strip(), talk.read_stderr().strip(), talk.is_open())
"""


def test_pythons_client_attaches(shop: Any) -> None:
    words = ["sh", "-c", "read -r l; echo got $l; echo warned >&2"]
    shop.ok("run", "talk", "--image=busybox", "--restart=Never", "-i", "--attach=false", "--", *words)
    shop.ok("wait", "--for=condition=Ready", "--timeout=10s", "pod/talk")
    command = [sys.executable, "-c", ATTACH, str(shop.kubeconfig)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "got hello warned False\n", done.stderr
    shop.ok("delete", "pod", "talk")


def test_files_are_copied_into_a_pod_and_back(shop: Any, tmp_path: Path) -> None:
    (tmp_path / "there.txt").write_text("some text")
    shop.ok("cp", str(tmp_path / "there.txt"), "web:/tmp/here.txt")
    assert shop.ok("exec", "web", "--", "cat", "/tmp/here.txt") == "some text"
    shop.ok("cp", "web:/tmp/here.txt", str(tmp_path / "back.txt"))
    assert (tmp_path / "back.txt").read_text() == "some text"


def test_a_program_knows_what_its_environment_refers_to(shop: Any) -> None:
    shop.ok("create", "configmap", "where", "--from-literal=SERVER=web")
    shop.ok("create", "secret", "generic", "port", "--from-literal=number=80")
    number = {"name": "PORT", "valueFrom": {"secretKeyRef": {"name": "port", "key": "number"}}}
    url = {"name": "URL", "value": "$(SERVER):$(PORT)"}
    container = {"name": "c", "image": "busybox", "envFrom": [{"configMapRef": {"name": "where"}}]}
    container |= {"env": [number, url], "command": ["sh", "-c", "echo $URL ${KUBERNETES_SERVICE_HOST}"]}
    spec = {"restartPolicy": "Never", "containers": [container]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "told"}, "spec": spec}
    shop.ok("create", "-f", "-", data=json.dumps(pod))
    shop.wait_for("told", "{.status.phase}", "Succeeded")
    assert shop.ok("logs", "told") == "web:80 10.96.0.1\n"
    shop.ok("delete", "pod/told", "configmap/where", "secret/port")
