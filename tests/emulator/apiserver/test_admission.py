import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.apiserver.bootstrap import bootstrap
from netpol_harness.emulator.apiserver.errors import StatusError
from netpol_harness.emulator.store import Key, Store
from netpol_harness.model.json_object import JsonObject


@pytest.fixture
def store() -> Store:
    store = Store(now=lambda: datetime.now(UTC), new_uid=lambda: str(uuid.uuid4()))
    bootstrap(store)
    return store


def named(name: str = "x", **rest: Any) -> JsonObject:
    return {"metadata": {"name": name, "namespace": "default"}, **rest}


def pod(**spec: Any) -> JsonObject:
    return named(spec={"containers": [{"name": "a", "image": "nginx", "ports": [{"containerPort": 80}]}], **spec})


def service(name: str = "x", **spec: Any) -> JsonObject:
    return named(name, spec={"ports": [{"port": 80}], **spec})


def make(store: Store, resource: str, obj: JsonObject) -> JsonObject:
    return store.create(resource, admit(store, resource, obj))


def test_pod_defaults(store: Store) -> None:
    admitted = admit(store, "pods", pod())
    spec, container = admitted["spec"], admitted["spec"]["containers"][0]
    assert (admitted["kind"], admitted["apiVersion"]) == ("Pod", "v1")
    assert (spec["restartPolicy"], spec["dnsPolicy"], spec["terminationGracePeriodSeconds"]) == (
        "Always",
        "ClusterFirst",
        30,
    )
    assert spec["serviceAccountName"] == "default"
    assert (container["imagePullPolicy"], container["ports"][0]["protocol"]) == ("Always", "TCP")
    assert admitted["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


@pytest.mark.parametrize(
    ("spec", "types"),
    [
        ({}, ["Ingress"]),
        ({"ingress": [{}]}, ["Ingress"]),
        ({"egress": [{}]}, ["Ingress", "Egress"]),
        ({"egress": []}, ["Ingress"]),
        ({"policyTypes": ["Egress"]}, ["Egress"]),
    ],
)
def test_policy_types_default(store: Store, spec: JsonObject, types: list[str]) -> None:
    admitted = admit(store, "networkpolicies", named(spec={"podSelector": {}, **spec}))
    assert admitted["spec"]["policyTypes"] == types


def test_service_defaults_and_address(store: Store) -> None:
    spec = admit(store, "services", service())["spec"]
    assert spec["ports"] == [{"port": 80, "targetPort": 80, "protocol": "TCP"}]
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert spec["clusterIP"].startswith("10.96.")
    assert (spec["type"], spec["sessionAffinity"], spec["ipFamilies"]) == ("ClusterIP", "None", ["IPv4"])


def test_addresses_and_node_ports_are_never_assigned_twice(store: Store) -> None:
    specs = [make(store, "services", service(f"s{i}", type="NodePort"))["spec"] for i in range(40)]
    assert len({spec["clusterIP"] for spec in specs}) == 40
    ports = {spec["ports"][0]["nodePort"] for spec in specs}
    assert len(ports) == 40
    assert all(30000 <= port <= 32767 for port in ports)


def test_a_recreated_service_gets_its_address_back(store: Store) -> None:
    first = make(store, "services", service())["spec"]["clusterIP"]
    store.remove(Key("services", "default", "x"))
    assert make(store, "services", service())["spec"]["clusterIP"] == first


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"clusterIP": "10.96.0.1"}, "provided IP is already allocated"),
        ({"clusterIP": "10.96.0.10"}, "provided IP is already allocated"),
        ({"clusterIP": "192.0.2.1"}, "not in the valid range"),
        ({"clusterIP": "nonsense"}, "must be a valid IP address"),
        ({"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]}, "30000-32767"),
        ({"type": "NodePort", "clusterIP": "None"}, "may not be set to 'None'"),
    ],
)
def test_refused_addresses_and_ports(store: Store, spec: JsonObject, words: str) -> None:
    with pytest.raises(StatusError) as refusal:
        admit(store, "services", service(**spec))
    assert refusal.value.code == 422
    assert words in refusal.value.message


@pytest.mark.parametrize("address", ["10.96.0.2", "10.96.77.7", "None"])
def test_accepted_addresses(store: Store, address: str) -> None:
    spec = make(store, "services", service(clusterIP=address))["spec"]
    assert (spec["clusterIP"], spec["clusterIPs"]) == (address, [address])


def test_kube_dns_may_have_its_address(store: Store) -> None:
    dns = {"metadata": {"name": "kube-dns", "namespace": "kube-system"}}
    admitted = admit(store, "services", {**dns, "spec": {"clusterIP": "10.96.0.10", "ports": [{"port": 53}]}})
    assert admitted["spec"]["clusterIP"] == "10.96.0.10"


def test_an_update_keeps_address_and_node_port(store: Store) -> None:
    before = make(store, "services", service(type="NodePort"))
    after = admit(store, "services", service(type="NodePort"), before)
    assert after["spec"] == before["spec"]


def test_a_service_may_become_cluster_internal_and_external(store: Store) -> None:
    before = make(store, "services", service(type="NodePort"))
    internal = admit(store, "services", {**before, "spec": {**before["spec"], "type": "ClusterIP"}}, before)
    assert "nodePort" not in internal["spec"]["ports"][0]
    external = admit(store, "services", named(spec={"type": "ExternalName", "externalName": "example.com"}), before)
    assert "clusterIP" not in external["spec"]


def test_immutable_fields(store: Store) -> None:
    old_service, old_pod = make(store, "services", service()), make(store, "pods", pod())
    with pytest.raises(StatusError, match="may not change once set"):
        admit(store, "services", service(clusterIP="10.96.9.9"), old_service)
    with pytest.raises(StatusError, match="pod updates may not change fields"):
        admit(store, "pods", {**old_pod, "spec": {**old_pod["spec"], "restartPolicy": "Never"}}, old_pod)


def test_generation_counts_changes_of_the_spec(store: Store) -> None:
    policy = make(store, "networkpolicies", named(spec={"podSelector": {}}))
    labelled = admit(
        store, "networkpolicies", {**policy, "metadata": {**policy["metadata"], "labels": {"a": "b"}}}, policy
    )
    opened = admit(store, "networkpolicies", named(spec={"podSelector": {}, "ingress": [{}]}), policy)
    assert [each["metadata"]["generation"] for each in (policy, labelled, opened)] == [1, 1, 2]


def test_generated_names(store: Store) -> None:
    names = {
        admit(store, "configmaps", {"metadata": {"generateName": "a-", "namespace": "default"}})["metadata"]["name"]
        for _ in range(5)
    }
    assert len(names) == 5
    assert all(name.startswith("a-") and len(name) == 7 for name in names)


def test_namespaces_must_exist_and_not_be_terminating(store: Store) -> None:
    with pytest.raises(StatusError) as missing:
        admit(store, "configmaps", {"metadata": {"name": "x", "namespace": "nowhere"}})
    assert missing.value.code == 404
    key = Key("namespaces", "", "default")
    store.modify(key, lambda obj: {**obj, "metadata": {**obj["metadata"], "deletionTimestamp": store.timestamp()}})
    with pytest.raises(StatusError) as going:
        admit(store, "configmaps", named())
    assert (going.value.code, going.value.details["causes"][0]["reason"]) == (403, "NamespaceTerminating")


def test_secrets_accept_plain_text(store: Store) -> None:
    admitted = admit(store, "secrets", named(stringData={"a": "hello"}))
    assert admitted["data"] == {"a": "aGVsbG8="}
    assert "stringData" not in admitted


def test_the_input_is_not_changed(store: Store) -> None:
    given = pod()
    admit(store, "pods", given)
    assert given == pod()
