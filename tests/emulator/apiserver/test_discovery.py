"""Discovery and OpenAPI over HTTP."""

from typing import Any

import pytest

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"


@pytest.mark.parametrize(
    ("offered", "answered"), [(("v2", "v2beta1"), "v2"), (("v2beta1",), "v2beta1"), ((), ""), (("v9",), "")]
)
@pytest.mark.parametrize("path", ["/api", "/apis"])
def test_discovery(served: Any, path: str, offered: tuple[str, ...], answered: str) -> None:
    accept = ",".join([*(AGGREGATED.format(version) for version in offered), "application/json"])
    answer = served.ask("GET", path, headers={"Accept": accept})
    if answered:
        assert answer.headers["Content-Type"] == AGGREGATED.format(answered)
        assert answer.body["apiVersion"] == f"apidiscovery.k8s.io/{answered}"
    else:
        assert answer.body["kind"] in ("APIVersions", "APIGroupList")


def test_plain_discovery_names_every_resource(served: Any) -> None:
    names = {row["name"] for row in served.ask("GET", "/api/v1").body["resources"]}
    assert {"pods", "pods/exec", "pods/log", "pods/status", "services", "namespaces"} <= names
    names = {row["name"] for row in served.ask("GET", "/apis/apps/v1").body["resources"]}
    assert {"deployments", "deployments/scale", "replicasets"} <= names


def test_openapi(served: Any) -> None:
    paths = served.ask("GET", "/openapi/v3").body["paths"]
    document = served.ask("GET", paths["apis/networking.k8s.io/v1"]["serverRelativeURL"]).body
    patch = document["paths"]["/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies/{name}"]["patch"]
    assert "fieldValidation" in {parameter["name"] for parameter in patch["parameters"]}
    assert patch["x-kubernetes-group-version-kind"]["kind"] == "NetworkPolicy"
    assert "io.k8s.api.networking.v1.NetworkPolicySpec" in document["components"]["schemas"]
    assert served.ask("GET", "/openapi/v2").code == 404
