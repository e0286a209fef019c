"""A draft with Deployments in ``default`` becomes one with Pods in a namespace with a name."""

from pathlib import Path
from typing import Any

from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.reproduce.shrink.files import write
from netpol_harness.reproduce.shrink.rewrites import NAMESPACE, rewrites, with_named_namespace, with_pods
from netpol_harness.reproduce.shrink.script import NoScript, script
from netpol_harness.scenario.load import load


def deployment(name: str) -> dict[str, Any]:
    labels = {"app": name}
    pod = {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80, "protocol": "UDP"}]}]}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def draft(path: str = "web -> udp://db:80") -> Draft:
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "p"},
        "spec": {"podSelector": {}},
    }
    labels = {"pods": {"default/web": {"tier": "other"}}, "namespaces": {"default": {"team": "red"}}}
    steps = [
        {"name": "one", "policies": ["p"], "recreate": ["default/db"]},
        {"name": "two", "policies": ["p"], "labels": labels},
    ]
    workloads = [deployment("web"), deployment("db")]
    return Draft({"scenario": {}, "workloads": workloads, "policies": {"p": policy}, "steps": steps}, path, "blocked")


def test_a_rewritten_draft_has_a_script(tmp_path: Path) -> None:
    whole, *_ = rewrites(draft())
    assert whole.path == f"{NAMESPACE}/web -> udp://{NAMESPACE}/db:80"
    scenario = load(write(whole, tmp_path / "new", "new"))
    assert {str(each.name.ref) for each in scenario.workloads if each.data["kind"] == "Pod"} == {
        f"{NAMESPACE}/web",
        f"{NAMESPACE}/db",
    }
    assert isinstance(script(whole, scenario.steps[-1].expectations[0].path, ""), str)
    before = load(write(draft(), tmp_path / "old", "old"))
    assert isinstance(script(draft(), before.steps[-1].expectations[0].path, ""), NoScript)


def test_steps_keep_their_changes() -> None:
    one, two = with_named_namespace(with_pods(draft())).tree["steps"]
    assert one["recreate"] == [f"{NAMESPACE}/db"]
    assert two["labels"] == {
        "pods": {f"{NAMESPACE}/web": {"tier": "other"}},
        "namespaces": {NAMESPACE: {"team": "red"}},
    }


def test_what_needs_no_change_has_no_rewrites() -> None:
    done = with_named_namespace(with_pods(draft()))
    assert list(rewrites(done)) == []


def test_a_path_that_is_more_than_two_pods_keeps_its_namespace() -> None:
    held = with_pods(draft("held web -> http://db:80"))
    assert with_named_namespace(held) == held
