"""Server-side apply over HTTP: ownership of fields, merges, removals, and conflicts."""

from collections.abc import Callable
from typing import Any

import pytest

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
APPLY = "application/apply-patch+yaml"
Apply = Callable[..., Any]


def deployment(*containers: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": name, "image": name} for name in containers or ("c",)]},
            },
            **spec,
        },
    }


@pytest.fixture
def apply(served: Any) -> Apply:
    """Apply a configuration as a manager to the Deployment `web`, and return the answer."""

    def applied(config: object, manager: str = "one", query: str = "", code: int = 200) -> Any:
        path = f"{DEPLOYMENTS}/web?fieldManager={manager}{query}"
        answer = served.ask("PATCH", path, config, headers={"Content-Type": APPLY})
        assert answer.code == code, answer.body
        return answer.body

    return applied


def owners(obj: Any) -> dict[tuple[str, str], Any]:
    return {(entry["manager"], entry["operation"]): entry["fieldsV1"] for entry in obj["metadata"]["managedFields"]}


def names(obj: Any) -> list[str]:
    return [part["name"] for part in obj["spec"]["template"]["spec"]["containers"]]


def test_apply_creates_and_then_changes_nothing(apply: Apply) -> None:
    made = apply(deployment(replicas=2), code=201)
    assert made["spec"]["strategy"]["type"] == "RollingUpdate"
    assert owners(made)["one", "Apply"]["f:spec"]["f:replicas"] == {}
    assert "f:strategy" not in owners(made)["one", "Apply"]["f:spec"]
    again = apply(deployment(replicas=2))
    assert again["metadata"]["managedFields"] == made["metadata"]["managedFields"]
    assert apply(deployment(replicas=2))["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]


def test_a_field_that_is_no_longer_applied_is_removed(apply: Apply) -> None:
    apply(deployment("a", "b", paused=True), code=201)
    left = apply(deployment("b"))
    assert (names(left), "paused" in left["spec"]) == (["b"], False)


def test_a_field_that_another_manager_also_applies_stays(apply: Apply) -> None:
    apply(deployment("a", paused=True), code=201)
    apply(deployment("a", paused=True), "two")
    assert apply(deployment("a"))["spec"]["paused"] is True
    assert "paused" not in apply(deployment("a"), "two")["spec"]


def test_a_volume_that_changes_its_type_loses_the_old_fields(apply: Apply) -> None:
    config = deployment()
    config["spec"]["template"]["spec"]["volumes"] = [{"name": "v", "configMap": {"name": "c"}}]
    apply(config, code=201)
    config["spec"]["template"]["spec"]["volumes"] = [{"name": "v", "emptyDir": {}}]
    assert apply(config)["spec"]["template"]["spec"]["volumes"] == [{"name": "v", "emptyDir": {}}]


def test_managers_share_lists_by_their_keys(apply: Apply) -> None:
    apply(deployment("a", "b"), code=201)
    assert names(apply(deployment("x", "b"), "two")) == ["a", "x", "b"]
    assert names(apply(deployment("b"), "two")) == ["a", "b"]


def test_a_conflict_names_the_owner_and_the_field(apply: Apply) -> None:
    apply(deployment(replicas=2), code=201)
    refused = apply(deployment(replicas=3), "two", code=409)
    assert refused["message"] == 'Apply failed with 1 conflict: conflict with "one": .spec.replicas'
    assert refused["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".spec.replicas"}
    ]


def test_several_conflicts_are_listed_by_owner(apply: Apply) -> None:
    apply(deployment(replicas=2, paused=False), code=201)
    message = apply(deployment(replicas=3, paused=True), "two", code=409)["message"]
    assert message == 'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.paused\n- .spec.replicas'


def test_force_takes_over_the_field(apply: Apply) -> None:
    apply(deployment(replicas=2), code=201)
    taken = apply(deployment(replicas=3), "two", "&force=true")
    assert taken["spec"]["replicas"] == 3
    assert "f:replicas" not in owners(taken)["one", "Apply"]["f:spec"]
    assert "f:replicas" in owners(taken)["two", "Apply"]["f:spec"]


def test_an_update_owns_its_changes(served: Any, apply: Apply) -> None:
    made = apply(deployment(replicas=2), code=201)
    changed = {**made, "metadata": {"name": "web"}, "spec": {**made["spec"], "replicas": 5}}
    updated = served.ask("PUT", f"{DEPLOYMENTS}/web?fieldManager=editor", changed).body
    assert owners(updated)["editor", "Update"] == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in owners(updated)["one", "Apply"]["f:spec"]
    refused = apply(deployment(replicas=2), code=409)
    assert 'conflict with "editor" using apps/v1: .spec.replicas' in refused["message"]


def test_the_manager_of_an_update_is_the_client_s_program(served: Any) -> None:
    made = served.ask("POST", DEPLOYMENTS, deployment(), headers={"User-Agent": "tool/v1 (linux)"}).body
    assert ("tool", "Update") in owners(made)
    scaled = served.ask(
        "PATCH",
        f"{DEPLOYMENTS}/web/scale?fieldManager=scaler",
        {"spec": {"replicas": 4}},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert scaled.code == 200
    entry = served.ask("GET", f"{DEPLOYMENTS}/web").body["metadata"]["managedFields"]
    assert [one["fieldsV1"] for one in entry if one.get("subresource") == "scale"] == [{"f:spec": {"f:replicas": {}}}]


def test_owners_can_be_removed_and_replaced(served: Any, apply: Apply) -> None:
    made = apply(deployment(replicas=2), code=201)
    del made["metadata"]["resourceVersion"]
    made["metadata"]["managedFields"][0]["manager"] = "heir"
    assert ("heir", "Apply") in owners(served.ask("PUT", f"{DEPLOYMENTS}/web", made).body)
    made["metadata"] = {"name": "web", "managedFields": [{}]}
    assert "managedFields" not in served.ask("PUT", f"{DEPLOYMENTS}/web", made).body["metadata"]
    refused = apply(deployment(replicas=3), code=409)
    assert 'conflict with "before-first-apply" using apps/v1: .spec.replicas' in refused["message"]


def test_the_status_is_applied_via_its_subresource_only(served: Any, apply: Apply) -> None:
    apply({**deployment(replicas=2), "status": {"replicas": 77}}, code=201)
    path = f"{DEPLOYMENTS}/web/status?fieldManager=k&force=true"
    config = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "status": {"replicas": 7}}
    answer = served.ask("PATCH", path, config, headers={"Content-Type": APPLY})
    assert (answer.code, answer.body["status"]["replicas"]) == (200, 7)
    assert owners(answer.body)["k", "Apply"] == {"f:status": {"f:replicas": {}}}


def test_a_dry_run_applies_nothing(served: Any, apply: Apply) -> None:
    assert apply(deployment(), query="&dryRun=All", code=201)["metadata"]["name"] == "web"
    assert served.ask("GET", f"{DEPLOYMENTS}/web").code == 404


@pytest.mark.parametrize(
    ("change", "query", "code", "words"),
    [
        ({}, "", 422, "fieldManager: Required value: is required for apply patch"),
        ({}, "?fieldManager=" + "x" * 129, 422, "may not be more than 128 bytes"),
        ({"metadata": {"name": "web", "managedFields": [{"manager": "x"}]}}, "?fieldManager=x", 400, "must be nil"),
        ({"metadata": {"name": "other"}}, "?fieldManager=x", 400, "does not match the name on the URL"),
        ({"spec": {"replicaz": 1}}, "?fieldManager=x&fieldValidation=Strict", 400, 'unknown field "spec.replicaz"'),
    ],
)
def test_refusals(served: Any, change: dict[str, Any], query: str, code: int, words: str) -> None:
    config = {**deployment(), **change}
    answer = served.ask("PATCH", f"{DEPLOYMENTS}/web{query}", config, headers={"Content-Type": APPLY})
    assert answer.code == code
    assert words in answer.body["message"]


def test_force_is_for_apply(served: Any, apply: Apply) -> None:
    apply(deployment(), code=201)
    merge = {"Content-Type": "application/merge-patch+json"}
    answer = served.ask("PATCH", f"{DEPLOYMENTS}/web?force=true", {}, headers=merge)
    assert answer.body["message"].endswith("force: Forbidden: may not be specified for non-apply patch")


def test_a_configuration_in_yaml(served: Any) -> None:
    config = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: '1'\n  80: b\n  day: 2020-01-01\n"
    path = "/api/v1/namespaces/default/configmaps/c?fieldManager=x"
    made = served.send("PATCH", path, config, headers={"Content-Type": APPLY})
    assert (made.code, made.body["data"]) == (201, {"a": "1", "80": "b", "day": "2020-01-01"})


@pytest.mark.parametrize(
    "text", ["a: &x [1]\nb: *x", "[" * 300 + "]" * 300, "a: [", "a: !!python/none x", "? [a]\n: b"]
)
def test_yaml_that_is_not_read(served: Any, text: str) -> None:
    path = "/api/v1/namespaces/default/configmaps/c?fieldManager=x"
    assert served.send("PATCH", path, text.encode(), headers={"Content-Type": APPLY}).code == 400
