"""ClusterNetworkPolicies of any form, drawn from a seed, as the dictionaries that a user would write."""

from random import Random
from typing import Any

from tests.laws.dense_clusters import NODES, complete, labels, selector, unusual, usual
from tests.laws.small_clusters import BLOCKS, KEYS, OUTSIDE, PODS, PORT_NAMES, PORTS, VALUES, Cluster, Dict

DOMAIN_NAMES: dict[str, tuple[str, ...]] = {
    "example.com": (OUTSIDE[0],),
    "www.example.com": (OUTSIDE[1], "2001:db8::1"),
    "a.b.example.com": (OUTSIDE[0], OUTSIDE[1]),
    "pod.cluster.test": (PODS["x", "p0"], PODS["y", "p1"]),
}
"""What name servers answer."""

PATTERNS = ("example.com", "Example.com.", "*.example.com", "www.example.com", "*.b.example.com", "*.test", "other.org")
PRIORITIES = (0, 1, 1, 7, 500, 1000)
"""Some values are drawn more often, so that policies meet in one priority."""


def tiered(random: Random) -> Cluster:
    """Draw pods in their own networks, with policies of namespaces and of administrators."""
    return with_tiers(random, usual(random))


def tiered_complete(random: Random) -> Cluster:
    """Draw a cluster in which some pods are on their nodes' networks."""
    return with_tiers(random, complete(random))


def tiered_unusual(random: Random) -> Cluster:
    """Draw a cluster in which some pods have no node yet, no address, or two addresses."""
    return with_tiers(random, unusual(random), misplaced=0.1)


def with_tiers(random: Random, objects: Cluster, *, misplaced: float = 0.0) -> Cluster:
    """Return the cluster with nodes and policies of administrators, and few policies of namespaces."""
    own = [item for item in objects if item["kind"] == "NetworkPolicy"]
    kept = own[: random.choice((0, 1, 2, 4))]
    rest = [item for item in objects if item["kind"] != "NetworkPolicy"]
    count = random.randint(1, 6)
    policies = [cluster_policy(random, f"cluster-{number}", misplaced=misplaced) for number in range(count)]
    return Cluster([*rest, *kept, *(node(name, address, labels(random)) for name, address in NODES.items()), *policies])


def node(name: str, address: str, own: Dict) -> Dict:
    addresses = [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}]
    return {"kind": "Node", "metadata": {"name": name, "labels": own}, "status": {"addresses": addresses}}


def cluster_policy(random: Random, name: str, *, misplaced: float = 0.0, **spec: Any) -> Dict:
    """Draw any policy; ``spec`` sets fields. ``misplaced`` is how often ``domainNames`` are where none are meant."""
    tier = random.choice(("Admin", "Baseline"))
    content: Dict = {"tier": tier, "priority": random.choice(PRIORITIES), "subject": selection(random)}
    for direction, key in (("ingress", "from"), ("egress", "to")):
        if random.random() < 0.8:
            count = random.randint(0, 3)
            content[direction] = [cluster_rule(random, tier, key, misplaced=misplaced) for _ in range(count)]
    return {"kind": "ClusterNetworkPolicy", "metadata": {"name": name}, "spec": {**content, **spec}}


def cluster_rule(random: Random, tier: str, key: str, *, misplaced: float = 0.0) -> Dict:
    action = random.choice(("Accept", "Deny", "Pass"))
    names = action == "Accept" and tier == "Admin"
    is_named = random.random() < (0.3 if names else misplaced) and key == "to"
    peers = [cluster_peer(random, key) for _ in range(random.randint(1, 3))]
    peers += [{"domainNames": random.sample(PATTERNS, random.randint(1, 2))}] if is_named else []
    rule: Dict = {"action": action, key: peers}
    if random.random() < 0.5:
        named = not any({"networks", "nodes", "domainNames"} & peer.keys() for peer in peers)
        rule["protocols"] = [cluster_port(random, named=named) for _ in range(random.randint(1, 2))]
    return rule


def cluster_peer(random: Random, key: str) -> Dict:
    """Draw a peer; sometimes one that no reader knows."""
    if random.random() < 0.04:
        return random.choice(({}, {"serviceAccounts": {}}))
    if key == "from" or random.random() < 0.5:
        return selection(random)
    if random.random() < 0.3:
        return {"nodes": selector(random)}
    return {"networks": random.sample([block["cidr"] for block in BLOCKS[1:]], random.randint(1, 2))}


def cluster_port(random: Random, *, named: bool) -> Dict:
    if random.random() < 0.04:
        return {}
    if named and random.random() < 0.3:
        return {"destinationNamedPort": random.choice(PORT_NAMES)}
    numbers: Dict = {"number": random.choice(PORTS)}
    if random.random() < 0.4:
        numbers = {"range": {"start": random.choice((1, 79, 80)), "end": random.choice((81, 65535))}}
    return {random.choice(("tcp", "udp", "sctp")): {"destinationPort": numbers}}


def selection(random: Random) -> Dict:
    match random.randint(0, 3):
        case 0:
            return {"namespaces": selector(random)}
        case 1:
            return {"pods": {"podSelector": selector(random)}}
        case 2:
            return {
                "pods": {
                    "namespaceSelector": {"matchLabels": {random.choice(KEYS): random.choice(VALUES)}},
                    "podSelector": {},
                }
            }
    return {"pods": {"namespaceSelector": selector(random), "podSelector": selector(random)}}
