"""The topology of the catalogue's scenarios: namespaces, pods, Services and external hosts. Pure.

Six pods in three namespaces are the fewest that distinguish all peers: in the subject's namespace ``x`` a selected pod
and another one, in the selected namespace ``y`` the same, and in ``z`` a selected pod of a namespace that is not
selected. The pods ``b`` and the namespace ``y`` are selected: by a label, by a key that only they have, and by a key
that they lack. Every pod serves 80 and 81 over TCP and UDP, under the port names of the upstream tests.
"""

from collections.abc import Iterator

from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import Direction

IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.53"
PORTS = (80, 81)
PODS = {"x": ("a", "b", "c"), "y": ("a", "b"), "z": ("b",)}
SELECTED_POD, SELECTED_NAMESPACE = "b", "y"
SUBJECT, SUBJECT_NAMESPACE = "a", "x"
SERVICE = "server"
HOSTS = {"near": 10, "far": 200}
"""The external hosts, with the last number of their addresses: ipBlocks contain both, unless an ``except`` removes the
upper half."""

_TARGETS = {Direction.INGRESS: (SUBJECT_NAMESPACE, SUBJECT), Direction.EGRESS: (SELECTED_NAMESPACE, SELECTED_POD)}
"""The pod behind the Service: the subject for ingress, a selected peer for egress."""

SOURCES = {Direction.INGRESS: ("x/b", "y/b", "z/b"), Direction.EGRESS: ("x/a", "x/b")}
"""The pods that probe the Service."""


def workloads(direction: Direction) -> Iterator[JsonObject]:
    """Yield all objects, as manifests."""
    for namespace in PODS:
        yield _object("v1", "Namespace", {"name": namespace, "labels": _labels("ns", namespace, SELECTED_NAMESPACE)})
    for namespace, names in PODS.items():
        yield from (_pod(namespace, name) for name in names)
    yield _service(*_TARGETS[direction])


def service(direction: Direction) -> str:
    """Return the name of the Service, as in paths."""
    return f"{_TARGETS[direction][0]}/{SERVICE}"


def network_prefix(number: int) -> str:
    """Return the first three numbers of a scenario's own network: hosts of two scenarios must not share an address.

    198.18.0.0/15 is for tests of networks (RFC 2544); scenarios written by hand use its lower networks.
    """
    high, low = divmod(160 + number % 352, 256)
    return f"198.{18 + high}.{low}"


def hosts(prefix: str) -> JsonObject:
    """Return the external hosts, as scenario.yaml declares them."""
    ports = [entry for number in PORTS for entry in (number, f"{number}/UDP")]
    return {name: {"address": f"{prefix}.{last}", "ports": ports} for name, last in HOSTS.items()}


def _pod(namespace: str, name: str) -> JsonObject:
    metadata = {"name": name, "namespace": namespace, "labels": _labels("pod", name, SELECTED_POD)}
    return _object("v1", "Pod", metadata, {"containers": [_container(number) for number in PORTS]})


def _container(number: int) -> JsonObject:
    return {
        "name": f"serve-{number}",
        "image": IMAGE,
        "args": ["netexec", f"--http-port={number}", f"--udp-port={number}"],
        "ports": [
            {"containerPort": number, "name": f"serve-{number}-tcp"},
            {"containerPort": number, "name": f"serve-{number}-udp", "protocol": "UDP"},
        ],
    }


def _service(namespace: str, pod: str) -> JsonObject:
    ports = [
        {"name": f"serve-{number}-{protocol.lower()}", "protocol": protocol, "port": number}
        for number in PORTS
        for protocol in ("TCP", "UDP")
    ]
    return _object(
        "v1", "Service", {"name": SERVICE, "namespace": namespace}, {"selector": {"pod": pod}, "ports": ports}
    )


def _labels(key: str, name: str, selected: str) -> dict[str, str]:
    return {key: name, "chosen" if name == selected else "spare": "one"}


def _object(version: str, kind: str, metadata: JsonObject, spec: JsonObject | None = None) -> JsonObject:
    return {"apiVersion": version, "kind": kind, "metadata": metadata} | ({"spec": spec} if spec else {})
