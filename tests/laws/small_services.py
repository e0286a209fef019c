"""Strategies for Services of every form in small clusters, and their reading by brute force.

The reading uses nothing of the package. It follows the API text of Service and EndpointSlice on the dictionaries that a
user would write.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.laws.small_clusters import NAMESPACES, OUTSIDE, PODS, PORT_NAMES, PORTS, clusters, labels

Dict = dict[str, Any]

CLUSTER_IPS = ("10.96.0.10", "10.96.0.11", "10.96.0.12")
EXTERNAL_IPS = ("192.0.2.130", "192.0.2.131", "192.0.2.132")
NODE, NODE_PORTS, HOST_PORT = "192.0.2.1", (30080, 30081, 30082), 18080
SERVICE_PORTS = (80, 5000)
SERVICE_NAME = "kubernetes.io/service-name"

CONDITIONS: tuple[dict[str, bool], ...] = (
    {},
    {"ready": True, "terminating": True},
    {"ready": False},
    {"ready": False, "terminating": True},
    {"ready": False, "serving": True, "terminating": True},
    {"ready": False, "serving": True},
)
names = st.sampled_from(("", "sql"))
protocols = st.sampled_from(("TCP", "UDP"))


@st.composite
def services(draw: st.DrawFn, number: int) -> Dict:
    """Draw a Service with one or two ports, some of its pods by labels or none, and some further addresses."""
    target = st.sampled_from((*PORTS, *PORT_NAMES))
    ports = [
        {"port": port, "name": name, "protocol": draw(protocols), "targetPort": draw(target)}
        for port, name in zip(SERVICE_PORTS, ("", "sql"), strict=True)
    ][: draw(st.integers(1, 2))]
    spec: Dict = {"clusterIP": CLUSTER_IPS[number], "ports": ports}
    if draw(st.booleans()):
        spec["selector"] = draw(labels)
    if draw(st.booleans()):
        spec["externalIPs"] = [EXTERNAL_IPS[number]]
    if draw(st.booleans()):
        ports[0]["nodePort"] = NODE_PORTS[number]
    if draw(st.booleans()):
        spec["sessionAffinity"] = "ClientIP"
    return {"kind": "Service", "metadata": {"namespace": draw(st.sampled_from(NAMESPACES)), "name": "s"}, "spec": spec}


@st.composite
def slices(draw: st.DrawFn, service: Dict, number: int) -> Dict:
    """Draw an EndpointSlice of a Service with addresses inside and outside of the cluster."""
    endpoint = st.fixed_dictionaries(
        {
            "addresses": st.lists(st.sampled_from((*PODS.values(), *OUTSIDE)), min_size=1, max_size=2, unique=True),
            "conditions": st.sampled_from(CONDITIONS),
        }
    )
    port = st.fixed_dictionaries({"name": names, "protocol": protocols, "port": st.sampled_from(PORTS)})
    metadata = {**service["metadata"], "name": f"by-hand-{number}", "labels": {SERVICE_NAME: "s"}}
    return {
        "kind": "EndpointSlice",
        "metadata": metadata,
        "endpoints": draw(st.lists(endpoint, min_size=1, max_size=2)),
        "ports": draw(st.lists(port, min_size=1, max_size=2)),
    }


@st.composite
def worlds(draw: st.DrawFn) -> list[Dict]:
    """Draw a cluster with policies, up to three Services in different namespaces, and slices written by hand."""
    objects = [*draw(clusters)]
    for number, namespace in enumerate(NAMESPACES[: draw(st.integers(1, 3))]):
        service = draw(services(number))
        service["metadata"]["namespace"] = namespace
        objects += [service, *(draw(slices(service, n)) for n in range(draw(st.integers(0, 2))))]
    if draw(st.booleans()):
        pod = next(data for data in objects if data["kind"] == "Pod")
        port = {"containerPort": draw(st.sampled_from(PORTS)), "name": "edge", "protocol": draw(protocols)}
        pod["spec"]["containers"][0]["ports"].append({**port, "hostPort": HOST_PORT})
    return objects


@dataclass(frozen=True, slots=True)
class Front:
    """One address and port of the cluster that leads to endpoints, and these as addresses and ports."""

    address: str
    protocol: str
    port: int
    endpoints: frozenset[tuple[str, int]]


def fronts(objects: list[Dict]) -> Iterator[Front]:
    """Yield every address and port of the Services, and the host ports."""
    for service in (data for data in objects if data["kind"] == "Service"):
        for port in service["spec"]["ports"]:
            endpoints = frozenset(_endpoints(service, port, objects))
            for address in (service["spec"]["clusterIP"], *service["spec"].get("externalIPs", ())):
                yield Front(address, port["protocol"], port["port"], endpoints)
            if "nodePort" in port:
                yield Front(NODE, port["protocol"], port["nodePort"], endpoints)
    for pod, port in ((d, p) for d in objects if d["kind"] == "Pod" for p in d["spec"]["containers"][0]["ports"]):
        if "hostPort" in port:
            socket = (pod["status"]["podIPs"][0]["ip"], port["containerPort"])
            yield Front(NODE, port["protocol"], port["hostPort"], frozenset({socket}))


def _endpoints(service: Dict, port: Dict, objects: list[Dict]) -> Iterator[tuple[str, int]]:
    own = [*_selected(service, port, objects)]
    written = [
        (entry["addresses"][0], slice_port["port"], entry.get("conditions", {}))
        for data in objects
        if data["kind"] == "EndpointSlice" and data["metadata"]["namespace"] == service["metadata"]["namespace"]
        for slice_port in data["ports"]
        if (slice_port["name"], slice_port["protocol"]) == (port["name"], port["protocol"])
        for entry in data["endpoints"]
    ]
    ready = [(address, number) for address, number, conditions in written if conditions.get("ready", True)]
    yield from own
    yield from ready
    if not own and not ready:
        yield from ((address, number) for address, number, conditions in written if _is_draining(conditions))


def _is_draining(conditions: Mapping[str, bool]) -> bool:
    """Return whether an endpoint that is not ready still serves while it ends; ``serving`` is ``ready`` by default."""
    return conditions.get("terminating", False) and conditions.get("serving", conditions.get("ready", True))


def _selected(service: Dict, port: Dict, objects: list[Dict]) -> Iterator[tuple[str, int]]:
    selector = service["spec"].get("selector")
    for pod in (data for data in objects if data["kind"] == "Pod"):
        metadata = pod["metadata"]
        same_namespace = metadata["namespace"] == service["metadata"]["namespace"]
        if selector and same_namespace and selector.items() <= metadata["labels"].items():
            address, target = pod["status"]["podIPs"][0]["ip"], port["targetPort"]
            declared = pod["spec"]["containers"][0]["ports"]
            if isinstance(target, int):
                yield address, target
            else:
                same = (p for p in declared if (p["name"], p["protocol"]) == (target, port["protocol"]))
                yield from ((address, p["containerPort"]) for p in same)
