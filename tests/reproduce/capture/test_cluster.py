"""Reading a cluster with few rights: what is missing is said, with the verb and the resource."""

import json
from collections.abc import Callable, Mapping

import pytest

from netpol_harness.errors import HarnessError
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.reproduce.capture.cluster import read_cluster
from tests.kube.conftest import Answer, Handler, serve

__all__ = ["serve"]

CORE = {"namespaces": "Namespace", "pods": "Pod", "services": "Service"}
GROUPS = {
    "/api/v1": CORE,
    "/apis/discovery.k8s.io/v1": {"endpointslices": "EndpointSlice"},
    "/apis/networking.k8s.io/v1": {"networkpolicies": "NetworkPolicy"},
    "/apis/apps/v1": {"replicasets": "ReplicaSet"},
    "/apis/batch/v1": {"jobs": "Job"},
    "/apis/projectcalico.org/v3": {"networkpolicies": "NetworkPolicy", "tiers": "Tier"},
    "/apis/crd.projectcalico.org/v1": {"networkpolicies": "NetworkPolicy"},
}
POD = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"containers": []}}


def server(forbidden: Mapping[str, str]) -> Handler:
    """An API server whose user may not list some resources: their paths, each with its scope."""

    def answer(method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        assert method == "GET", "a capture changes nothing"
        path = path.partition("?")[0]
        if path == "/apis":
            names = [name.removeprefix("/apis/") for name in GROUPS if name.startswith("/apis/")]
            groups = [{"name": n.partition("/")[0], "preferredVersion": {"groupVersion": n}} for n in names]
            return 200, {}, json.dumps({"groups": groups}).encode()
        if path in GROUPS:
            kinds = GROUPS[path].items()
            listed = [{"name": n, "kind": k, "namespaced": n not in ("namespaces", "tiers")} for n, k in kinds]
            return 200, {}, json.dumps({"resources": listed}).encode()
        if path in forbidden:
            resource = path.rpartition("/")[2]
            message = f'{resource} is forbidden: User "u" cannot list resource "{resource}" in API group ""'
            return 403, {}, json.dumps({"message": message, "reason": "Forbidden"}).encode()
        if path == "/api/v1/namespaces/shop":
            return 200, {}, json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}).encode()
        items = [POD] if path.endswith("/pods") else []
        return 200, {}, json.dumps({"items": items}).encode()

    return answer


def client(serve: Callable[[Handler], Access], *forbidden: str) -> Client:
    return Client(serve(server(dict.fromkeys(forbidden, ""))), timeout=5.0, patience=0.0)


def test_policies_that_may_not_be_read_are_a_loud_gap(serve: Callable[[Handler], Access]) -> None:
    found = read_cluster(client(serve, "/apis/networking.k8s.io/v1/networkpolicies"), "c")
    (gap,) = found.gaps
    assert gap.is_policy
    assert "ask for the verb list on networkpolicies" in str(gap)
    assert "POLICIES ARE MISSING" in str(gap)


def test_what_may_be_read_in_a_namespace_is_read_there(serve: Callable[[Handler], Access]) -> None:
    found = read_cluster(client(serve, "/api/v1/pods", "/api/v1/namespaces"), "c", ["shop"])
    assert [data["kind"] for data in found.objects] == ["Namespace", "Pod"]
    assert [gap.kind for gap in found.gaps] == ["Namespace"]


def test_without_pods_there_is_no_capture(serve: Callable[[Handler], Access]) -> None:
    with pytest.raises(HarnessError, match="name the namespaces that you may read with -n"):
        read_cluster(client(serve, "/api/v1/pods"), "c")


def test_policies_of_other_apis_are_found_by_discovery_and_read_once(serve: Callable[[Handler], Access]) -> None:
    found = read_cluster(client(serve, "/apis/projectcalico.org/v3/networkpolicies"), "c")
    assert [gap.kind for gap in found.gaps] == ["NetworkPolicy"], "those of crd.projectcalico.org are the same"
