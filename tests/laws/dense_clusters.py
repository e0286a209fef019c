"""Small clusters full of policies, in which not everything is as usual, or known: drawn from a seed.

Quicker than strategies, and every cluster has something of everything; in exchange nothing shrinks.
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
    """What the function makes of any seed."""
    return st.integers(0, 2**32 - 1).map(lambda seed: make(Random(seed)))


def usual(random: Random) -> Cluster:
    """Pods in their own networks, with known addresses and nodes."""
    return Cluster(
        [
            *(namespace(name, labels(random)) for name in NAMESPACES),
            *(placed(random, pod(name, address, labels(random), names(random))) for name, address in PODS.items()),
            *(policy(random, number) for number in range(random.randint(1, 12))),
        ]
    )


def complete(random: Random) -> Cluster:
    """With pods on their nodes' networks."""
    return Cluster([hosted(one) if is_pod(one) and random.random() < 0.2 else one for one in usual(random)])


def unusual(random: Random) -> Cluster:
    """With pods that are nowhere yet, have no address or two of them."""
    changes = (unbound, unaddressed, of_both_families)
    return Cluster(
        [random.choice(changes)(one) if is_pod(one) and random.random() < 0.3 else one for one in complete(random)]
    )


def completed(objects: Cluster, node: str, address: str) -> Cluster:
    """The cluster with this node and this address for all pods of which they are not known."""
    status = {"podIPs": [{"ip": address}]}
    return Cluster(
        [
            {**one, "spec": {"nodeName": node, **one["spec"]}, "status": {**status, **one["status"]}}
            if is_pod(one)
            else one
            for one in objects
        ]
    )


def policy(random: Random, number: int, **spec: Any) -> Dict:
    """Any policy, of one direction or both; ``spec`` sets fields."""
    types = random.choice((["Ingress"], ["Egress"], ["Ingress", "Egress"]))
    content: Dict = {"podSelector": selector(random), "policyTypes": types}
    for kind, key, peers_key in (("Ingress", "ingress", "from"), ("Egress", "egress", "to")):
        if kind in types and random.random() < 0.9:
            content[key] = [rule(random, peers_key) for _ in range(random.randint(0, 2))]
    metadata = {"namespace": random.choice(NAMESPACES), "name": f"policy-{number}"}
    return {"kind": "NetworkPolicy", "metadata": metadata, "spec": {**content, **spec}}


def rule(random: Random, peers_key: str) -> Dict:
    found: Dict = {}
    if random.random() < 0.8:
        found[peers_key] = [peer(random) for _ in range(random.randint(0, 2))]
    if random.random() < 0.6:
        found["ports"] = [port(random) for _ in range(random.randint(0, 2))]
    return found


def peer(random: Random) -> Dict:
    if random.random() < 0.4:
        return {"ipBlock": random.choice(BLOCKS)}
    chosen = random.choice((["podSelector"], ["namespaceSelector"], ["podSelector", "namespaceSelector"]))
    return {key: selector(random) for key in chosen}


def port(random: Random) -> Dict:
    found: Dict = {"protocol": random.choice(PROTOCOLS)} if random.random() < 0.4 else {}
    match random.randint(0, 3):
        case 0:
            found["port"] = random.choice(PORTS)
        case 1:
            found["port"] = random.choice(PORT_NAMES)
        case 2:
            found |= {"port": random.choice((1, 79, 80)), "endPort": random.choice((80, 81, 65535))}
    return found


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
    return {one: random.choice(PORT_NAMES) for one in sockets}


def is_pod(one: Dict) -> bool:
    return bool(one["kind"] == "Pod")


def placed(random: Random, one: Dict) -> Dict:
    return {**one, "spec": {**one["spec"], "nodeName": random.choice(tuple(NODES))}}


def hosted(one: Dict) -> Dict:
    address = NODES[one["spec"]["nodeName"]]
    return {**one, "spec": {**one["spec"], "hostNetwork": True}, "status": {"podIPs": [{"ip": address}]}}


def unbound(one: Dict) -> Dict:
    return {**one, "spec": {key: value for key, value in one["spec"].items() if key != "nodeName"}}


def unaddressed(one: Dict) -> Dict:
    return {**one, "status": {}}


def of_both_families(one: Dict) -> Dict:
    return {**one, "status": {"podIPs": [*one["status"]["podIPs"], {"ip": "fd00::7"}]}}
