"""Reviews: questions about identity and permissions."""

from typing import Any

import pytest

AUTHORIZATION = "/apis/authorization.k8s.io/v1"
SELF = f"{AUTHORIZATION}/selfsubjectaccessreviews"
POD = {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}}


@pytest.mark.parametrize(
    ("path", "kind", "spec"),
    [
        (SELF, "SelfSubjectAccessReview", POD),
        (SELF, "SelfSubjectAccessReview", {"nonResourceAttributes": {"verb": "get", "path": "/livez"}}),
        (f"{AUTHORIZATION}/subjectaccessreviews", "SubjectAccessReview", {**POD, "user": "jane"}),
        (f"{AUTHORIZATION}/namespaces/x/localsubjectaccessreviews", "LocalSubjectAccessReview", {**POD, "user": "j"}),
    ],
)
def test_everything_is_allowed(served: Any, path: str, kind: str, spec: object) -> None:
    answer = served.ask("POST", path, {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec})
    assert (answer.code, answer.body["kind"], answer.body["spec"]) == (201, kind, spec)
    assert answer.body["status"]["allowed"] is True


def test_rules(served: Any) -> None:
    answer = served.ask("POST", f"{AUTHORIZATION}/selfsubjectrulesreviews", {"spec": {"namespace": "default"}})
    assert answer.body["status"]["resourceRules"] == [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]


def test_identity(served: Any) -> None:
    answer = served.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert "system:masters" in answer.body["status"]["userInfo"]["groups"]


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", SELF, {"spec": {}}, 422),
        ("POST", SELF, {}, 422),
        ("POST", SELF, {"spec": {**POD, "nonResourceAttributes": {"path": "/"}}}, 422),
        ("POST", SELF, {"spec": "x"}, 400),
        ("POST", SELF, [], 400),
        ("POST", f"{AUTHORIZATION}/subjectaccessreviews", {"spec": POD}, 422),
        ("POST", f"{AUTHORIZATION}/selfsubjectrulesreviews", {"spec": {}}, 400),
        ("POST", f"{AUTHORIZATION}/localsubjectaccessreviews", {"spec": POD}, 404),
        ("GET", SELF, None, 405),
        ("DELETE", SELF, None, 405),
    ],
)
def test_refusals(served: Any, method: str, path: str, body: object, code: int) -> None:
    answer = served.ask(method, path, body)
    assert (answer.code, answer.body["kind"]) == (code, "Status")
