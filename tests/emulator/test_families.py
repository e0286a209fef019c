"""Clusters with IPv6, and with both families: what their pods have, see and reach."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.embedded.host import obstacle
from netpol_harness.ip_family import IpFamily

pytestmark = pytest.mark.live

SERVER = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "server", "labels": {"app": "server"}},
    "spec": {
        "containers": [
            {
                "name": "web",
                "image": "registry.k8s.io/e2e-test-images/agnhost:2.53",
                "args": ["netexec", "--http-port=80", "--udp-port=81"],
                "ports": [{"containerPort": 80}, {"containerPort": 81, "protocol": "UDP"}],
                "readinessProbe": {"httpGet": {"path": "/", "port": 80}},
                "env": [
                    {"name": "ALL", "valueFrom": {"fieldRef": {"fieldPath": "status.podIPs"}}},
                    {"name": "HOSTS", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIPs"}}},
                ],
            }
        ]
    },
}
CLIENT = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "client"},
    "spec": {"containers": [{"name": "c", "image": "registry.k8s.io/e2e-test-images/agnhost:2.53", "args": ["pause"]}]},
}
OUTSIDE = {
    **CLIENT,
    "metadata": {"name": "outside", "annotations": {"netpol-harness/external-host": ""}},
}


def service(name: str, **spec: Any) -> dict[str, Any]:
    ports = [{"name": "web", "port": 8080, "targetPort": 80}]
    base = {"selector": {"app": "server"}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {**base, **spec}}


@dataclass(frozen=True)
class Cluster:
    """A cluster's kubectl, and its IP versions, the primary one first."""

    kubectl: Any
    families: tuple[int, ...]


@pytest.fixture(scope="module", params=[IpFamily.IPV6, IpFamily.DUAL])
def cluster(
    request: pytest.FixtureRequest, new_kubectl: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    if missing := obstacle(request.param):
        pytest.skip(missing)
    directory, backend = tmp_path_factory.mktemp("families"), EmbeddedBackend(family=request.param)
    running = backend.create("families", directory)
    kubectl = new_kubectl(running.kubeconfig)
    prefer = {"ipFamilyPolicy": "PreferDualStack"}
    for data in (service("web", type="NodePort", **prefer), service("balanced", type="LoadBalancer", **prefer)):
        kubectl.ok("create", "-f", "-", data=json.dumps(data))
    kubectl.ok("create", "-f", "-", data=json.dumps(service("bare", clusterIP="None", **prefer)))
    kubectl.run_pods(SERVER, CLIENT, OUTSIDE)
    yield Cluster(kubectl, request.param.versions)
    backend.delete(running.name, directory)
    assert (directory / "daemon.log").read_text() == ""


def get(cluster: Cluster, kind: str, name: str) -> Any:
    return json.loads(cluster.kubectl.ok("get", kind, name, "-o", "json"))


def versions(addresses: list[str]) -> tuple[int, ...]:
    return tuple(6 if ":" in address else 4 for address in addresses)


def url(address: str, port: int) -> str:
    return f"http://[{address}]:{port}/" if ":" in address else f"http://{address}:{port}/"


def fetch(cluster: Cluster, pod: str, target: str) -> str:
    """Return the code of the answer."""
    return str(
        cluster.kubectl.ok("exec", pod, "--", "curl", "-sS", "-m", "3", "-o", "/dev/null", "-w", "%{http_code}", target)
    )


def test_pods_nodes_and_services_have_addresses_of_the_cluster_s_families(cluster: Cluster) -> None:
    status = get(cluster, "pod", "server")["status"]
    assert versions([entry["ip"] for entry in status["podIPs"]]) == cluster.families
    assert versions([entry["ip"] for entry in status["hostIPs"]]) == cluster.families
    assert status["podIP"] == status["podIPs"][0]["ip"]
    assert versions(get(cluster, "node", "embedded")["spec"]["podCIDRs"]) == cluster.families
    for name in ("web", "balanced"):
        assert versions(get(cluster, "service", name)["spec"]["clusterIPs"]) == cluster.families
    balanced = get(cluster, "service", "balanced")["status"]["loadBalancer"]["ingress"]
    assert versions([entry["ip"] for entry in balanced]) == cluster.families
    slices = get(cluster, "endpointslices", "-l=kubernetes.io/service-name=web")["items"]
    assert sorted(part["addressType"] for part in slices) == sorted(f"IPv{number}" for number in cluster.families)
    for part in slices:
        (address,) = part["endpoints"][0]["addresses"]
        assert f"IPv{versions([address])[0]}" == part["addressType"]
    kubernetes = get(cluster, "service", "kubernetes")["spec"]["clusterIPs"]
    assert versions(kubernetes) == cluster.families[:1], "the API is a Service of the primary family"


def test_a_pod_reaches_a_pod_a_service_a_node_and_itself_in_each_family(cluster: Cluster) -> None:
    pods = [entry["ip"] for entry in get(cluster, "pod", "server")["status"]["podIPs"]]
    web, node = get(cluster, "service", "web")["spec"], get(cluster, "node", "embedded")["status"]["addresses"]
    number = web["ports"][0]["nodePort"]
    targets = [url(address, 80) for address in pods] + [url(address, 8080) for address in web["clusterIPs"]]
    targets += [url(entry["address"], number) for entry in node if entry["type"] == "InternalIP"]
    balanced = get(cluster, "service", "balanced")["status"]["loadBalancer"]["ingress"]
    targets += [url(entry["ip"], 8080) for entry in balanced]
    assert len(targets) == 4 * len(cluster.families)
    for source in ("client", "server", "outside"):
        assert {target: fetch(cluster, source, target) for target in targets} == dict.fromkeys(targets, "200")


def test_datagrams_and_errors_are_of_each_family(cluster: Cluster) -> None:
    for entry in get(cluster, "pod", "server")["status"]["podIPs"]:
        script = f"echo hostname | nc -u -w 1 {entry['ip']} 81"
        assert "server" in cluster.kubectl.ok("exec", "client", "--", "sh", "-c", script)
        refused = cluster.kubectl("exec", "client", "--", "nc", "-vz", "-w", "2", entry["ip"], "99")
        assert "refused" in refused.stderr
    for nowhere in ("2001:db8:dead::1", "198.51.100.99"):
        if versions([nowhere])[0] in cluster.families:
            unreachable = cluster.kubectl("exec", "client", "--", "nc", "-vz", "-w", "2", nowhere, "80")
            assert "unreachable" in unreachable.stderr.lower() or "no route" in unreachable.stderr.lower()


def test_names_lead_to_the_addresses_of_their_families(cluster: Cluster) -> None:
    for name, known in (
        ("web", get(cluster, "service", "web")["spec"]["clusterIPs"]),
        ("bare", [entry["ip"] for entry in get(cluster, "pod", "server")["status"]["podIPs"]]),
    ):
        for version, database in ((4, "ahostsv4"), (6, "ahostsv6")):
            found = cluster.kubectl(
                "exec", "client", "--", "getent", database, f"{name}.default.svc.cluster.local"
            ).stdout
            addresses = {line.split()[0] for line in found.splitlines() if not line.startswith("::ffff:")}
            assert addresses == {address for address in known if versions([address]) == (version,)}
    assert fetch(cluster, "client", "http://web:8080/") == "200"
    resolver = cluster.kubectl.ok("exec", "client", "--", "cat", "/etc/resolv.conf").split()[1]
    assert versions([resolver]) == cluster.families[:1]


def test_a_pod_sees_its_addresses(cluster: Cluster) -> None:
    status = get(cluster, "pod", "server")["status"]
    own = [entry["ip"] for entry in status["podIPs"]]
    hosts = cluster.kubectl.ok("exec", "server", "--", "cat", "/etc/hosts").splitlines()
    assert [line.split("\t")[0] for line in hosts if line.endswith("\tserver")] == own
    environment = dict(line.split("=", 1) for line in cluster.kubectl.ok("exec", "server", "--", "env").splitlines())
    assert environment["ALL"] == ",".join(own)
    assert environment["HOSTS"] == ",".join(entry["ip"] for entry in status["hostIPs"])
    address = get(cluster, "service", "kubernetes")["spec"]["clusterIP"]
    assert environment["KUBERNETES_SERVICE_HOST"] == address
    assert environment["KUBERNETES_PORT"] == url(address, 443).replace("http", "tcp").rstrip("/")


def test_policies_judge_both_families(cluster: Cluster) -> None:
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "closed"},
        "spec": {"podSelector": {"matchLabels": {"app": "server"}}, "policyTypes": ["Ingress"]},
    }
    targets = [url(entry["ip"], 80) for entry in get(cluster, "pod", "server")["status"]["podIPs"]]
    targets += [url(address, 8080) for address in get(cluster, "service", "web")["spec"]["clusterIPs"]]
    cluster.kubectl.ok("create", "-f", "-", data=json.dumps(policy))
    try:
        for target in targets:
            blocked = cluster.kubectl("exec", "client", "--", "curl", "-sS", "-m", "0.3", target)
            assert "timed out" in blocked.stderr
            assert fetch(cluster, "server", target) == "200", "a pod reaches itself"
    finally:
        cluster.kubectl.ok("delete", "networkpolicy", "closed")
    assert {fetch(cluster, "client", target) for target in targets} == {"200"}


def test_the_api_is_reached_over_tls_at_its_service(cluster: Cluster) -> None:
    address = get(cluster, "service", "kubernetes")["spec"]["clusterIP"]
    target = url(address, 443).replace("http:", "https:") + "livez"
    assert cluster.kubectl.ok("exec", "client", "--", "curl", "-sSk", "-m", "5", target) == "ok"
