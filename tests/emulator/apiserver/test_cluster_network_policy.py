"""ClusterNetworkPolicy over HTTP, in a cluster where nobody has applied its definition."""

from typing import Any

import pytest

from netpol_harness.emulator.apiserver.custom import cluster_network_policy
from netpol_harness.emulator.store import Key
from netpol_harness.model.json_object import JsonObject
from tests.emulator.apiserver.conftest import Answer, Served

API = "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PODS: JsonObject = {"namespaces": {}}
APPROVED = {"api-approved.kubernetes.io": "https://example.com"}


def policy(**spec: Any) -> JsonObject:
    own = {"tier": "Admin", "priority": 7, "subject": {"namespaces": {}}, **spec}
    kind = {"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy"}
    return {**kind, "metadata": {"name": "p"}, "spec": own}


def egress(*peers: JsonObject, **fields: Any) -> JsonObject:
    return policy(egress=[{"action": "Accept", "to": list(peers), **fields}])


def tcp(**port: Any) -> JsonObject:
    return {"tcp": {"destinationPort": port}}


def test_both_versions_are_served_without_a_definition(served: Served) -> None:
    assert served.ask("POST", API, policy()).code == 201
    newer = served.ask("GET", API.replace("v1alpha2", "v1beta1") + "/p").body
    assert (newer["apiVersion"], newer["spec"]["priority"]) == ("policy.networking.k8s.io/v1beta1", 7)
    [row] = [
        entry
        for entry in served.ask("GET", "/apis/policy.networking.k8s.io/v1beta1").body["resources"]
        if entry["name"] == "clusternetworkpolicies"
    ]
    assert (row["shortNames"], row["namespaced"]) == (["cnp"], False)
    assert served.ask("GET", DEFINITIONS).body["items"] == []


def test_the_answer_waits_for_the_data_plane(served: Served) -> None:
    before = served.runtime.settled_calls
    served.ask("POST", API, policy())
    assert served.runtime.settled_calls == before + 1


def test_a_table_has_the_columns_of_the_definition(served: Served) -> None:
    served.ask("POST", API, policy())
    table = served.ask("GET", API, headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}).body
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Tier", "Priority", "Age"]
    assert table["rows"][0]["cells"][:3] == ["p", "Admin", "7"]


@pytest.mark.parametrize(
    ("refused", "field", "message"),
    [
        (policy(tier="Middle"), "spec.tier", 'Unsupported value: "Middle": supported values: "Admin", "Baseline"'),
        (policy(priority=1001), "spec.priority", "in body should be less than or equal to 1000"),
        (policy(priority=-1), "spec.priority", "in body should be greater than or equal to 0"),
        (policy(subject={}), "spec.subject", "in body should have at least 1 properties"),
        (policy(subject={**PODS, "pods": {"podSelector": {}}}), "spec.subject", "should have at most 1 properties"),
        (policy(subject={"pods": {}}), "spec.subject.pods.podSelector", "Required value"),
        (egress(), "spec.egress[0].to", "in body should have at least 1 items"),
        (egress({}), "spec.egress[0].to[0]", "in body should have at least 1 properties"),
        (egress(PODS, protocols=[]), "spec.egress[0].protocols", "in body should have at least 1 items"),
        (egress(PODS, protocols=[tcp(number=0)]), "spec.egress[0].protocols[0].tcp.destinationPort.number", "than or"),
        (egress(*[PODS] * 26), "spec.egress[0].to", "in body should have at most 25 items"),
        (
            egress(PODS, protocols=[tcp(range={"start": 90, "end": 80})]),
            "spec.egress[0].protocols[0].tcp.destinationPort.range",
            "Invalid value: Start port must be less than End port",
        ),
        (
            egress({"networks": ["10.0.0.1/8"]}),
            "spec.egress[0].to[0].networks[0]",
            'Invalid value: "10.0.0.1/8": Invalid CIDR format provided',
        ),
        (egress({"networks": ["10.0.0.0"]}), "spec.egress[0].to[0].networks[0]", "Invalid CIDR format provided"),
        (
            egress({"networks": ["10.0.0.0/8", "10.0.0.0/8"]}),
            "spec.egress[0].to[0].networks[1]",
            'Duplicate value: "10.0.0.0/8"',
        ),
        (egress({"domainNames": ["a.*.com"]}), "spec.egress[0].to[0].domainNames[0]", "in body should match"),
        (
            egress({"nodes": {}}, protocols=[{"destinationNamedPort": "http"}]),
            "spec.egress[0]",
            "Invalid value: networks/nodes/domainNames peer cannot be set with namedPorts since there are no "
            "namedPorts for networks/nodes/domainNames",
        ),
    ],
)
def test_refusals_have_the_words_of_the_real_server(
    served: Served, refused: JsonObject, field: str, message: str
) -> None:
    answer = served.ask("POST", API, refused)
    assert answer.code == 422
    assert any(cause["field"] == field and message in cause["message"] for cause in causes(answer))


def test_rules_are_not_checked_in_an_object_of_another_shape(served: Served) -> None:
    wrong = policy(tier="Middle", egress=[{"action": "Accept", "to": [{"networks": ["10.0.0.1/8"]}]}])
    tier, unchecked = causes(served.ask("POST", API, wrong))
    assert tier["field"] == "spec.tier"
    assert unchecked["field"] == "<nil>"
    assert "some validation rules were not checked because the object was invalid" in unchecked["message"]


@pytest.mark.parametrize(
    "accepted",
    [
        egress(
            {"networks": ["10.0.0.0/8", "::/0"]}, {"nodes": {}}, {"domainNames": ["*.example.com", "a_b.example.com."]}
        ),
        egress(PODS, protocols=[{"destinationNamedPort": "http"}, tcp(range={"start": 80, "end": 81})]),
        policy(ingress=[], egress=[{"name": "n" * 100, "action": "Pass", "to": [PODS]}]),
    ],
)
def test_accepted_policies(served: Served, accepted: JsonObject) -> None:
    assert served.ask("POST", API, accepted).code == 201


def test_a_definition_that_somebody_applies_takes_over_until_it_is_deleted(served: Served) -> None:
    served.ask("POST", API, policy())
    definition = cluster_network_policy.definition()
    [version, _] = definition["spec"]["versions"]
    version |= {
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    own = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {**definition["metadata"], "annotations": APPROVED},
        "spec": {**definition["spec"], "versions": [version]},
    }
    assert served.ask("POST", DEFINITIONS, own).code == 201
    assert served.ask("GET", f"{API}/p").code == 200
    newer = policy(egress=[{"action": "Deny", "to": [{"serviceAccounts": {}}]}])
    assert served.ask("PUT", f"{API}/p", newer).code == 200
    assert served.ask("GET", API.replace("v1alpha2", "v1beta1")).code == 404
    served.store.remove(Key("customresourcedefinitions", "", cluster_network_policy.NAME))
    assert served.ask("POST", API, policy(tier="Middle")).code == 422


def test_what_no_data_plane_could_read_is_refused_whatever_the_definition_allows(served: Served) -> None:
    definition = cluster_network_policy.definition()
    for version in definition["spec"]["versions"]:
        version["schema"] = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    own = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", **definition}
    own["metadata"] = {**definition["metadata"], "annotations": APPROVED}
    assert served.ask("POST", DEFINITIONS, own).code == 201
    [cause] = causes(served.ask("POST", API, policy(tier="Middle")))
    assert "this cluster cannot enforce it" in cause["message"]


def causes(answer: Answer) -> list[JsonObject]:
    found: list[JsonObject] = answer.body["details"]["causes"]
    return found
