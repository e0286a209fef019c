"""A cluster of three nodes, as its users see it. Real packets."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.wellknown import EXTERNAL_HOST_ANNOTATION

pytestmark = pytest.mark.live

NODES = {"embedded": "192.0.2.1", "embedded-worker": "192.0.2.3", "embedded-worker2": "192.0.2.4"}
FIRST, SECOND, THIRD = NODES


def pod(name: str, node: str = "", *, port: int = 80, **spec: Any) -> dict[str, Any]:
    container = {
        "name": "c",
        "image": "agnhost",
        "args": ["netexec", f"--http-port={port}"],
        "ports": [{"containerPort": port, **spec.pop("declared", {})}],
        **spec.pop("container", {}),
    }
    annotations = spec.pop("annotations", {})
    bound = {"nodeName": node} if node else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}, "annotations": annotations},
        "spec": {"containers": [container], **bound, **spec},
    }


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, new_kubectl_for: Any) -> Iterator[Any]:
    """kubectl on a cluster of three nodes with ``server`` on the second, ``client`` on the first, ``user`` outside."""
    directory, backend = tmp_path_factory.mktemp("nodes"), EmbeddedBackend(nodes=3)
    made = backend.create("nodes", directory)
    kubectl = new_kubectl_for(made.kubeconfig)
    probe = {"httpGet": {"path": "/healthz", "port": 80}, "periodSeconds": 1}
    kubectl.run_pods(
        pod("client", FIRST),
        pod("server", SECOND, container={"readinessProbe": probe}),
        pod("user", annotations={EXTERNAL_HOST_ANNOTATION: ""}),
    )
    yield kubectl
    backend.delete(made.name, directory)
    assert (directory / "daemon.log").read_text() == ""


def source_seen(cluster: Any, source: str, target: str) -> str:
    """Return the address that a server sees when the pod asks it; empty if there is no answer."""
    done = cluster("exec", source, "--", "curl", "-sS", "-m", "5", f"http://{target}/clientip")
    return done.stdout.rpartition(":")[0] if done.returncode == 0 else ""


def service(name: str, app: str, node_port: int, **spec: Any) -> str:
    ports = [{"port": 80, "nodePort": node_port}]
    whole = {"type": "LoadBalancer", "selector": {"app": app}, "ports": ports, **spec}
    return json.dumps({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": whole})


def test_every_node_has_an_address_a_range_and_a_role_of_its_own(cluster: Any) -> None:
    nodes = {node["metadata"]["name"]: node for node in json.loads(cluster.ok("get", "nodes", "-o", "json"))["items"]}
    assert list(nodes) == list(NODES)
    for number, (name, node) in enumerate(nodes.items()):
        assert {"type": "InternalIP", "address": NODES[name]} in node["status"]["addresses"]
        assert node["spec"]["podCIDRs"] == [node["spec"]["podCIDR"]] == [f"10.244.{number}.0/24"]
        assert node["metadata"]["labels"]["kubernetes.io/hostname"] == name
        assert ("node-role.kubernetes.io/control-plane" in node["metadata"]["labels"]) == (name == FIRST)
    assert cluster.address("server").startswith("10.244.1.")
    assert cluster.field("server", "{.status.hostIP}") == NODES[SECOND]


def test_a_daemon_set_has_a_pod_on_every_node_and_in_its_network(cluster: Any) -> None:
    whole = pod("agent", port=9100, hostNetwork=True)
    template = {key: whole[key] for key in ("metadata", "spec")}
    spec = {"selector": {"matchLabels": {"app": "agent"}}, "template": template}
    daemons = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": spec}
    cluster.ok("create", "-f", "-", data=json.dumps(daemons))
    cluster.ok("rollout", "status", "daemonset/agent", "--timeout=10s")
    found = json.loads(cluster.ok("get", "pods", "-l", "app=agent", "-o", "json"))["items"]
    assert {p["spec"]["nodeName"]: p["status"]["podIP"] for p in found} == NODES
    for address in NODES.values():
        assert source_seen(cluster, "client", f"{address}:9100") == cluster.address("client")
        assert source_seen(cluster, "user", f"{address}:9100") == cluster.address("user")
    on_third = next(p["metadata"]["name"] for p in found if p["spec"]["nodeName"] == THIRD)
    assert source_seen(cluster, on_third, f"{cluster.address('server')}:80") == NODES[THIRD]
    cluster.ok("delete", "daemonset", "agent")


def test_a_host_port_is_one_of_a_single_node(cluster: Any) -> None:
    cluster.run_pods(pod("edge", THIRD, declared={"hostPort": 8081}))
    assert source_seen(cluster, "user", f"{NODES[THIRD]}:8081") == cluster.address("user")
    assert source_seen(cluster, "user", f"{NODES[FIRST]}:8081") == ""
    cluster.ok("delete", "pod", "edge")


def test_probes_come_from_the_pods_own_node(cluster: Any) -> None:
    """All ingress is closed, and the kubelet of the pod's node still finds it ready."""
    spec = {"podSelector": {"matchLabels": {"app": "guarded"}}, "policyTypes": ["Ingress"]}
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": spec}
    cluster.ok("create", "-f", "-", data=json.dumps(policy))
    probe = {"tcpSocket": {"port": 80}, "periodSeconds": 1, "failureThreshold": 1}
    cluster.run_pods(pod("guarded", THIRD, container={"readinessProbe": probe, "livenessProbe": probe}))
    assert source_seen(cluster, "client", f"{cluster.address('guarded')}:80") == ""
    cluster.ok("delete", "pod/guarded", "networkpolicy/p")


def test_a_load_balancer_leads_to_a_node_that_has_endpoints(cluster: Any) -> None:
    cluster.ok("create", "-f", "-", data=service("anywhere", "server", 30080))
    cluster.ok("create", "-f", "-", data=service("near", "server", 30081, externalTrafficPolicy="Local"))
    address = {
        name: cluster.ok("get", "service", name, "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}")
        for name in ("anywhere", "near")
    }
    assert source_seen(cluster, "user", f"{address['anywhere']}:80") == NODES[FIRST]
    assert source_seen(cluster, "user", f"{address['near']}:80") == cluster.address("user")
    assert source_seen(cluster, "client", f"{address['near']}:80") == cluster.address("client")
    cluster.run_pods({**pod("other", THIRD), "metadata": {"name": "other", "labels": {"app": "moved"}}})
    cluster.ok("patch", "service", "near", "-p", '{"spec": {"selector": {"app": "moved"}}}')
    assert source_seen(cluster, "user", f"{address['near']}:80") == cluster.address("user")
    cluster.ok("delete", "service/anywhere", "service/near", "pod/other")
    assert source_seen(cluster, "user", f"{address['near']}:80") == ""


def test_a_pod_that_fits_nowhere_waits_until_a_node_has_what_it_needs(cluster: Any) -> None:
    cluster.ok("create", "-f", "-", data=json.dumps(pod("waiting", nodeSelector={"disk": "ssd"})))
    cluster.wait_for("waiting", "{.status.conditions[0].reason}", "Unschedulable")
    assert "0/3 nodes are available: 3 node(s) didn't match" in cluster.ok("describe", "pod", "waiting")
    cluster.ok("label", "node", THIRD, "disk=ssd")
    cluster.ok("wait", "--for=condition=Ready", "--timeout=10s", "pod/waiting")
    assert cluster.field("waiting", "{.spec.nodeName}") == THIRD
    cluster.ok("delete", "pod", "waiting")


def test_a_cordoned_node_gets_no_pods(cluster: Any) -> None:
    cluster.ok("cordon", SECOND)
    cluster.ok("cordon", FIRST)
    cluster.run_pods(pod("a"), pod("b"))
    assert [cluster.field(name, "{.spec.nodeName}") for name in "ab"] == [THIRD, THIRD]
    cluster.ok("uncordon", FIRST, SECOND)
    cluster.ok("delete", "pod/a", "pod/b")


@pytest.fixture(scope="module")
def new_kubectl_for(kubectl: Any) -> Any:
    """Return a function that makes a kubectl for a kubeconfig."""

    def make(kubeconfig: Path) -> Any:
        return type(kubectl)(kubeconfig)

    return make
