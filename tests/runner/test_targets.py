from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from netpol_harness.errors import WorkloadFailed
from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.paths.expectations import resolve
from netpol_harness.paths.grammar import parse
from netpol_harness.paths.outcome import Expected
from netpol_harness.probe.plan.question import UdpService
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.runner.targets import ResolvedProbe, resolve_probes
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Scenario
from netpol_harness.wellknown import EXTERNAL_HOST_ANNOTATION, NODE_POD_ANNOTATION


def pod(namespace: str, name: str, address: str, **metadata: Any) -> dict[str, Any]:
    """Return a running pod as the API server shows it; ``ports`` are those of its container."""
    ports = metadata.pop("ports", [])
    return {
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, **metadata},
        "spec": {"containers": [{"ports": ports}], "nodeName": "n1"},
        "status": {"phase": "Running", "podIPs": [{"ip": address}], "hostIP": "192.0.2.1"},
    }


def service(name: str, selector: dict[str, str], address: str, port: dict[str, Any], **spec: str) -> dict[str, Any]:
    return {
        "kind": "Service",
        "metadata": {"namespace": "shop-x1", "name": name},
        "spec": {"selector": selector, "clusterIP": address, "ports": [port], **spec},
    }


def replica(name: str, address: str) -> dict[str, Any]:
    owner = {"kind": "ReplicaSet", "name": "db-5d4f", "controller": True}
    return pod("shop-x1", name, address, ownerReferences=[owner], labels={"app": "db", "pod-template-hash": "5d4f"})


API: list[dict[str, Any]] = [
    {
        "kind": "Service",
        "metadata": {"namespace": "default", "name": "kubernetes"},
        "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "targetPort": 6443}]},
    },
    {
        "kind": "EndpointSlice",
        "metadata": {
            "namespace": "default",
            "name": "kubernetes",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "ports": [{"name": "https", "port": 6443}],
        "endpoints": [{"addresses": ["172.18.0.2"]}],
    },
]
EDGE = {
    **service("edge", {"app": "web"}, "10.96.0.8", {"port": 443, "targetPort": "http"}, type="LoadBalancer"),
    "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.130"}]}},
}
LIVE = [
    pod("shop-x1", "web", "10.0.0.1", labels={"app": "web"}, ports=[{"name": "http", "containerPort": 80}]),
    pod("shop-x1", "client", "10.0.0.2", labels={"app": "client"}),
    replica("db-5d4f-aaaaa", "10.0.0.3"),
    replica("db-5d4f-bbbbb", "10.0.0.4"),
    pod("shop-x1", "db-5d4f-leaving", "10.0.0.9", deletionTimestamp="now", labels={"app": "db"}),
    pod("hosts-x1", "user", "203.0.113.10", annotations={EXTERNAL_HOST_ANNOTATION: ""}),
    pod("nodes-x1", "n1", "192.0.2.1", annotations={NODE_POD_ANNOTATION: "n1"}),
    pod("kube-system", "dns", "10.0.0.53", labels={"k8s-app": "kube-dns"}),
    service("web", {"app": "web"}, "10.96.0.7", {"port": 8080, "targetPort": "http"}),
    service("db", {"app": "db"}, "None", {"port": 3306}),
    EDGE,
]


@pytest.fixture
def snapshot() -> ClusterSnapshot:
    """The live objects of the shop, in namespaces of the run."""
    return ClusterSnapshot.of(LIVE, Placement({"shop": "shop-x1", "external-hosts": "hosts-x1"}))


@pytest.fixture
def resolve_path(shop: Scenario, snapshot: ClusterSnapshot) -> Callable[..., tuple[ResolvedProbe, ...]]:
    """Return a function that resolves a path, written as in scenario.yaml."""
    return lambda text, expected="blocked", among=snapshot: _resolve(shop, among, text, expected)


def _resolve(shop: Scenario, snapshot: ClusterSnapshot, text: str, expected: str) -> tuple[ResolvedProbe, ...]:
    sentence = parse(text, Expected(expected), Place("test", 1))
    assert not isinstance(sentence, Problem), sentence
    (expectation,), problems = resolve([sentence], shop.inventory)
    assert not problems
    return resolve_probes(expectation, snapshot)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("client -> service(web):8080", "web:8080"),
        ("client -> web.shop.svc:8080", "web.shop-x1.svc.cluster.local:8080"),
        ("client -> ip(web):8080", "10.96.0.7:8080"),
        ("client -> pod(web):80", "10.0.0.1:80"),
        ("client -> http://pod(web):80", "10.0.0.1:80"),
        ("client -> node(web):30080", "192.0.2.1:30080"),
        ("client -> 198.51.100.1:443", "198.51.100.1:443"),
        ("client -> icmp://pod(web)", "10.0.0.1"),
        ("client -> lb(edge):443", "192.0.2.130:443"),
        ("user -> lb(edge):443", "192.0.2.130:443"),
        ("user -> service(web):8080", "10.0.0.1:80"),
        ("user -> ip(web):8080", "10.96.0.7:8080"),
    ],
)
def test_the_host_and_port_of_each_kind_of_target(
    resolve_path: Callable[..., tuple[ResolvedProbe, ...]], path: str, target: str
) -> None:
    (resolved_probe,) = resolve_path(path, "undefined")
    assert resolved_probe.target == target


def test_every_pod_of_a_workload_is_probed(resolve_path: Callable[..., tuple[ResolvedProbe, ...]]) -> None:
    assert [resolved_probe.target for resolved_probe in resolve_path("client -> pod(db):3306")] == [
        "10.0.0.3:3306",
        "10.0.0.4:3306",
    ]
    sources = [resolved_probe.source for resolved_probe in resolve_path("db -> pod(web):80")]
    assert sources == ["shop-x1/db-5d4f-aaaaa", "shop-x1/db-5d4f-bbbbb"]


def test_the_pods_of_a_workload_probe_each_other_and_never_themselves(
    resolve_path: Callable[..., tuple[ResolvedProbe, ...]],
) -> None:
    probes = [(resolved_probe.source, resolved_probe.target) for resolved_probe in resolve_path("db -> pod(db):3306")]
    assert probes == [("shop-x1/db-5d4f-aaaaa", "10.0.0.4:3306"), ("shop-x1/db-5d4f-bbbbb", "10.0.0.3:3306")]
    (own,) = resolve_path("web -> pod(web):80")  # a Pod that its author asks about itself
    assert own.target == "10.0.0.1:80"


@pytest.mark.parametrize(
    ("path", "probes"),
    [
        ("db/1 -> pod(web):80", ["db-5d4f-bbbbb 10.0.0.1:80"]),
        ("client -> pod(db/0):3306", ["client 10.0.0.3:3306"]),
        ("db -> pod(db/0):3306", ["db-5d4f-bbbbb 10.0.0.3:3306"]),
        ("db/0 -> pod(db):3306", ["db-5d4f-aaaaa 10.0.0.4:3306"]),
        ("db/1 -> pod(db/0):3306", ["db-5d4f-bbbbb 10.0.0.3:3306"]),
        ("node(web) -> pod(db/0):3306", ["n1 10.0.0.3:3306"]),
        ("node(db) -> pod(web):80", ["n1 10.0.0.1:80"]),
        # nodes do not use the cluster's name server
        ("node(web) -> service(web):8080", ["n1 10.96.0.7:8080"]),
        ("node(web) -> web.shop.svc:8080", ["n1 10.96.0.7:8080"]),
        ("node(web) -> service(db):3306", ["n1 10.0.0.3:3306", "n1 10.0.0.4:3306"]),
    ],
)
def test_one_replica_or_a_node_probes_or_is_probed(
    resolve_path: Callable[..., tuple[ResolvedProbe, ...]], path: str, probes: list[str]
) -> None:
    resolved = resolve_path(path, "undefined")
    assert [f"{probe.source.partition('/')[2]} {probe.target}" for probe in resolved] == probes


def test_the_servers_of_the_cluster_are_probed_at_its_own_addresses(
    resolve_path: Callable[..., tuple[ResolvedProbe, ...]],
) -> None:
    """Namespace default may be placed; the API server's Service is where it always is."""
    placement = Placement({"shop": "shop-x1", "default": "default-x1"})
    server = NameServer(cluster_ips=("10.96.0.10",))
    snapshot = ClusterSnapshot.of([*LIVE, *API], placement, server)
    (api,) = resolve_path("client -> api", "blocked", snapshot)
    assert (api.target, api.question.liveness_checks) == ("10.96.0.1:443", ())
    (by_name,) = resolve_path("client -> default/kubernetes:443", "blocked", snapshot)
    assert by_name.target == "kubernetes.default:443"
    assert by_name.question.probe.addresses == {"10.96.0.1"}
    assert snapshot.addresses.api_sockets == (("172.18.0.2", 6443),)
    assert snapshot.addresses.api_addresses == ("10.96.0.1",)
    assert set(snapshot.addresses.nodes.values()) == {("192.0.2.1",)}
    (dns,) = resolve_path("client -> dns", "blocked", snapshot)
    assert dns.target == "10.96.0.10:53"
    assert [str(probe) for _, probe in dns.question.liveness_checks] == ["udp://10.0.0.53:53"]
    assert dns.question.proxy_pods
    (over_tcp,) = resolve_path("node(web) -> tcp://dns", "blocked", snapshot)
    assert (over_tcp.source, over_tcp.target) == ("nodes-x1/n1", "10.96.0.10:53")
    assert [str(probe) for _, probe in over_tcp.question.liveness_checks] == ["tcp://10.0.0.53:53"]


@pytest.mark.parametrize(
    ("ingress", "target"),
    [
        ({"hostname": "shop.elb.example.com"}, "shop.elb.example.com:443"),
        ({"ip": "192.0.2.131", "ipMode": "Proxy"}, "192.0.2.131:443"),
        ({"ip": "192.0.2.132", "hostname": "shop.elb.example.com"}, "192.0.2.132:443"),
    ],
)
def test_a_load_balancer_outside_is_probed_by_the_name_or_address_that_it_reports(
    resolve_path: Callable[..., tuple[ResolvedProbe, ...]],
    snapshot: ClusterSnapshot,
    ingress: dict[str, str],
    target: str,
) -> None:
    outside = {**EDGE, "status": {"loadBalancer": {"ingress": [ingress]}}}
    cloud = ClusterSnapshot.of([outside if data is EDGE else data for data in LIVE], snapshot.placement)
    (probe,) = resolve_path("client -> lb(edge):443", "allowed", cloud)
    assert probe.target == target


def test_a_service_that_has_no_load_balancer_yet_says_so(
    resolve_path: Callable[..., tuple[ResolvedProbe, ...]], snapshot: ClusterSnapshot
) -> None:
    early = ClusterSnapshot.of([{**data, "status": {}} if data is EDGE else data for data in LIVE], snapshot.placement)
    with pytest.raises(WorkloadFailed, match=r"shop-x1/edge has no load balancer yet .* such as MetalLB"):
        resolve_path("client -> lb(edge):443", "allowed", early)


def test_a_name_server_that_nobody_has_found_has_no_address(
    resolve_path: Callable[..., tuple[ResolvedProbe, ...]],
) -> None:
    with pytest.raises(WorkloadFailed, match="the address of the name server kube-system/kube-dns is not known"):
        resolve_path("client -> dns", "blocked")


def test_a_pod_or_a_node_that_is_missing_says_so(
    resolve_path: Callable[..., tuple[ResolvedProbe, ...]], snapshot: ClusterSnapshot
) -> None:
    names = ("db-5d4f-bbbbb", "n1")
    fewer = ClusterSnapshot.of([o for o in LIVE if o["metadata"]["name"] not in names], snapshot.placement)
    with pytest.raises(WorkloadFailed, match="shop/db has no running pod 1; see `kubectl -n shop-x1 get pods`"):
        resolve_path("client -> pod(db/1):3306", "allowed", fewer)
    with pytest.raises(WorkloadFailed, match="no pod of the harness runs on the network of node n1"):
        resolve_path("node(web) -> pod(web):80", "allowed", fewer)


def test_a_workload_of_which_one_pod_is_left_is_not_probed_from_itself(
    resolve_path: Callable[..., tuple[ResolvedProbe, ...]], snapshot: ClusterSnapshot
) -> None:
    one = ClusterSnapshot.of([o for o in LIVE if o["metadata"]["name"] != "db-5d4f-bbbbb"], snapshot.placement)
    with pytest.raises(WorkloadFailed, match="has one running pod, and a path to itself is probed between two"):
        resolve_path("db -> pod(db):3306", "allowed", one)


@pytest.mark.parametrize(
    ("path", "liveness_checks"),
    [
        ("client -> service(web):8080", ["shop-x1/web tcp://10.0.0.1:80"]),
        ("client -> http://service(web):8080", ["shop-x1/web http://10.0.0.1:80"]),
        ("client -> ip(web):8080", ["shop-x1/web tcp://10.0.0.1:80"]),
        ("client -> pod(web):80", ["shop-x1/web tcp://10.0.0.1:80"]),
        ("client -> lb(edge):443", ["shop-x1/web tcp://10.0.0.1:80"]),
        (
            "client -> service(db):3306",
            ["shop-x1/db-5d4f-aaaaa tcp://10.0.0.3:3306", "shop-x1/db-5d4f-bbbbb tcp://10.0.0.4:3306"],
        ),
        ("client -> 10.0.0.1:80", ["shop-x1/web tcp://10.0.0.1:80"]),
        ("client -> 10.96.0.7:8080", ["shop-x1/web tcp://10.0.0.1:80"]),
        ("client -> 198.51.100.1:443", []),
    ],
)
def test_liveness_checks_probe_the_pods_that_should_answer_from_inside(
    resolve_path: Callable[..., tuple[ResolvedProbe, ...]], path: str, liveness_checks: list[str]
) -> None:
    (resolved_probe,) = resolve_path(path)
    assert [f"{ref} {probe}" for ref, probe in resolved_probe.question.liveness_checks] == liveness_checks


@pytest.mark.parametrize(
    ("image", "args", "path", "udp_service"),
    [
        ("registry.example/agnhost:2.53", ["netexec", "--udp-port=53"], "client -> udp://10.0.0.1:53", UdpService.ECHO),
        ("agnhost", ["netexec", "--udp-port", "53"], "client -> udp://10.0.0.1:53", UdpService.ECHO),
        ("agnhost", ["netexec"], "client -> udp://10.0.0.1:53", None),
        ("agnhost", ["netexec"], "client -> udp://10.0.0.1:8081", UdpService.ECHO),
        ("coredns/coredns:1.11", [], "client -> udp://10.96.0.7:5353", UdpService.DNS),
        ("registry.k8s.io/dns/k8s-dns-node-cache:1.26", [], "client -> udp://10.0.0.1:1053", UdpService.DNS),
        ("me/bindings", [], "client -> udp://10.0.0.1:1053", None),
    ],
)
def test_udp_probes_use_the_protocol_of_the_target(
    resolve_path: Callable[..., tuple[ResolvedProbe, ...]],
    image: str,
    args: list[str],
    path: str,
    udp_service: UdpService | None,
) -> None:
    web = pod("shop-x1", "web", "10.0.0.1", labels={"app": "web"})
    ports = [{"containerPort": 1053, "protocol": "UDP"}]
    web["spec"]["containers"] = [{"name": "c", "image": image, "args": args, "ports": ports}]
    udp = {"port": 5353, "targetPort": 1053, "protocol": "UDP"}
    live = [web, LIVE[1], service("web", {"app": "web"}, "10.96.0.7", udp)]
    snapshot = ClusterSnapshot.of(live, Placement({"shop": "shop-x1", "external-hosts": "hosts-x1"}))
    (resolved_probe,) = resolve_path(path, "allowed", snapshot)
    assert resolved_probe.question.probe.udp_service is udp_service
    assert [probe.udp_service for _, probe in resolved_probe.question.liveness_checks] == [udp_service]


def test_the_liveness_check_of_a_second_address_probes_that_address(shop: Scenario) -> None:
    both = pod("shop-x1", "web", "10.0.0.1", ports=[{"containerPort": 80}])
    both["status"]["podIPs"].append({"ip": "10.7.0.1"})
    sentence = parse("client -> 10.7.0.1:80", Expected.BLOCKED, Place("test", 1))
    assert not isinstance(sentence, Problem)
    (expectation,), _ = resolve([sentence], shop.inventory)
    live = [data for data in LIVE if data["metadata"]["name"] != "web"]
    (resolved_probe,) = resolve_probes(
        expectation, ClusterSnapshot.of([*live, both], Placement({"shop": "shop-x1", "external-hosts": "hosts-x1"}))
    )
    assert [str(probe) for _, probe in resolved_probe.question.liveness_checks] == ["tcp://10.7.0.1:80"]


def test_the_liveness_check_of_an_unresolved_name_probes_the_name_server(
    resolve_path: Callable[..., tuple[ResolvedProbe, ...]],
) -> None:
    (resolved_probe,) = resolve_path("client -> service(web):8080", "unresolved")
    assert [f"{ref} {probe}" for ref, probe in resolved_probe.question.liveness_checks] == [
        "kube-system/dns udp://10.0.0.53:53"
    ]


def test_pods_of_the_scenario_are_proxies_for_the_name_server_only(
    resolve_path: Callable[..., tuple[ResolvedProbe, ...]],
) -> None:
    (resolved_probe,) = resolve_path("client -> service(web):8080", "unresolved")
    pods = ["shop-x1/client", "shop-x1/db-5d4f-aaaaa", "shop-x1/db-5d4f-bbbbb", "shop-x1/web"]
    assert [str(ref) for ref in resolved_probe.question.proxy_pods] == pods
    (resolved_probe,) = resolve_path("client -> service(web):8080", "blocked")
    assert resolved_probe.question.proxy_pods == ()


def test_the_name_of_an_absent_service_can_be_probed_if_it_may_be_unresolved(
    resolve_path: Callable[..., tuple[ResolvedProbe, ...]],
) -> None:
    without = ClusterSnapshot.of([data for data in LIVE if data["kind"] != "Service"], Placement({"shop": "shop-x1"}))
    for expected in ("unresolved", "undefined"):
        (resolved_probe,) = resolve_path("client -> service(web):8080", expected, without)
        assert resolved_probe.target == "web:8080"
    for path in ("client -> service(web):8080", "client -> ip(web):8080"):
        with pytest.raises(WorkloadFailed, match="Service shop/web does not exist; see `kubectl -n shop-x1 get"):
            resolve_path(path, "blocked", without)


def test_a_missing_pod_is_an_error_that_names_it(shop: Scenario) -> None:
    sentence = parse("client -> pod(web):80", Expected.ALLOWED, Place("test", 1))
    assert not isinstance(sentence, Problem)
    (expectation,), _ = resolve([sentence], shop.inventory)
    with pytest.raises(WorkloadFailed, match="shop/client has no running pod"):
        resolve_probes(expectation, ClusterSnapshot.of([], Placement({})))


def test_workloads_of_one_pod_and_hosts_have_an_address(snapshot: ClusterSnapshot) -> None:
    assert snapshot.addresses.hosts["user"] == ("203.0.113.10",)
    assert NamespacedName("shop", "web") in snapshot.addresses.pods
    assert NamespacedName("shop", "db") not in snapshot.addresses.pods


@pytest.mark.parametrize(
    ("path", "addresses"),
    [
        ("client -> service(web):8080", {"10.96.0.7"}),
        ("client -> http://web.shop.svc:8080", {"10.96.0.7"}),
        ("client -> service(db):3306", {"10.0.0.3", "10.0.0.4"}),
        ("client -> ip(web):8080", set()),
        ("client -> pod(web):80", set()),
        ("throughout client -> service(web):8080", set()),
    ],
)
def test_the_addresses_of_a_name_are_those_of_the_service_or_of_its_pods(
    resolve_path: Callable[..., tuple[ResolvedProbe, ...]], path: str, addresses: set[str]
) -> None:
    assert resolve_path(path, "undefined")[0].question.probe.addresses == addresses


def slice_of(name: str, readiness: str) -> dict[str, Any]:
    """Return the EndpointSlice of a Service: ``+`` for a ready endpoint, ``-`` for another one."""
    metadata = {"namespace": "shop-x1", "name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}}
    endpoints = [
        {"addresses": [f"10.0.0.{i}"], "conditions": {"ready": mark == "+"}} for i, mark in enumerate(readiness, 1)
    ]
    return {"kind": "EndpointSlice", "metadata": metadata, "endpoints": endpoints}


@pytest.mark.parametrize(
    ("path", "expected", "objects", "unready", "idle"),
    [
        ("client -> service(web):8080", "rejected", [*LIVE, slice_of("web", "-")], "web", True),
        ("client -> ip(web):8080", "rejected", [*LIVE, slice_of("web", "")], "web", True),
        ("client -> ip(web):8080", "rejected", LIVE[1:], "", True),
        ("client -> service(web):8080", "rejected", [*LIVE, slice_of("web", "-+")], "web", False),
        ("client -> service(web):8080", "rejected", LIVE, "", False),
        ("client -> service(web):8080", "rejected", [*LIVE, slice_of("web", "-")], "", False),
        ("client -> ip(web):8080", "rejected", [*LIVE, slice_of("web", "")], "client", False),
        ("client -> service(web):8080", "blocked", [*LIVE, slice_of("web", "-")], "web", False),
        ("client -> pod(web):80", "rejected", [*LIVE, slice_of("web", "-")], "web", False),
        ("client -> service(db):3306", "rejected", [*LIVE, slice_of("db", "-")], "db", False),
    ],
)
def test_a_service_is_idle_if_nothing_behind_it_should_be_ready(
    resolve_path: Callable[..., tuple[ResolvedProbe, ...]],
    path: str,
    expected: str,
    objects: list[dict[str, Any]],
    unready: str,
    *,
    idle: bool,
) -> None:
    live = ClusterSnapshot.of(objects, Placement({"shop": "shop-x1", "external-hosts": "hosts-x1"}))
    live = replace(live, unready=frozenset({NamespacedName("shop-x1", unready)}))
    (first, *_) = resolve_path(path, expected, live)
    assert first.question.is_idle is idle
    assert first.question.only_policies_close_it is not idle
