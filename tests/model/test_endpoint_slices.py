from typing import Any

import pytest

from netpol_harness.model.endpoint_slices import (
    EndpointSlice,
    SliceEndpoint,
    SlicePort,
    written_slices,
)
from netpol_harness.model.names import NamespacedName, Protocol
from netpol_harness.model.services import Service
from netpol_harness.wellknown import SERVICE_NAME_LABEL

NAME = NamespacedName("shop", "db")


def written(labels: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    owned = {SERVICE_NAME_LABEL: "db"} if labels is None else labels
    return {"metadata": {"name": "db-1", "namespace": "shop", "labels": owned}, **fields}


def endpoints(**metadata: Any) -> dict[str, Any]:
    subset = {
        "addresses": [{"ip": "10.0.0.1", "hostname": "a", "nodeName": "n"}],
        "notReadyAddresses": [{"ip": "10.0.0.2"}],
        "ports": [{"name": "sql", "port": 3306}],
    }
    return {"metadata": {"name": "db", "namespace": "shop", **metadata}, "subsets": [subset]}


def service(**spec: Any) -> Service:
    return Service.parse({"metadata": {"name": "db", "namespace": "shop"}, "spec": {"ports": [{"port": 1}], **spec}})


def test_a_slice_has_ports_with_numbers_and_endpoints_with_addresses() -> None:
    parsed = EndpointSlice.parse(
        written(
            ports=[{"port": 53, "protocol": "UDP", "name": "dns"}, {"name": "none"}, {"port": 80}],
            endpoints=[
                {"addresses": ["10.0.0.1", "10.0.0.2"], "hostname": "a", "nodeName": "n", "conditions": None},
                {"addresses": []},
                {"addresses": ["fd00::1"], "conditions": {"ready": False, "serving": True, "terminating": True}},
                {"addresses": ["10.0.0.3"], "conditions": {"ready": False, "terminating": True}},
            ],
        )
    )
    assert parsed is not None
    assert (parsed.ref, parsed.service) == (NamespacedName("shop", "db-1"), NAME)
    assert parsed.ports == (SlicePort("dns", Protocol.UDP, 53), SlicePort("", Protocol.TCP, 80))
    assert parsed.endpoints == (
        SliceEndpoint(("10.0.0.1", "10.0.0.2"), hostname="a", node="n"),
        SliceEndpoint(("fd00::1",), ready=False, draining=True),
        SliceEndpoint(("10.0.0.3",), ready=False),
    )


@pytest.mark.parametrize(
    "data",
    [
        written({}),
        written(None, addressType="FQDN"),
        written(
            {SERVICE_NAME_LABEL: "db", "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
        ),
    ],
    ids=["no service", "names", "of pods"],
)
def test_slices_that_say_nothing_more_are_left_out(data: dict[str, Any]) -> None:
    assert EndpointSlice.parse(data) is None


def test_endpoints_are_mirrored() -> None:
    (mirrored,) = written_slices((), [endpoints()], [service()])
    assert mirrored.mirrored
    assert (mirrored.ref, mirrored.service) == (NAME, NAME)
    assert mirrored.ports == (SlicePort("sql", Protocol.TCP, 3306),)
    assert mirrored.endpoints == (
        SliceEndpoint(("10.0.0.1",), hostname="a", node="n"),
        SliceEndpoint(("10.0.0.2",), ready=False),
    )


@pytest.mark.parametrize(
    ("metadata", "spec"),
    [
        ({}, {"selector": {"app": "db"}}),
        ({}, {"type": "ExternalName", "externalName": "a.example.com"}),
        ({"name": "other"}, {}),
        ({"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}}, {}),
        ({"annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}}, {}),
    ],
    ids=["selector", "alias", "no service", "skipped", "a lock"],
)
def test_endpoints_without_their_own_service_are_not_mirrored(metadata: dict[str, Any], spec: dict[str, Any]) -> None:
    assert written_slices((), [endpoints(**metadata)], [service(**spec)]) == ()
