import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from netpol_harness.errors import ApiError, ExecFailed
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import NamespacedName, ObjectKey
from netpol_harness.runner.name_server import FOUND, NameServerFinder, name_servers_in
from netpol_harness.wellknown import EXTERNAL_HOST_ANNOTATION

Dict = dict[str, Any]
OPENSHIFT = {"dns.operator.openshift.io/daemonset-dns": "default"}


class Cluster:
    """A cluster of these objects. ``forbidden``: the Services of all namespaces may not be listed."""

    def __init__(self, *objects: Dict, forbidden: bool = False) -> None:
        self._of = objects
        self._forbidden = forbidden

    def list(
        self, api_version: str, kind: str, *, namespace: str = "", labels: str = "", fields: str = ""
    ) -> list[JsonObject]:
        if self._forbidden and not namespace:
            raise ApiError(403, "Forbidden", "services is forbidden")
        return [
            data
            for data in self._of
            if data["kind"] == kind
            and (not namespace or data["metadata"]["namespace"] == namespace)
            and _pairs(labels) <= set((data["metadata"].get("labels") or {}).items())
            and all(data["spec"].get(key.removeprefix("spec.")) == value for key, value in _pairs(fields))
        ]

    def find(self, key: ObjectKey) -> JsonObject | None:
        return next((o for o in self._of if (o["kind"], o["metadata"]["name"]) == (key.kind, key.name)), None)


def _pairs(selector: str) -> set[tuple[str, str]]:
    return {(key, value) for key, _, value in (part.partition("=") for part in selector.split(",") if part)}


def service(namespace: str, name: str, address: str, selector: Mapping[str, str], target: int | str = 53) -> Dict:
    ports = [{"port": 53, "protocol": "UDP", "targetPort": target}, {"port": 9153}]
    spec = {"clusterIP": address, "selector": dict(selector), "ports": ports}
    return {"kind": "Service", "metadata": {"namespace": namespace, "name": name}, "spec": spec}


def pod(
    namespace: str, name: str, labels: Mapping[str, str] | None = None, *, number: int = 53, args: Iterable[str] = ()
) -> Dict:
    ports = [{"containerPort": number, "protocol": "UDP", "name": "dns"}]
    return {
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": dict(labels or {})},
        "spec": {"containers": [{"name": "c", "args": list(args), "ports": ports}]},
        "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.53"}]},
    }


KUBE_DNS = (
    service("kube-system", "kube-dns", "10.96.0.10", {"k8s-app": "kube-dns"}),
    pod("kube-system", "coredns-1", {"k8s-app": "kube-dns", "pod-template-hash": "a"}),
    pod("kube-system", "coredns-2", {"k8s-app": "kube-dns", "pod-template-hash": "b"}),
)
CACHE = {"k8s-app": "node-local-dns"}


def finder(cluster: Cluster, *texts: str) -> NameServerFinder:
    """Return a finder on a cluster whose pods have these resolv.confs; those without one cannot be read."""
    remaining = list(texts)

    def read(pod: NamespacedName, container: str, path: str) -> str:
        assert (container, path) == ("c", "/etc/resolv.conf")
        if not remaining or not (text := remaining.pop(0)):
            raise ExecFailed(f"{pod} has no cat")
        return text

    return NameServerFinder(cluster, lambda key, compute: compute(), read)


@pytest.mark.parametrize(
    ("objects", "address", "expected"),
    [
        (
            KUBE_DNS,
            "10.96.0.10",
            NameServer(cluster_ips=("10.96.0.10",), namespace_labels={"name": "system"}),
        ),
        (
            (
                service("openshift-dns", "dns-default", "172.30.0.10", OPENSHIFT, "dns"),
                pod("openshift-dns", "dns-default-x", OPENSHIFT, number=5353),
            ),
            "172.30.0.10",
            NameServer(NamespacedName("openshift-dns", "dns-default"), OPENSHIFT, 5353, cluster_ips=("172.30.0.10",)),
        ),
        (KUBE_DNS, "169.254.20.10", NameServer(labels={}, address="169.254.20.10")),
        (
            (*KUBE_DNS, pod("kube-system", "cache", CACHE, args=["-localip", "169.254.20.10,10.96.0.10"])),
            "10.96.0.10",
            NameServer(NamespacedName("kube-system", "node-local-dns"), CACHE, address="10.96.0.10"),
        ),
        (
            (*KUBE_DNS, pod("kube-system", "cache", CACHE, args=["-localip", "169.254.20.10"])),
            "10.96.0.10",
            NameServer(cluster_ips=("10.96.0.10",), namespace_labels={"name": "system"}),
        ),
        (KUBE_DNS, "192.0.2.53", NameServer(labels={}, address="192.0.2.53")),
    ],
    ids=["CoreDNS", "OpenShift", "link-local", "node-local cache", "unused cache", "a host"],
)
def test_the_server_is_found_by_the_address_that_pods_ask(
    objects: tuple[Dict, ...], address: str, expected: NameServer
) -> None:
    system = {"kind": "Namespace", "metadata": {"name": "kube-system", "labels": {"name": "system"}}}
    text = f"search shop.svc.cluster.local\nnameserver {address}\nnameserver 192.0.2.1\noptions ndots:5\n"
    assert finder(Cluster(system, *objects), text).find([pod("shop", "web")]) == expected


def test_users_who_see_some_namespaces_only_find_it_in_the_usual_ones() -> None:
    cluster = Cluster(*KUBE_DNS, forbidden=True)
    assert finder(cluster, "nameserver 10.96.0.10").find([pod("shop", "web")]).cluster_ips == ("10.96.0.10",)
    assert finder(cluster, "nameserver 10.96.0.99").find([pod("shop", "web")]) == NameServer()


def test_where_no_pod_can_be_read_the_usual_service_counts() -> None:
    pods = [pod("shop", "web"), pod("shop", "db")]
    cluster = Cluster(service("openshift-dns", "dns-default", "172.30.0.10", OPENSHIFT, 5353))
    assert finder(cluster, "", "").find(pods).port == 5353
    assert finder(Cluster(), "", "").find(pods) == NameServer()


def test_the_next_pod_is_read_if_the_first_cannot_be() -> None:
    pods = [pod("shop", "web"), pod("shop", "db")]
    assert finder(Cluster(), "", "nameserver 169.254.20.10").find(pods).address == "169.254.20.10"


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["spec"].update(dnsPolicy="None"),
        lambda data: data["spec"].update(dnsPolicy="Default"),
        lambda data: data["spec"].update(hostNetwork=True),
        lambda data: data["status"].update(phase="Pending"),
        lambda data: data["metadata"].update(deletionTimestamp="now"),
        lambda data: data["metadata"].update(annotations={EXTERNAL_HOST_ANNOTATION: ""}),
    ],
    ids=["chosen", "that of its node", "on the node's network", "pending", "leaving", "a host"],
)
def test_pods_that_ask_elsewhere_or_cannot_are_not_read(change: Callable[[Dict], None]) -> None:
    change(asker := pod("shop", "web"))
    assert finder(Cluster(), "nameserver 169.254.20.10").find([asker]) == NameServer()


def test_it_is_searched_once_for_all_processes() -> None:
    kept = {FOUND: json.dumps(NameServer(port=5353).as_json())}
    known = NameServerFinder(Cluster(), lambda key, compute: kept[key], lambda *_: "")
    assert known.find([pod("shop", "web")]) == NameServer(port=5353)


def test_the_live_pods_of_a_server_have_its_labels() -> None:
    cluster = Cluster(*KUBE_DNS, pod("kube-system", "other"))
    found = [data["metadata"]["name"] for data in finder(cluster).pods_of(NameServer())]
    assert found == ["coredns-1", "coredns-2"]
    assert finder(cluster).pods_of(NameServer(labels={}, address="169.254.169.254")) == []


def test_a_resolv_conf_is_read_line_by_line() -> None:
    text = "# nameserver 1.1.1.1\nnameserver\nnameserver  10.0.0.1 \nnameserver fd00::a\nnameserver name\n"
    assert name_servers_in(text) == ("10.0.0.1", "fd00::a")
