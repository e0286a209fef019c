"""Everyday commands with every installed kubectl; its typed commands send protobuf from 1.32 on."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

BUNDLED = shutil.which("kubectl", path=str(Path(sys.executable).parent))
PROGRAMS = sorted({program for program in (BUNDLED, shutil.which("kubectl")) if program})


@pytest.fixture(params=PROGRAMS, ids=lambda program: "bundled" if program == BUNDLED else "found")
def run(kubectl: Any, request: pytest.FixtureRequest) -> Any:
    """Return one of the programs, after it has created the namespace `demo` with a Deployment."""
    program = replace(kubectl, program=request.param)
    assert program("create", "ns", "demo") == "namespace/demo created\n"
    program("config", "set-context", "--current", "--namespace=demo")
    assert "created" in program("create", "deployment", "web", "--image=nginx", "--replicas=2", "--port=80")
    return program


def spec_of(run: Any, *words: str) -> Any:
    return json.loads(run("get", *words, "-o", "json"))["spec"]


def test_create(run: Any) -> None:
    assert spec_of(run, "deploy", "web")["replicas"] == 2
    assert spec_of(run, "deploy", "web")["template"]["spec"]["containers"][0]["ports"][0]["containerPort"] == 80
    run("create", "configmap", "c", "--from-literal=a=b")
    run("create", "secret", "generic", "s", "--from-literal=a=b")
    assert run("get", "cm/c", "secret/s", "-o", "jsonpath={.items[*].data.a}") == "b Yg=="
    run("create", "sa", "robot")
    run("create", "service", "clusterip", "svc", "--tcp=80:http")
    assert spec_of(run, "svc", "svc")["ports"][0]["targetPort"] == "http"
    assert 'configmaps "c" already exists' in run("create", "configmap", "c", fails=True)


def test_expose_scale_and_roll_out(run: Any) -> None:
    run("expose", "deployment", "web", "--port=80")
    assert spec_of(run, "svc", "web")["selector"] == {"app": "web"}
    run("scale", "deployment", "web", "--replicas=0")
    assert spec_of(run, "deploy", "web")["replicas"] == 0
    assert "restarted" in run("rollout", "restart", "deployment/web")
    assert "successfully rolled out" in run("rollout", "status", "deployment/web", "--timeout=10s")


def test_edit_replace_and_diff(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nexec sed -i "s/replicas: 2/replicas: 5/" "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("KUBE_EDITOR", str(editor))
    assert "edited" in run("edit", "deployment", "web")
    assert spec_of(run, "deploy", "web")["replicas"] == 5
    shown = run("get", "deployment", "web", "-o", "yaml").replace("replicas: 5", "replicas: 6")
    assert "+  replicas: 6" in run("diff", "-f", "-", stdin=shown, fails=True)
    assert "replaced" in run("replace", "-f", "-", stdin=shown)
    assert "Conflict" in run("replace", "-f", "-", stdin=shown, fails=True)


def test_run_and_delete(run: Any) -> None:
    assert "created" in run("run", "p", "--image=busybox", "--labels=a=b", "--env=X=1", "--", "sleep", "1")
    assert spec_of(run, "pod", "p")["containers"][0]["args"] == ["sleep", "1"]
    assert "deleted" in run("delete", "pod", "p", "--grace-period=0", "--force")
    assert "deleted" in run("delete", "deployment", "--all")


def test_auth_top_and_cluster_info(run: Any) -> None:
    assert run("auth", "can-i", "create", "pods") == "yes\n"
    assert "Kubernetes control plane" in run("cluster-info")
    assert "Metrics API not available" in run("top", "pod", fails=True)


def test_apply_server_side(run: Any) -> None:
    shown = run("create", "deployment", "api", "--image=nginx", "--replicas=2", "--dry-run=client", "-o", "yaml")
    assert "serverside-applied" in run("apply", "--server-side", "-f", "-", stdin=shown)
    run("scale", "deployment", "api", "--replicas=4")
    refused = run("apply", "--server-side", "-f", "-", stdin=shown, fails=True)
    assert 'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas' in refused
    assert "serverside-applied" in run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=shown)
    assert spec_of(run, "deploy", "api")["replicas"] == 2
    more = shown.replace("replicas: 2", "replicas: 3")
    assert "+  replicas: 3" in run("diff", "--server-side", "-f", "-", stdin=more, fails=True)


def test_apply_server_side_takes_over_from_apply(run: Any) -> None:
    policy = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '1', b: '2'}\n"
    run("apply", "-f", "-", stdin=policy)
    assert "serverside-applied" in run("apply", "--server-side", "-f", "-", stdin=policy.replace(", b: '2'", ""))
    assert run("get", "cm", "c", "-o", "jsonpath={.data}") == '{"a":"1"}'
    assert "kubectl-client-side-apply" not in run("get", "cm", "c", "-o", "yaml", "--show-managed-fields")


def test_permissions_identity_and_health(run: Any) -> None:
    assert "*.*" in run("auth", "can-i", "--list")
    assert run("auth", "can-i", "get", "/livez") == "yes\n"
    assert "system:masters" in run("auth", "whoami")
    assert "livez check passed" in run("get", "--raw", "/livez?verbose")
    assert "authorization.k8s.io/v1" in run("api-versions")
    assert "resourceAttributes" in run("explain", "selfsubjectaccessreview.spec")
