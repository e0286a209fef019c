"""The API as any client sees it over plain HTTP."""

from typing import Any

import pytest

PODS = "/api/v1/namespaces/default/pods"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


def pod(name: str = "web", **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [{"name": "a", "image": "nginx"}]}}


def policy(name: str = "np", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"podSelector": {}, **spec}}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/livez", "/version", "/version/"])
def test_open_pages(served: Any, path: str) -> None:
    assert served.ask("GET", path, headers={"Authorization": ""}).code == 200


@pytest.mark.parametrize(
    ("path", "authorization", "code"),
    [
        ("/api", "", 401),
        ("/api", "Bearer wrong", 401),
        ("/api", "Bearer {token}", 200),
        ("/{token}/api", "", 200),
        ("/{token}/api/v1/pods", "", 200),
        ("/wrong/api", "", 401),
        ("/{token}", "", 404),
        ("/api/v1/nonsense", "", 401),
    ],
)
def test_the_token_is_accepted_in_a_header_and_in_the_path(
    served: Any, path: str, authorization: str, code: int
) -> None:
    path, authorization = path.format(token=served.token), authorization.format(token=served.token)
    answer = served.ask("GET", path, headers={"Authorization": authorization})
    assert answer.code == code
    if code != 200:
        assert (answer.body["kind"], answer.body["code"]) == ("Status", code)


def test_create_get_replace_delete(served: Any) -> None:
    created = served.ask("POST", PODS, pod(app="web"))
    assert (created.code, created.body["kind"]) == (201, "Pod")
    got = served.ask("GET", f"{PODS}/web").body
    assert got["status"]["phase"] == "Running"
    replaced = served.ask("PUT", f"{PODS}/web", {**got, "metadata": {**got["metadata"], "labels": {"app": "db"}}})
    assert replaced.body["metadata"]["labels"] == {"app": "db"}
    assert served.ask("PUT", f"{PODS}/web", got).code == 409
    deleted = served.ask("DELETE", f"{PODS}/web").body
    assert "deletionTimestamp" in deleted["metadata"]
    assert served.ask("GET", f"{PODS}/web").body["message"] == 'pods "web" not found'


def test_deleting_other_objects_than_pods_returns_a_status(served: Any) -> None:
    uid = served.ask("POST", POLICIES, policy()).body["metadata"]["uid"]
    answer = served.ask("DELETE", f"{POLICIES}/np").body
    assert (answer["status"], answer["details"]["uid"]) == ("Success", uid)
    assert served.ask("GET", f"{POLICIES}/np").body["message"] == 'networkpolicies.networking.k8s.io "np" not found'


def test_changes_wait_for_the_dataplane(served: Any) -> None:
    served.ask("POST", POLICIES, policy())
    served.ask("POST", POLICIES + "?dryRun=All", policy("other"))
    served.ask("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "c"}})
    assert served.runtime.settled_calls == 1


def test_lists_are_as_on_a_real_server(served: Any) -> None:
    served.ask("POST", PODS, pod("a", app="x"))
    served.ask("POST", PODS, pod("b", app="y"))
    answer = served.ask("GET", PODS + "?labelSelector=app%3Dy").body
    assert (answer["kind"], answer["apiVersion"]) == ("PodList", "v1")
    assert int(answer["metadata"]["resourceVersion"]) > 0
    assert [(item["metadata"]["name"], "kind" in item) for item in answer["items"]] == [("b", False)]
    fields = served.ask("GET", "/api/v1/pods?fieldSelector=metadata.name%3Da,spec.nodeName%3Dnode").body
    assert [item["metadata"]["name"] for item in fields["items"]] == ["a"]


def test_tables(served: Any) -> None:
    served.ask("POST", PODS, pod())
    table = served.ask("GET", PODS, headers=TABLE).body
    assert table["kind"] == "Table"
    assert table["rows"][0]["cells"][:3] == ["web", "1/1", "Running"]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


@pytest.mark.parametrize("accept", ["application/vnd.kubernetes.protobuf", "text/html"])
def test_an_unsupported_representation(served: Any, accept: str) -> None:
    assert served.ask("GET", PODS, headers={"Accept": accept}).code == 406


@pytest.mark.parametrize(
    ("content_type", "patch"),
    [
        ("application/merge-patch+json", {"metadata": {"labels": {"a": "b"}}}),
        ("application/strategic-merge-patch+json", {"metadata": {"labels": {"a": "b"}}}),
        ("application/json-patch+json", [{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]),
    ],
)
def test_patches(served: Any, content_type: str, patch: object) -> None:
    served.ask("POST", PODS, pod())
    answer = served.ask("PATCH", f"{PODS}/web", patch, headers={"Content-Type": content_type})
    assert (answer.code, answer.body["metadata"]["labels"]) == (200, {"a": "b"})


def test_an_unknown_patch_type_is_refused(served: Any) -> None:
    served.ask("POST", PODS, pod())
    answer = served.ask("PATCH", f"{PODS}/web", {}, headers={"Content-Type": "application/cbor"})
    assert (answer.code, answer.body["reason"]) == (415, "UnsupportedMediaType")


def test_a_patch_may_require_a_resource_version(served: Any) -> None:
    served.ask("POST", PODS, pod())
    patch = {"metadata": {"resourceVersion": "1", "labels": {"a": "b"}}}
    answer = served.ask("PATCH", f"{PODS}/web", patch, headers={"Content-Type": "application/merge-patch+json"})
    assert (answer.code, answer.body["reason"]) == (409, "Conflict")


def test_unknown_fields_by_field_validation(served: Any) -> None:
    body = {**policy(), "spec": {"podSelektor": {}}}
    strict = served.ask("POST", POLICIES + "?fieldValidation=Strict", body)
    assert strict.code == 400
    assert 'strict decoding error: unknown field "spec.podSelektor"' in strict.body["message"]
    warned = served.ask("POST", POLICIES + "?dryRun=All&fieldValidation=Warn", body)
    assert warned.headers["Warning"] == '299 - "unknown field \\"spec.podSelektor\\""'
    assert "Warning" not in served.ask("POST", POLICIES + "?fieldValidation=Ignore", body).headers


def test_invalid_objects_name_their_causes(served: Any) -> None:
    answer = served.ask("POST", POLICIES, policy("bad", policyTypes=["Both"]))
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["message"] == (
        'NetworkPolicy.networking.k8s.io "bad" is invalid: spec.policyTypes[0]: Unsupported value: "Both": '
        'supported values: "Egress", "Ingress"'
    )
    assert answer.body["details"]["causes"] == [
        {
            "reason": "FieldValueNotSupported",
            "message": 'Unsupported value: "Both": supported values: "Egress", "Ingress"',
            "field": "spec.policyTypes[0]",
        }
    ]


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", PODS, [], 400),
        ("POST", PODS, {"kind": "Service", "apiVersion": "v1"}, 400),
        ("POST", PODS, {**pod(), "metadata": {"name": "a", "namespace": "kube-system"}}, 400),
        ("POST", PODS, {**pod(), "metadata": {"name": "a", "resourceVersion": "5"}}, 400),
        ("POST", "/api/v1/namespaces/nowhere/pods", pod(), 404),
        ("PUT", f"{PODS}/absent", pod("absent"), 404),
        ("POST", f"{PODS}/web", pod(), 405),
        ("DELETE", "/api/v1/nodes", None, 405),
        ("GET", f"{PODS}?fieldSelector=spec.colour%3Dred", None, 400),
        ("GET", "/api/v1/namespaces/default/unknown", None, 404),
    ],
)
def test_refusals(served: Any, method: str, path: str, body: object, code: int) -> None:
    answer = served.ask(method, path, body)
    assert (answer.code, answer.body["kind"]) == (code, "Status")


def test_a_body_that_is_not_json(served: Any) -> None:
    answer = served.send("POST", PODS, b"[" * 100_000, headers={"Content-Type": "application/json"})
    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")


def test_dry_run_stores_nothing(served: Any) -> None:
    before = served.store.resource_version
    assert served.ask("POST", PODS + "?dryRun=All", pod()).code == 201
    assert served.store.resource_version == before


def test_status_is_written_separately(served: Any) -> None:
    stored = served.ask("POST", PODS, pod()).body
    changed = {**stored, "status": {"phase": "Failed"}, "spec": {**stored["spec"], "nodeName": "other"}}
    changed["metadata"].pop("resourceVersion")
    answer = served.ask("PUT", f"{PODS}/web/status", changed).body
    assert (answer["status"]["phase"], answer["spec"]["nodeName"]) == ("Failed", "node")
    again = served.ask("PUT", f"{PODS}/web", {**answer, "status": {"phase": "Pending"}}).body
    assert again["status"]["phase"] == "Failed"


def test_scale(served: Any) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod()["spec"]}
    spec = {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    served.ask("POST", path, {"metadata": {"name": "d"}, "spec": spec})
    scale = served.ask("GET", f"{path}/d/scale").body
    assert (scale["kind"], scale["spec"], scale["status"]) == (
        "Scale",
        {"replicas": 2},
        {"replicas": 2, "selector": "a=b"},
    )
    merge = {"Content-Type": "application/merge-patch+json"}
    answer = served.ask("PATCH", f"{path}/d/scale", {"spec": {"replicas": 3}}, headers=merge)
    assert answer.body["spec"] == {"replicas": 3}
    assert served.ask("GET", f"{path}/d").body["spec"]["replicas"] == 3
    assert served.ask("PATCH", f"{path}/d/scale", {"spec": {"replicas": -1}}, headers=merge).code == 422


def test_a_namespace_is_created_and_deleted_with_its_contents(served: Any) -> None:
    served.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "team"}})
    assert served.ask("GET", "/api/v1/namespaces/team/serviceaccounts/default").code == 200
    assert served.ask("GET", "/api/v1/namespaces/team/configmaps/kube-root-ca.crt").code == 200
    served.ask("POST", "/api/v1/namespaces/team/pods", pod())
    deleted = served.ask("DELETE", "/api/v1/namespaces/team").body
    assert deleted["status"]["phase"] == "Terminating"
    assert served.ask("GET", "/api/v1/namespaces/team").code == 404
    assert served.ask("GET", "/api/v1/namespaces/team/pods").body["items"] == []


def test_delete_collection(served: Any) -> None:
    for name in "abc":
        served.ask("POST", POLICIES, policy(name))
    served.ask("DELETE", POLICIES + "?fieldSelector=metadata.name!%3Db")
    assert [item["metadata"]["name"] for item in served.ask("GET", POLICIES).body["items"]] == ["b"]


def test_finalizers_delay_a_deletion(served: Any) -> None:
    served.ask("POST", POLICIES, {**policy(), "metadata": {"name": "np", "finalizers": ["example.com/x"]}})
    served.ask("DELETE", f"{POLICIES}/np")
    held = served.ask("GET", f"{POLICIES}/np").body
    assert "deletionTimestamp" in held["metadata"]
    merge = {"Content-Type": "application/merge-patch+json"}
    served.ask("PATCH", f"{POLICIES}/np", {"metadata": {"finalizers": None}}, headers=merge)
    assert served.ask("GET", f"{POLICIES}/np").code == 404


def test_logs(served: Any) -> None:
    served.ask("POST", PODS, pod())
    assert served.ask("GET", f"{PODS}/web/log").body == "first\nsecond\n"
    assert served.ask("GET", f"{PODS}/web/log?tailLines=1").body == "second\n"
    assert served.ask("GET", f"{PODS}/web/log?container=b").code == 400
    assert served.ask("GET", f"{PODS}/absent/log").code == 404


def test_deletion_options_in_the_query(served: Any) -> None:
    served.ask("POST", PODS, pod())
    deleted = served.ask("DELETE", f"{PODS}/web?gracePeriodSeconds=7").body
    assert deleted["metadata"]["deletionGracePeriodSeconds"] == 7


def test_a_manager_name_may_use_any_script(served: Any) -> None:
    made = served.ask("POST", PODS, pod(), headers={"User-Agent": "é/1".encode().decode("latin-1")})
    assert made.body["metadata"]["managedFields"][0]["manager"] == "é"


def test_a_namespace_without_a_status_can_be_deleted(served: Any) -> None:
    served.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "x"}})
    assert served.ask("PUT", "/api/v1/namespaces/x/status", {"metadata": {"name": "x"}}).body["status"] == {}
    assert served.ask("DELETE", "/api/v1/namespaces/x").code == 200
