from collections.abc import Callable
from pathlib import Path

import pytest

from netpol_harness.analysis.predict import Predictor
from netpol_harness.analysis.route import Route
from netpol_harness.model.names import NamespacedName
from netpol_harness.oracle.verdict import Flow, Host
from netpol_harness.paths.path import KnownAddresses
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

Shop = Callable[..., Scenario]
SERVER = "kube-system/kube-dns 53/UDP through kube-system/kube-dns"


def describe(flow: Flow) -> str:
    """``shop/web -> back/db 5432/TCP``, and the Service that translated it."""
    ends = [end.address or "outside" if isinstance(end, Host) else str(end) for end in (flow.source, flow.destination)]
    through = f" through {flow.through}" if flow.through else ""
    return f"{ends[0]} -> {ends[1]} {flow.port}{through}{', forwarded' if flow.forwarded else ''}"


@pytest.mark.parametrize(
    ("path", "lookups", "connections"),
    [
        ("idle -> ip(front):80", 0, ["shop/idle -> shop/web 8080/TCP through shop/front"]),
        ("db -> front:80", 1, ["back/db -> shop/web 8080/TCP through shop/front"]),
        ("web -> store:5432", 1, ["shop/web -> back/db 5432/TCP"]),
        ("web -> store.back.svc.cluster.local:5432", 1, ["shop/web -> back/db 5432/TCP"]),
        ("user -> http://front:80", 0, ["outside -> shop/web 8080/TCP"]),
        ("partner -> db:5432", 0, ["203.0.113.7 -> back/db 5432/TCP"]),
        ("web -> partner:443", 0, ["shop/web -> 203.0.113.7 443/TCP"]),
        ("web -> 203.0.113.7:443", 0, ["shop/web -> 203.0.113.7 443/TCP"]),
        ("web -> icmp://db", 0, ["shop/web -> back/db 0/ICMP"]),
        ("web -> node(web):30080", 0, ["shop/web -> shop/web 8080/TCP through shop/front, forwarded"]),
        ("partner -> node(web):30080", 0, ["203.0.113.7 -> shop/web 8080/TCP through shop/front, forwarded"]),
        ("user -> ip(front):80", 0, ["outside -> shop/web 8080/TCP through shop/front, forwarded"]),
    ],
)
def test_the_flows_of_a_path(shop: Shop, path: str, lookups: int, connections: list[str]) -> None:
    scenario = shop(paths=f"'{path}': undefined")
    step = scenario.steps[-1]
    route = Predictor(scenario, step).route(step.expectations[0].path)
    servers = [describe(flow) for flow in route.lookups]
    assert [text.partition(" -> ")[2] for text in servers] == [SERVER] * lookups
    assert [describe(flow) for flow in route.connections] == connections


@pytest.mark.parametrize(
    ("path", "connections"),
    [("partner -> node(web):30080", ["203.0.113.7 -> shop/web 8080/TCP"]), ("idle -> node(web):30080", [])],
)
def test_a_port_of_a_node_that_keeps_an_outsiders_address(
    shop: Shop, tmp_path: Path, path: str, connections: list[str]
) -> None:
    shop(paths=f"'{path}': undefined")
    workloads = tmp_path / "workloads.yaml"
    local = "{type: NodePort, externalTrafficPolicy: Local,"
    workloads.write_text(workloads.read_text().replace("{type: NodePort,", local))
    scenario = load(tmp_path / "scenario.yaml")
    step = scenario.steps[-1]
    assert [
        describe(flow) for flow in Predictor(scenario, step).route(step.expectations[0].path).connections
    ] == connections


FORMS = """
---
apiVersion: v1
kind: Service
metadata: {name: legacy, namespace: back}
spec: {ports: [{port: 5432}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: legacy-1, namespace: back, labels: {kubernetes.io/service-name: legacy}}
addressType: IPv4
ports: [{port: 443, protocol: TCP}]
endpoints: [{addresses: [203.0.113.7]}]
---
apiVersion: v1
kind: Service
metadata: {name: unknown, namespace: back}
spec: {clusterIP: None, ports: [{port: 5432}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: unknown, namespace: back}
subsets: [{addresses: [{ip: 198.51.100.1}], ports: [{port: 5432}]}]
---
apiVersion: v1
kind: Service
metadata: {name: alias, namespace: back}
spec: {type: ExternalName, externalName: front.shop.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: short, namespace: back}
spec: {type: ExternalName, externalName: front.shop.svc}
---
apiVersion: v1
kind: Service
metadata: {name: away, namespace: back}
spec: {type: ExternalName, externalName: db.example.com}
---
apiVersion: v1
kind: Service
metadata: {name: abroad, namespace: back}
spec: {type: ExternalName, externalName: Mail.example.com}
---
apiVersion: v1
kind: Service
metadata: {name: edge, namespace: shop}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  externalIPs: [192.0.2.200]
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
status: {loadBalancer: {ingress: [{ip: 192.0.2.130}]}}
---
apiVersion: v1
kind: Service
metadata: {name: cloud, namespace: shop}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: http}]}
status: {loadBalancer: {ingress: [{hostname: shop.elb.example.com}]}}
---
apiVersion: v1
kind: Service
metadata: {name: wide, namespace: shop}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: narrow, namespace: shop}
spec: {type: LoadBalancer, loadBalancerSourceRanges: [10.0.0.0/8], selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: near, namespace: shop}
spec: {internalTrafficPolicy: Local, selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: everywhere, namespace: shop}
spec: {internalTrafficPolicy: Local, selector: {app: agent}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: shop}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: host, namespace: shop}
spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 8080, hostPort: 18080}]}]}
"""


def with_forms(shop: Shop, directory: Path, path: str, known: KnownAddresses | None = None) -> Route:
    """Return the route of a path among Services of more forms."""
    shop()
    workloads, file = directory / "workloads.yaml", directory / "scenario.yaml"
    workloads.write_text(workloads.read_text() + FORMS)
    hosts = "external:\n  mail.example.com: {address: 203.0.113.25, ports: [25]}"
    text = file.read_text().replace("web -> store:5432: undefined", f"{path}: undefined")
    file.write_text(text.replace("external:", hosts))
    scenario = load(file)
    step = scenario.steps[-1]
    return Predictor(scenario, step, addresses=known).route(step.expectations[0].path)


@pytest.mark.parametrize(
    ("path", "connections"),
    [
        ("db -> everywhere:80", ["back/db -> shop/agent 80/TCP through shop/everywhere"]),
        ("web -> legacy:5432", ["shop/web -> 203.0.113.7 443/TCP through back/legacy"]),
        ("db -> alias:80", ["back/db -> shop/web 8080/TCP through shop/front"]),
        ("web -> abroad:25", ["shop/web -> 203.0.113.25 25/TCP"]),
        ("user -> abroad:25", ["outside -> 203.0.113.25 25/TCP"]),
        ("partner -> node(host):18080", ["203.0.113.7 -> shop/host 8080/TCP"]),
        ("web -> node(host):18080", ["shop/web -> shop/host 8080/TCP, forwarded"]),
        ("partner -> lb(edge):80", ["203.0.113.7 -> shop/web 8080/TCP through shop/edge"]),
        ("db -> lb(edge):80", ["back/db -> shop/web 8080/TCP through shop/edge, forwarded"]),
        ("partner -> lb(wide):80", ["203.0.113.7 -> shop/web 8080/TCP through shop/wide, forwarded"]),
        ("partner -> 192.0.2.130:80", ["203.0.113.7 -> shop/web 8080/TCP through shop/edge"]),
        ("db -> 192.0.2.130:80", ["back/db -> shop/web 8080/TCP through shop/edge, forwarded"]),
    ],
)
def test_services_of_every_form(shop: Shop, tmp_path: Path, path: str, connections: list[str]) -> None:
    route = with_forms(shop, tmp_path, path)
    assert [describe(flow) for flow in route.connections] == connections
    assert (route.doubt, route.nameless) == (None, False)


@pytest.mark.parametrize(
    ("path", "doubt"),
    [
        ("web -> unknown:5432", "it is not known what has the address 198.51.100.1"),
        ("web -> away:443", "it is not known where db.example.com leads, the name that back/away stands for"),
        ("web -> node(idle):18080", "it is not known what answers at port 18080/TCP of the node of shop/idle"),
        ("partner -> 192.0.2.200:80", "it is not known which pods of shop/edge are on the node that has 192.0.2.200"),
        (
            "db -> near:80",
            "shop/near leads to pods on the source's own node only (internalTrafficPolicy), and it may have none",
        ),
        (
            "partner -> lb(narrow):80",
            "it is not known whether loadBalancerSourceRanges of shop/narrow admit the source",
        ),
        (
            "partner -> lb(cloud):80",
            "it is not known from which address shop.elb.example.com connects to shop/cloud",
        ),
        ("web -> 192.0.2.130:81", "it is not known what has the address 192.0.2.130"),
    ],
)
def test_what_no_file_tells_is_doubted(shop: Shop, tmp_path: Path, path: str, doubt: str) -> None:
    assert str(with_forms(shop, tmp_path, path).doubt) == doubt


@pytest.mark.parametrize(("node", "is_known"), [("192.0.2.1", True), ("192.0.2.2", False)])
def test_a_service_of_one_node_reaches_a_pod_there(shop: Shop, tmp_path: Path, node: str, *, is_known: bool) -> None:
    nodes = {NamespacedName("back", "db"): ["192.0.2.1"], NamespacedName("shop", "web"): [node]}
    route = with_forms(shop, tmp_path, "db -> near:80", KnownAddresses(nodes=nodes))
    assert (route.doubt is None) is is_known


def test_an_alias_needs_the_clusters_domain(shop: Shop, tmp_path: Path) -> None:
    assert with_forms(shop, tmp_path, "web -> short:80").nameless
