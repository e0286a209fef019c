import pytest

from netpol_harness.model.name_server import KUBE_DNS, NameServer
from netpol_harness.model.names import NamespacedName, Port, Protocol

OPENSHIFT = NameServer(
    NamespacedName("openshift-dns", "dns-default"),
    {"dns.operator.openshift.io/daemonset-dns": "default"},
    5353,
    {"openshift.io/cluster-monitoring": "true"},
    cluster_ips=("172.30.0.10",),
)


def test_by_default_it_is_kube_dns() -> None:
    server = NameServer()
    assert server.service == KUBE_DNS
    assert server.pod.labels == {"k8s-app": "kube-dns"}
    assert server.front.selects("kube-system", server.pod.labels)
    assert (server.own_port, server.on_node) == (Port(Protocol.UDP, 53), False)


def test_its_pods_listen_where_they_say() -> None:
    assert OPENSHIFT.pod.numbers("dns", Protocol.UDP) == OPENSHIFT.pod.numbers("dns-tcp", Protocol.TCP) == {5353}
    assert {port.target for port in OPENSHIFT.front.ports} == {5353}
    assert {port.port.number for port in OPENSHIFT.front.ports} == {53}
    assert OPENSHIFT.front.cluster_ips == ("172.30.0.10",)
    assert OPENSHIFT.namespace.labels == {
        "openshift.io/cluster-monitoring": "true",
        "kubernetes.io/metadata.name": "openshift-dns",
    }


@pytest.mark.parametrize(("address", "on_node"), [("169.254.20.10", True), ("fe80::53", True), ("10.0.0.2", False)])
def test_a_link_local_address_is_on_the_pods_own_node(address: str, *, on_node: bool) -> None:
    server = NameServer(address=address, port=5353)
    assert server.on_node is on_node
    assert server.own_port == Port(Protocol.UDP, 53)


@pytest.mark.parametrize("server", [NameServer(), OPENSHIFT, NameServer(address="169.254.20.10")])
def test_json_keeps_it(server: NameServer) -> None:
    assert NameServer.from_json(server.as_json()) == server


def test_a_part_of_it_is_completed() -> None:
    assert NameServer.from_json({"namespace": "dns"}) == NameServer(NamespacedName("dns", "kube-dns"))
