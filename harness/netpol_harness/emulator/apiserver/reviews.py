"""Reviews: questions about the client's identity and permissions, which are answered and not stored.

There is no RBAC: every client with the token is the same administrator with all permissions.
"""

from collections.abc import Callable, Mapping
from typing import Any

from netpol_harness.emulator.apiserver.built_in_kinds import REVIEWS
from netpol_harness.emulator.apiserver.decode import decode, missing_fields
from netpol_harness.emulator.apiserver.errors import Cause, bad_request, invalid, unprocessable
from netpol_harness.emulator.apiserver.resources import ServedResource, with_type_meta
from netpol_harness.model.json_object import JsonObject

_BY_PATH = {(row.group, row.version, row.plural): row for row in REVIEWS}
_USER = {"username": "kubernetes-admin", "groups": ["system:masters", "system:authenticated"]}
_EVERYTHING = {
    "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    "incomplete": False,
}


def find_review(path: str) -> ServedResource | None:
    """Return the kind of review that a path creates; None for any other path."""
    match path.strip("/").split("/"):
        case ["apis", group, version, plural]:
            row = _BY_PATH.get((group, version, plural))
            return row if row and not row.namespaced else None
        case ["apis", group, version, "namespaces", _, plural]:
            row = _BY_PATH.get((group, version, plural))
            return row if row and row.namespaced else None
        case _:
            return None


def review_response(row: ServedResource, body: object) -> JsonObject:
    """Return the review with its status. Raises StatusError 400 or 422 for an invalid question."""
    review = decode(row.definition, body if body is not None else {}).object
    spec = review.get("spec", {})
    causes = [*missing_fields(row.definition, review), *(_access_causes(row, spec) if "Access" in row.kind else ())]
    if causes:
        raise unprocessable(row.kind_subject(""), causes)
    if row.kind == "SelfSubjectRulesReview" and not spec.get("namespace"):
        raise bad_request("no namespace on request")
    metadata = {"creationTimestamp": None, **review.get("metadata", {})}
    return {**with_type_meta(row, review), "metadata": metadata, "status": _STATUS[row.kind](spec)}


def _access_causes(row: ServedResource, spec: Mapping[str, Any]) -> list[Cause]:
    causes = []
    if ("resourceAttributes" in spec) == ("nonResourceAttributes" in spec):
        words = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        causes.append(invalid("spec.resourceAttributes", spec.get("resourceAttributes"), words))
    if not row.kind.startswith("Self") and not (spec.get("user") or spec.get("groups")):
        causes.append(invalid("spec.user", "", "at least one of user or group must be specified"))
    return causes


def _allowed(spec: Mapping[str, Any]) -> JsonObject:
    return {"allowed": True, "reason": "the embedded cluster has no RBAC"}


_STATUS: Mapping[str, Callable[[Mapping[str, Any]], JsonObject]] = {
    "LocalSubjectAccessReview": _allowed,
    "SelfSubjectAccessReview": _allowed,
    "SubjectAccessReview": _allowed,
    "SelfSubjectReview": lambda spec: {"userInfo": _USER},
    "SelfSubjectRulesReview": lambda spec: _EVERYTHING,
}
