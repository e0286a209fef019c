"""Small clusters with many policies, some with unusual or unknown properties, drawn from a seed.

This is faster than strategies, and every cluster has something of everything; in exchange nothing shrinks.
"""

from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st

from tests.laws.small_clusters import (
    BLOCKS,
    KEYS,
    NAMESPACES,
    PODS,
    PORT_NAMES,
    PORTS,
    VALUES,
    Cluster,
    Dict,
    namespace,
    pod,
)

T = TypeVar("T")
NODES = {"n1": "192.0.2.1", "n2": "192.0.2.2"}
PROTOCOLS = ("TCP", "UDP", "SCTP")


def from_seed(make: Callable[[Random], T]) -> st.SearchStrategy[T]:
    """Return a strategy of the values that the function makes of seeds."""
    return st.integers(0, 2**32 - 1).map(lambda seed: make(Random(seed)))


def usual(random: Random) -> Cluster:
    """Draw pods in their own networks, with known addresses and nodes."""
    return Cluster(
        [
            *(namespace(name, labels(random)) for name in NAMESPACES),
            *(placed(random, pod(name, address, labels(random), names(random))) for name, address in PODS.items()),
            *(policy(random, number) for number in range(random.randint(1, 12))),
        ]
    )


def complete(random: Random) -> Cluster:
    """Draw a cluster in which some pods are on their nodes' networks."""
    return Cluster([hosted(item) if is_pod(item) and random.random() < 0.2 else item for item in usual(random)])


def unusual(random: Random) -> Cluster:
    """Draw a cluster in which some pods have no node yet, no address, or two addresses."""
    changes = (unbound, unaddressed, of_both_families)
    return Cluster(
        [random.choice(changes)(item) if is_pod(item) and random.random() < 0.3 else item for item in complete(random)]
    )


def completed(objects: Cluster, node: str, address: str) -> Cluster:
    """Return the cluster with this node and this address for all pods that lack them.

    A pod on the network of its node has the node's address.
    """
    return Cluster([_completed(item, node, address) if is_pod(item) else item for item in objects])


def _completed(item: Dict, node: str, address: str) -> Dict:
    spec = {"nodeName": node, **item["spec"]}
    own = NODES[spec["nodeName"]] if spec.get("hostNetwork") else address
    return {**item, "spec": spec, "status": {"podIPs": [{"ip": own}], **item["status"]}}


def policy(random: Random, number: int, **spec: Any) -> Dict:
    """Draw any policy, with one direction or both; ``spec`` sets fields."""
    types = random.choice((["Ingress"], ["Egress"], ["Ingress", "Egress"]))
    content: Dict = {"podSelector": selector(random), "policyTypes": types}
    for kind, key, peers_key in (("Ingress", "ingress", "from"), ("Egress", "egress", "to")):
        if kind in types and random.random() < 0.9:
            content[key] = [rule(random, peers_key) for _ in range(random.randint(0, 2))]
    metadata = {"namespace": random.choice(NAMESPACES), "name": f"policy-{number}"}
    return {"kind": "NetworkPolicy", "metadata": metadata, "spec": {**content, **spec}}


def rule(random: Random, peers_key: str) -> Dict:
    result: Dict = {}
    if random.random() < 0.8:
        result[peers_key] = [peer(random) for _ in range(random.randint(0, 2))]
    if random.random() < 0.6:
        result["ports"] = [port(random) for _ in range(random.randint(0, 2))]
    return result


def peer(random: Random) -> Dict:
    if random.random() < 0.4:
        return {"ipBlock": random.choice(BLOCKS)}
    chosen = random.choice((["podSelector"], ["namespaceSelector"], ["podSelector", "namespaceSelector"]))
    return {key: selector(random) for key in chosen}


def port(random: Random) -> Dict:
    result: Dict = {"protocol": random.choice(PROTOCOLS)} if random.random() < 0.4 else {}
    match random.randint(0, 3):
        case 0:
            result["port"] = random.choice(PORTS)
        case 1:
            result["port"] = random.choice(PORT_NAMES)
        case 2:
            result |= {"port": random.choice((1, 79, 80)), "endPort": random.choice((80, 81, 65535))}
    return result


def selector(random: Random) -> Dict:
    match random.randint(0, 2):
        case 0:
            return {}
        case 1:
            return {"matchLabels": {random.choice(KEYS): random.choice(VALUES)}}
    key, operator = random.choice(KEYS), random.choice(("In", "NotIn", "Exists", "DoesNotExist"))
    values = random.sample(VALUES, random.randint(1, 2)) if operator in ("In", "NotIn") else []
    return {"matchExpressions": [{"key": key, "operator": operator, "values": values}]}


def labels(random: Random) -> Dict:
    return {key: random.choice(VALUES) for key in KEYS if random.random() < 0.7}


def names(random: Random) -> dict[tuple[str, int], str]:
    sockets = random.sample([(protocol, number) for protocol in PROTOCOLS for number in PORTS], 3)
    return {item: random.choice(PORT_NAMES) for item in sockets}


def is_pod(item: Dict) -> bool:
    return bool(item["kind"] == "Pod")


def placed(random: Random, item: Dict) -> Dict:
    return {**item, "spec": {**item["spec"], "nodeName": random.choice(tuple(NODES))}}


def hosted(item: Dict) -> Dict:
    address = NODES[item["spec"]["nodeName"]]
    return {**item, "spec": {**item["spec"], "hostNetwork": True}, "status": {"podIPs": [{"ip": address}]}}


def unbound(item: Dict) -> Dict:
    return {**item, "spec": {key: value for key, value in item["spec"].items() if key != "nodeName"}}


def unaddressed(item: Dict) -> Dict:
    return {**item, "status": {}}


def of_both_families(item: Dict) -> Dict:
    return {**item, "status": {"podIPs": [*item["status"]["podIPs"], {"ip": "fd00::7"}]}}
