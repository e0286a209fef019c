"""What stands around the policy of a case: namespaces, pods, Services and hosts outside. PURE.

Six pods over three namespaces are as few as tell all peers apart: of the subjects' namespace ``x`` a chosen pod and
another one, of the chosen namespace ``y`` both again, and in ``z`` a chosen pod of a namespace that is not. Chosen
are the pods ``b`` and the namespace ``y``: by a label, by a key that only they have, and by one that they lack.
Every pod serves 80 and 81 over TCP and UDP, under the names that upstream's tests use.
"""

from collections.abc import Iterator

from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import Direction

IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.53"
NUMBERS = (80, 81)
PODS = {"x": ("a", "b", "c"), "y": ("a", "b"), "z": ("b",)}
CHOSEN_POD, CHOSEN_NAMESPACE = "b", "y"
SUBJECT, SUBJECT_NAMESPACE = "a", "x"
SERVICE = "server"
HOSTS = {"near": 10, "far": 200}
"""The hosts outside, by the last number of their addresses: blocks hold both, but for one with an except, which takes
the upper half away."""

_TARGETS = {Direction.INGRESS: (SUBJECT_NAMESPACE, SUBJECT), Direction.EGRESS: (CHOSEN_NAMESPACE, CHOSEN_POD)}
"""Behind the Service: the subject where ingress is asked about, a chosen peer where egress is."""

CALLERS = {Direction.INGRESS: ("x/b", "y/b", "z/b"), Direction.EGRESS: ("x/a", "x/b")}
"""Who asks the Service."""


def workloads(direction: Direction) -> Iterator[JsonObject]:
    """All objects, as manifests."""
    for namespace in PODS:
        yield _object("v1", "Namespace", {"name": namespace, "labels": _labels("ns", namespace, CHOSEN_NAMESPACE)})
    for namespace, names in PODS.items():
        yield from (_pod(namespace, name) for name in names)
    yield _service(*_TARGETS[direction])


def service(direction: Direction) -> str:
    """The Service that may be asked, as paths name it."""
    return f"{_TARGETS[direction][0]}/{SERVICE}"


def network(number: int) -> str:
    """The first three numbers of a network that is one scenario's own: hosts of several must not share an address.

    198.18.0.0/15 is for tests of networks (RFC 2544); scenarios written by hand use its lower networks.
    """
    high, low = divmod(160 + number % 352, 256)
    return f"198.{18 + high}.{low}"


def hosts(prefix: str) -> JsonObject:
    """The hosts outside, as scenario.yaml declares them."""
    ports = [entry for number in NUMBERS for entry in (number, f"{number}/UDP")]
    return {name: {"address": f"{prefix}.{last}", "ports": ports} for name, last in HOSTS.items()}


def _pod(namespace: str, name: str) -> JsonObject:
    metadata = {"name": name, "namespace": namespace, "labels": _labels("pod", name, CHOSEN_POD)}
    return _object("v1", "Pod", metadata, {"containers": [_container(number) for number in NUMBERS]})


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
        for number in NUMBERS
        for protocol in ("TCP", "UDP")
    ]
    return _object(
        "v1", "Service", {"name": SERVICE, "namespace": namespace}, {"selector": {"pod": pod}, "ports": ports}
    )


def _labels(key: str, name: str, chosen: str) -> dict[str, str]:
    return {key: name, "chosen" if name == chosen else "spare": "one"}


def _object(version: str, kind: str, metadata: JsonObject, spec: JsonObject | None = None) -> JsonObject:
    return {"apiVersion": version, "kind": kind, "metadata": metadata} | ({"spec": spec} if spec else {})
