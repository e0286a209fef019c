from ipaddress import ip_address
from typing import Any

from netpol_harness.emulator.address_plan import IPV4


def balanced(name: str = "web", **spec: Any) -> dict[str, Any]:
    ports = [{"port": 80}]
    return {"metadata": {"name": name}, "spec": {"type": "LoadBalancer", "ports": ports, **spec}}


def ingress(cluster: Any, name: str = "web") -> list[str]:
    return [entry["ip"] for entry in cluster.status("services", name)["loadBalancer"].get("ingress", ())]


def test_a_load_balancer_has_an_address_of_its_own(cluster: Any) -> None:
    cluster.create("services", balanced())
    cluster.create("services", balanced("api"))
    (web,), (api,) = ingress(cluster), ingress(cluster, "api")
    assert web != api
    assert {ip_address(web) in IPV4.load_balancers, ip_address(api) in IPV4.load_balancers} == {True}


def test_a_requested_address_is_given_if_it_is_free(cluster: Any) -> None:
    for name in ("web", "api"):
        cluster.create("services", balanced(name, loadBalancerIP="192.0.2.150"))
    assert ingress(cluster) == ["192.0.2.150"]
    assert len(ingress(cluster, "api")) == 1
    assert ingress(cluster, "api") != ["192.0.2.150"]
    cluster.create("services", balanced("far", loadBalancerIP="198.51.100.1"))
    assert ingress(cluster, "far") != ["198.51.100.1"]


def test_the_address_is_given_back_with_the_type(cluster: Any) -> None:
    cluster.create("services", balanced(loadBalancerIP="192.0.2.150"))
    cluster.change("services", "web", type="ClusterIP")
    assert ingress(cluster) == []


def test_services_of_other_load_balancers_are_left_alone(cluster: Any) -> None:
    cluster.create("services", balanced(loadBalancerClass="example.com/own"))
    assert ingress(cluster) == []


def test_services_wait_for_an_address_while_none_is_free(cluster: Any) -> None:
    count = IPV4.load_balancers.num_addresses - 2
    for number in range(count + 1):
        cluster.create("services", balanced(f"web-{number}"))
    last = f"web-{count}"
    assert ingress(cluster, last) == []
    cluster.delete("services", "web-0")
    assert len(ingress(cluster, last)) == 1
