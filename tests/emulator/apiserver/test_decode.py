from typing import Any

import pytest

from netpol_harness.emulator.apiserver.decode import decode, missing_fields
from netpol_harness.emulator.apiserver.errors import StatusError

POD = "io.k8s.api.core.v1.Pod"
POLICY = "io.k8s.api.networking.v1.NetworkPolicy"


def test_unknown_fields_are_reported_and_dropped() -> None:
    decoded = decode(POD, {"spec": {"containerz": [], "containers": [{"name": "a", "port": 1}]}})
    assert decoded.unknown == ["spec.containerz", "spec.containers[0].port"]
    assert decoded.object == {"spec": {"containers": [{"name": "a"}]}}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"spec": {"ingress": []}}, {"spec": {}}),
        ({"spec": {"ingress": None}}, {"spec": {}}),
        ({"spec": {"ingress": [{}]}}, {"spec": {"ingress": [{}]}}),
        ({"spec": {"ingress": [None]}}, {"spec": {"ingress": [{}]}}),
        ({"spec": {"podSelector": {}}}, {"spec": {"podSelector": {}}}),
        ({"spec": {"podSelector": {"matchLabels": {}}}}, {"spec": {"podSelector": {}}}),
        ({"spec": {"ingress": [{"from": []}]}}, {"spec": {"ingress": [{}]}}),
        ({"metadata": {"labels": {"a": None}}}, {"metadata": {"labels": {"a": ""}}}),
    ],
)
def test_absent_null_and_empty_are_as_on_the_wire(written: object, read: object) -> None:
    assert decode(POLICY, written).object == read


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"spec": []}, "cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec"),
        ({"spec": {"containers": {}}}, "object into Go struct field PodSpec.spec.containers of type []v1.Container"),
        ({"spec": {"hostNetwork": "yes"}}, "string into Go struct field PodSpec.spec.hostNetwork of type bool"),
        ({"spec": {"priority": 1 << 31}}, "of type int32"),
        ({"spec": {"priority": True}}, "cannot unmarshal bool"),
        (
            {"metadata": {"labels": {"a": 1}}},
            "number 1 into Go struct field ObjectMeta.metadata.labels.a of type string",
        ),
        ({"metadata": {"deletionTimestamp": "soon"}}, 'parsing time "soon"'),
        ({"spec": {"containers": [{"resources": {"limits": {"cpu": "much"}}}]}}, "quantities must match"),
        ([], "cannot unmarshal array into Go value of type v1.Pod"),
    ],
)
def test_a_wrong_type_is_a_bad_request(body: object, words: str) -> None:
    with pytest.raises(StatusError, match=r"json|time|quantities") as refusal:
        decode(POD, body)
    assert refusal.value.code == 400
    assert words in refusal.value.message


def test_numbers_and_strings_where_either_may_stand() -> None:
    ports = [{"port": 80}, {"port": "http"}]
    assert decode(POLICY, {"spec": {"ingress": [{"ports": ports}]}}).object["spec"]["ingress"][0]["ports"] == ports


def test_missing_required_fields() -> None:
    pod: dict[str, Any] = {"spec": {"containers": [{"ports": [{}]}]}}
    fields = [cause.field for cause in missing_fields(POD, pod)]
    assert fields == ["spec.containers[0].name", "spec.containers[0].ports[0].containerPort"]
