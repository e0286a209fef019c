import uuid
from datetime import UTC, datetime

import pytest

from netpol_harness.emulator.apiserver.built_in_kinds import BY_PLURAL
from netpol_harness.emulator.apiserver.catalog import Catalog
from netpol_harness.emulator.apiserver.errors import StatusError
from netpol_harness.emulator.apiserver.request import FieldValidation, RequestOptions, RequestTarget
from netpol_harness.emulator.store import Store


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(Store(now=lambda: datetime.now(UTC), new_uid=lambda: str(uuid.uuid4())))


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/pods", RequestTarget(BY_PLURAL["pods"])),
        ("/api/v1/namespaces/a/pods", RequestTarget(BY_PLURAL["pods"], "a")),
        ("/api/v1/namespaces/a/pods/b", RequestTarget(BY_PLURAL["pods"], "a", "b")),
        ("/api/v1/namespaces/a/pods/b/log", RequestTarget(BY_PLURAL["pods"], "a", "b", "log")),
        ("/api/v1/namespaces", RequestTarget(BY_PLURAL["namespaces"])),
        ("/api/v1/namespaces/a", RequestTarget(BY_PLURAL["namespaces"], "", "a")),
        ("/api/v1/namespaces/a/status", RequestTarget(BY_PLURAL["namespaces"], "", "a", "status")),
        ("/apis/apps/v1/namespaces/a/deployments/b/scale", RequestTarget(BY_PLURAL["deployments"], "a", "b", "scale")),
    ],
)
def test_paths(catalog: Catalog, path: str, target: RequestTarget) -> None:
    assert RequestTarget.parse(catalog, path) == target


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/v2/pods",
        "/api/v1/namespaces/a/unknown",
        "/api/v1/namespaces/a/pods/b/unknown",
        "/api/v1/namespaces/a/pods/b/log/c",
        "/api/v1/pods/b",
        "/apis/apps/v1/pods",
        "/apis/apps/v1/namespaces/a",
        "/api/v1/namespaces/a/nodes",
    ],
)
def test_unknown_paths(catalog: Catalog, path: str) -> None:
    with pytest.raises(StatusError) as refusal:
        RequestTarget.parse(catalog, path)
    assert refusal.value.code == 404


def test_options() -> None:
    target = RequestTarget(BY_PLURAL["pods"])
    query = {"watch": "True", "timeoutSeconds": "5", "dryRun": "All", "fieldValidation": "Strict"}
    options = RequestOptions.parse(target, query)
    assert (options.watch, options.timeout, options.dry_run) == (True, 5.0, True)
    assert options.field_validation is FieldValidation.STRICT


@pytest.mark.parametrize(
    "query", [{"dryRun": "Some"}, {"timeoutSeconds": "soon"}, {"fieldValidation": "Maybe"}, {"fieldSelector": "a"}]
)
def test_refused_options(query: dict[str, str]) -> None:
    with pytest.raises(StatusError) as refusal:
        RequestOptions.parse(RequestTarget(BY_PLURAL["pods"]), query)
    assert refusal.value.code == 400
