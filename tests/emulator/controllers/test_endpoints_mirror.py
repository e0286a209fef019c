from typing import Any

import pytest

SUBSET = {
    "addresses": [{"ip": "203.0.113.1", "hostname": "a"}, {"ip": "fd00::1"}],
    "notReadyAddresses": [{"ip": "203.0.113.2"}],
    "ports": [{"name": "sql", "port": 5432, "protocol": "TCP"}],
}


def endpoints(*subsets: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "db", **metadata}, "subsets": list(subsets)}


def service(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "db"}, "spec": {"ports": [{"port": 80}], **spec}}


def test_endpoints_of_a_service_without_a_selector_become_slices(cluster: Any) -> None:
    cluster.create("services", service())
    applied = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "x"}
    cluster.create("endpoints", endpoints(SUBSET, labels={"app": "db"}, annotations=applied))
    four, six = sorted(cluster.list("endpointslices"), key=lambda each: each["addressType"])
    assert (four["addressType"], six["addressType"]) == ("IPv4", "IPv6")
    assert four["metadata"]["labels"] == {
        "app": "db",
        "kubernetes.io/service-name": "db",
        "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
    }
    assert four["metadata"]["annotations"] == {"note": "x"}
    assert four["ports"] == SUBSET["ports"]
    assert four["endpoints"] == [
        {"addresses": ["203.0.113.1"], "conditions": {"ready": True}, "hostname": "a"},
        {"addresses": ["203.0.113.2"], "conditions": {"ready": False}},
    ]


def test_the_slices_follow_the_endpoints_and_their_service(cluster: Any) -> None:
    cluster.create("endpoints", endpoints(SUBSET))
    assert cluster.list("endpointslices") == []
    cluster.create("services", service())
    assert len(cluster.list("endpointslices")) == 2
    cluster.change("services", "db", selector={"app": "nobody"})
    assert cluster.list("endpointslices") == []


def test_deleted_endpoints_have_no_slices(cluster: Any) -> None:
    cluster.create("services", service())
    cluster.create("endpoints", endpoints(SUBSET))
    cluster.delete("endpoints", "db")
    assert cluster.list("endpointslices") == []


@pytest.mark.parametrize(
    ("metadata", "spec"),
    [
        ({}, {"selector": {"app": "db"}}),
        ({}, {"type": "ExternalName", "externalName": "a.example.com", "ports": []}),
        ({"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}}, {}),
        ({"annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}}, {}),
    ],
    ids=["selector", "alias", "skipped", "lock"],
)
def test_other_endpoints_are_not_mirrored(cluster: Any, metadata: dict[str, Any], spec: dict[str, Any]) -> None:
    cluster.create("endpoints", endpoints(SUBSET, **metadata))
    cluster.create("services", service(**spec))
    assert cluster.list("endpointslices") == []
