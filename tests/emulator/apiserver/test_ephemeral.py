"""Ephemeral containers of pods: the subresource that adds them, and what it refuses (KEP-277)."""

from typing import Any

import pytest

PODS = "/api/v1/namespaces/default/pods"
STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}
MERGE = {"Content-Type": "application/merge-patch+json"}
PROBE = {"name": "probe", "image": "tools:1"}


def pod(**spec: Any) -> dict[str, Any]:
    containers = [{"name": "app", "image": "nginx"}]
    return {"metadata": {"name": "web"}, "spec": {"containers": containers, **spec}}


def adding(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"ephemeralContainers": list(containers)}}


@pytest.fixture
def ask(served: Any) -> Any:
    """Send a request about the existing pod ``web``; by default a strategic patch of its subresource."""
    served.ask("POST", PODS, pod())

    def ask(
        body: Any = None, *, method: str = "PATCH", headers: Any = STRATEGIC, way: str = "/ephemeralcontainers"
    ) -> Any:
        return served.ask(method, f"{PODS}/web{way}", body, headers=headers)

    return ask


def names(answer: Any) -> list[str]:
    return [container["name"] for container in answer.body["spec"].get("ephemeralContainers", ())]


def test_a_patch_adds_and_adding_again_changes_nothing(ask: Any) -> None:
    first = ask(adding(PROBE))
    assert (first.code, names(first)) == (200, ["probe"])
    assert first.body["spec"]["ephemeralContainers"][0]["imagePullPolicy"] == "IfNotPresent"
    again = ask(adding(PROBE))
    assert (again.code, again.body["spec"]) == (200, first.body["spec"])
    assert names(ask(adding({"name": "second", "image": "x"}))) == ["probe", "second"]
    assert names(ask(None, method="GET")) == ["probe", "second"]


def test_it_can_be_replaced_whole(ask: Any) -> None:
    got = ask(None, method="GET").body
    put = ask({**got, "spec": {**got["spec"], "ephemeralContainers": [PROBE]}}, method="PUT", headers={})
    assert (put.code, names(put)) == (200, ["probe"])
    stale = {**got, "spec": {**got["spec"], "ephemeralContainers": [PROBE, {"name": "second", "image": "x"}]}}
    assert ask({**stale, "spec": {**put.body["spec"]}}, method="PUT", headers={}).code == 409


def test_it_changes_nothing_but_ephemeral_containers(ask: Any) -> None:
    patch = {**adding(PROBE), "metadata": {"labels": {"a": "b"}}}
    patch["spec"]["containers"] = [{"name": "app", "image": "changed"}]
    answer = ask(patch)
    assert answer.code == 200
    assert answer.body["spec"]["containers"][0]["image"] == "nginx"
    assert "labels" not in answer.body["metadata"]


@pytest.mark.parametrize(
    ("patch", "headers", "said"),
    [
        (adding({**PROBE, "image": "other:1"}), STRATEGIC, 'existing ephemeral containers "probe" may not be changed'),
        (adding(), MERGE, 'existing ephemeral containers "probe" may not be removed'),
        (adding({"name": "app", "image": "x"}), STRATEGIC, 'spec.ephemeralContainers[1].name: Duplicate value: "app"'),
        (adding({"name": "x"}), STRATEGIC, "spec.ephemeralContainers[1].image: Required value"),
        (adding({"name": "X", "image": "x"}), STRATEGIC, "spec.ephemeralContainers[1].name: Invalid value"),
        (
            adding({"name": "x", "image": "x", "ports": [{"containerPort": 80}]}),
            STRATEGIC,
            "spec.ephemeralContainers[1].ports: Forbidden: cannot be set for an Ephemeral Container",
        ),
        (
            adding({"name": "x", "image": "x", "targetContainerName": "nosuch"}),
            STRATEGIC,
            'spec.ephemeralContainers[1].targetContainerName: Not found: "nosuch"',
        ),
    ],
)
def test_refusals(ask: Any, patch: Any, headers: Any, said: str) -> None:
    ask(adding(PROBE))
    answer = ask(patch, headers=headers)
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert said in answer.body["message"]
    assert names(ask(None, method="GET")) == ["probe"]


def test_neither_a_new_pod_nor_an_update_of_a_pod_can_add_them(served: Any, ask: Any) -> None:
    new = {**pod(ephemeralContainers=[PROBE]), "metadata": {"name": "new"}}
    answer = served.ask("POST", PODS, new)
    assert (answer.code, "cannot be set on create" in answer.body["message"]) == (422, True)
    answer = ask(adding(PROBE), way="")
    assert (answer.code, "pod updates may not change fields" in answer.body["message"]) == (422, True)


def test_a_static_pod_cannot_have_them(served: Any) -> None:
    static = {**pod(), "metadata": {"name": "static", "annotations": {"kubernetes.io/config.mirror": "x"}}}
    served.ask("POST", PODS, static)
    answer = served.ask("PATCH", f"{PODS}/static/ephemeralcontainers", adding(PROBE), headers=STRATEGIC)
    assert "static pods do not support ephemeral containers" in answer.body["message"]


def test_it_is_discovered(served: Any) -> None:
    entries = {entry["name"]: entry for entry in served.ask("GET", "/api/v1").body["resources"]}
    assert entries["pods/ephemeralcontainers"]["kind"] == "Pod"
    assert set(entries["pods/ephemeralcontainers"]["verbs"]) == {"get", "patch", "update"}


def test_exec_and_logs_reach_it_by_its_name(ask: Any, kubectl: Any) -> None:
    ask(adding(PROBE))
    assert kubectl("exec", "web", "-c", "probe", "--", "echo", "hello") == "hello\n"
    assert "first" in kubectl("logs", "web", "-c", "probe")
    assert "hello" in kubectl("exec", "web", "--", "echo", "hello"), "the pod still has but one container of its own"
    assert "container nosuch" in kubectl("exec", "web", "-c", "nosuch", "--", "true", fails=True)
