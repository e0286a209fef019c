"""Users' commands, with the real kubectl."""

import json
import subprocess
from typing import Any

import pytest

MANIFEST = """
apiVersion: v1
kind: Namespace
metadata: {name: demo}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: demo, labels: {app: web}}
spec:
  containers: [{name: web, image: "nginx:1.25", ports: [{containerPort: 80, name: http}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: demo}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: demo}
spec:
  replicas: 2
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec: {containers: [{name: c, image: busybox}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: np, namespace: demo}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]
"""


@pytest.fixture
def applied(kubectl: Any) -> Any:
    """kubectl, with the manifest applied."""
    kubectl("apply", "-f", "-", stdin=MANIFEST)
    return kubectl


def test_apply_creates_then_changes_then_changes_nothing(kubectl: Any) -> None:
    assert kubectl("apply", "-f", "-", stdin=MANIFEST).count("created") == 5
    changed = kubectl("apply", "-f", "-", stdin=MANIFEST.replace("replicas: 2", "replicas: 4"))
    assert "deployment.apps/api configured" in changed
    assert "pod/web unchanged" in changed
    assert "4/4" in kubectl("get", "deploy", "api", "-n", "demo")


def test_apply_removes_fields_that_the_manifest_drops(applied: Any) -> None:
    applied("apply", "-f", "-", stdin=MANIFEST.replace(", ports: [{port: 80}]}]\n", "}]\n"))
    policy = json.loads(applied("get", "netpol", "np", "-n", "demo", "-o", "json"))
    assert policy["spec"]["ingress"] == [{"from": [{"podSelector": {}}]}]
    assert policy["metadata"]["generation"] == 2


def test_apply_refuses_unknown_and_invalid_fields(kubectl: Any) -> None:
    unknown = kubectl(
        "apply", "-f", "-", stdin=MANIFEST.replace("podSelector: {match", "podSelektor: {match"), fails=True
    )
    assert 'strict decoding error: unknown field "spec.podSelektor"' in unknown
    invalid = kubectl("apply", "-f", "-", stdin=MANIFEST.replace("{port: 80}]}]", "{port: 0}]}]"), fails=True)
    assert 'The NetworkPolicy "np" is invalid: spec.ingress[0].ports[0].port: Invalid value: 0' in invalid


def test_get_wide(applied: Any) -> None:
    heading, row = applied("get", "pods", "-n", "demo", "-o", "wide").splitlines()
    assert heading.split()[:7] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"]
    assert row.split()[:3] == ["web", "1/1", "Running"]
    assert row.split()[5:7] == ["10.244.0.1", "node"]


def test_describe(applied: Any) -> None:
    described = applied("describe", "netpol", "np", "-n", "demo")
    assert "PodSelector:     app=web" in described
    assert "To Port: 80/TCP" in described
    assert "Endpoints:" in applied("describe", "svc", "web", "-n", "demo")
    assert "IP:               10.244.0.1" in applied("describe", "pod", "web", "-n", "demo")
    assert "2 desired | 2 updated" in applied("describe", "deploy", "api", "-n", "demo")


def test_wait_and_rollout(applied: Any) -> None:
    assert "condition met" in applied("wait", "--for=condition=Ready", "pod/web", "-n", "demo", "--timeout=10s")
    assert "successfully rolled out" in applied("rollout", "status", "deploy/api", "-n", "demo", "--timeout=10s")


def test_scale_label_annotate_patch(applied: Any) -> None:
    assert "scaled" in applied("scale", "deploy/api", "--replicas=3", "-n", "demo")
    assert "labeled" in applied("label", "pod", "web", "tier=front", "-n", "demo")
    assert "annotated" in applied("annotate", "pod", "web", "note=1", "-n", "demo")
    assert "pod/web" in applied("get", "pods", "-n", "demo", "-l", "tier=front", "-o", "name")
    assert "unlabeled" in applied("label", "pod", "web", "tier-", "-n", "demo")
    patch = '{"spec":{"ports":[{"port":80,"name":"http"},{"port":81,"name":"more"}]}}'
    applied("patch", "svc", "web", "-n", "demo", "-p", patch)
    service = json.loads(applied("get", "svc", "web", "-n", "demo", "-o", "json"))
    assert [(port["name"], port["targetPort"]) for port in service["spec"]["ports"]] == [("http", "http"), ("more", 81)]


def test_exec(applied: Any) -> None:
    def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = applied.command("exec", "-n", "demo", *words)
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=20, check=False)

    both = run("web", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (both.stdout, both.returncode) == ("out\n", 7)
    assert both.stderr.startswith("err\n")
    assert run("-i", "web", "--", "cat", stdin="hello").stdout == "hello"
    missing = run("web", "--", "no-such-program")
    assert (missing.returncode, "no such file" in missing.stderr) == (127, True)
    assert "container b is not valid" in run("-c", "b", "web", "--", "true").stderr


def test_logs(applied: Any) -> None:
    assert applied("logs", "web", "-n", "demo", "--tail=1") == "second\n"


def test_delete_waits_until_it_is_gone(applied: Any) -> None:
    assert "deleted" in applied("delete", "pod", "web", "-n", "demo")
    assert "NotFound" in applied("get", "pod", "web", "-n", "demo", fails=True)
    assert "deleted" in applied("delete", "ns", "demo")
    assert "demo" not in applied("get", "ns")


def test_watch(applied: Any) -> None:
    command = applied.command("get", "pods", "-n", "demo", "--watch", "-o", "name")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout
        assert watch.stdout.readline() == "pod/web\n"
        applied("label", "pod", "web", "a=b", "-n", "demo")
        assert watch.stdout.readline() == "pod/web\n"
        watch.terminate()


def test_explain_and_resources(kubectl: Any) -> None:
    assert "namespaceSelector" in kubectl("explain", "netpol.spec.ingress.from")
    assert "netpol" in kubectl("api-resources")
    assert "Server Version: v1.37" in kubectl("version")
