from ipaddress import ip_network
from typing import Any

import pytest

from netpol_harness.model.services import Service, TrafficPolicy


def service(status: dict[str, Any] | None = None, **spec: Any) -> Service:
    return Service.parse({"metadata": {"name": "web"}, "spec": spec, "status": status})


def test_an_alias_has_a_name_and_nothing_else() -> None:
    alias = service(type="ExternalName", externalName="DB.example.com.", selector={"app": "x"}, clusterIP="10.96.0.9")
    assert (alias.external_name, alias.selector, alias.addresses) == ("db.example.com", None, ())


def test_addresses_outside_are_those_of_the_load_balancer_and_external_ips() -> None:
    ingress = [{"ip": "192.0.2.7"}, {"hostname": "lb.example.com"}, {"ip": "192.0.2.8", "ipMode": "Proxy"}]
    balanced = service(
        {"loadBalancer": {"ingress": ingress}},
        type="LoadBalancer",
        clusterIP="10.96.0.9",
        externalIPs=["203.0.113.1"],
        loadBalancerSourceRanges=[" 203.0.113.0/24 "],
    )
    assert balanced.outside_addresses == ("192.0.2.7", "203.0.113.1")
    assert balanced.load_balancer_proxies == ("lb.example.com", "192.0.2.8")
    assert balanced.addresses == ("10.96.0.9", "192.0.2.7", "203.0.113.1")
    assert balanced.source_ranges == (ip_network("203.0.113.0/24"),)


def test_a_headless_service_has_no_further_addresses() -> None:
    assert service(clusterIP="None", externalIPs=["203.0.113.1"]).addresses == ()


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [
        ({}, 0),
        ({"sessionAffinity": "None"}, 0),
        ({"sessionAffinity": "ClientIP"}, 10800),
        ({"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}}}, 60),
    ],
)
def test_affinity(spec: dict[str, Any], seconds: int) -> None:
    assert service(**spec).affinity_seconds == seconds


def test_traffic_policies() -> None:
    assert service().internal_policy is service().external_policy is TrafficPolicy.CLUSTER
    assert service(externalTrafficPolicy="Local").external_policy is TrafficPolicy.LOCAL
    assert service(internalTrafficPolicy="Local").internal_policy is TrafficPolicy.LOCAL
