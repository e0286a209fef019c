"""ClusterNetworkPolicy v1alpha2, evaluated by brute force on the dictionaries that a user would write.

It uses nothing of the package. It reads the namespaces' own policies by ``reading``; what the API leaves open is an
argument here too. Policies of one tier and priority go in the order of their names in ``order``.
"""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network

from tests.laws.reading import Dict, End, Reading, isolates, on_host, selected

TIER_QUESTIONS = (
    "other-direction",
    "tier-hairpin",
    "node-to-own-pod",
    "node-peers",
    "domain-names",
    "looked-up-names",
    "domain-names-elsewhere",
)
OPTIONAL = ("node-peers", "domain-names")
"""What the API promises and an implementation may lack."""

Flow = tuple[End, str, int, str]
"""The target, the protocol, the port, and the virtual address that the client used, if any."""


class TieredReading(Reading):
    """The answers for one cluster, from its objects, in which nothing is unknown."""

    def __init__(
        self,
        objects: list[Dict],
        answers: Mapping[str, bool],
        names: Mapping[str, Sequence[str]],
        order: Sequence[str] = (),
    ) -> None:
        super().__init__(objects, answers)
        written = [o for o in objects if o["kind"] == "ClusterNetworkPolicy"]
        rank = {name: place for place, name in enumerate(order)}
        self._ranked = sorted(
            written,
            key=lambda o: (o["spec"]["priority"], rank.get(o["metadata"]["name"], 0), o["metadata"]["name"]),
        )
        self._nodes = [o for o in objects if o["kind"] == "Node"]
        self._names = names
        self._looked_up = ""

    def allows_named(self, source: End, target: End, protocol: str, port: int, *, virtual: str, name: str) -> bool:
        """Whether both sides allow a connection of a client that has just looked up ``name``."""
        self._looked_up = name
        return self.allows(source, target, protocol, port, virtual=virtual)

    def allows(self, source: End, target: End, protocol: str, port: int, *, virtual: str = "") -> bool:
        """Whether the egress of the source and the ingress of the target allow it; ``virtual`` is the address used."""
        if source == target and not virtual:
            return True
        flow = (target, protocol, port, virtual)
        return self._stages("Egress", source, target, flow) and self._stages("Ingress", target, source, flow)

    def _stages(self, kind: str, subject: End, peer: End, flow: Flow) -> bool:
        pod = self._pods.get(subject)
        if pod is None:
            return True
        if self._beyond_tiers(kind, subject, peer):
            return self._own(kind, subject, peer, flow)
        admin = self._tier("Admin", kind, pod, peer, flow)
        if admin in ("Accept", "Deny"):
            return admin == "Accept"
        if any(isolates(policy, kind, pod) for policy in self._policies):
            return self._own(kind, subject, peer, flow)
        other = {"Ingress": "Egress", "Egress": "Ingress"}[kind]
        if self._is["other-direction"] and any(isolates(policy, other, pod) for policy in self._policies):
            return True
        return self._tier("Baseline", kind, pod, peer, flow) != "Deny"

    def _own(self, kind: str, subject: End, peer: End, flow: Flow) -> bool:
        """What the namespaces' own policies say."""
        return (subject == peer and self._is["hairpin"]) or self._direction(kind, subject, peer, flow)

    def _beyond_tiers(self, kind: str, subject: End, peer: End) -> bool:
        pod = self._pods[subject]
        if on_host(pod) or (subject == peer and not self._is["tier-hairpin"]):
            return True
        return kind == "Ingress" and self._is["node-to-own-pod"] and self._is_node_of(pod, peer)

    def _tier(self, tier: str, kind: str, pod: Dict, peer: End, flow: Flow) -> str:
        """The action of the first rule that matches; that of a Pass rule ends the tier like none at all."""
        for policy in self._ranked:
            if policy["spec"]["tier"] == tier and self._covers(policy["spec"]["subject"], pod):
                for rule in policy["spec"].get(kind.lower(), []):
                    action = self._action(tier, rule, kind, peer, flow)
                    if action:
                        return action
        return ""

    def _action(self, tier: str, rule: Dict, kind: str, peer: End, flow: Flow) -> str:
        peers = rule.get("to" if kind == "Egress" else "from", [])
        ports = rule.get("protocols")
        fields = [next(iter(entry), "") for entry in peers]
        if self._must_fail_closed(kind, fields, ports):
            return "" if rule["action"] == "Accept" else "Deny"
        if "domainNames" in fields and (tier, rule["action"]) != ("Admin", "Accept"):
            fails = self._is["domain-names-elsewhere"] and rule["action"] != "Accept"
            return "Deny" if fails else ""
        if not any(self._is_cluster_peer(entry, peer, kind, flow) for entry in peers):
            return ""
        return rule["action"] if ports is None or any(self._is_cluster_port(p, flow) for p in ports) else ""

    def _must_fail_closed(self, kind: str, fields: list[str], ports: list[Dict] | None) -> bool:
        known = {"namespaces", "pods"}
        if kind == "Egress":
            known |= {"networks"}
            known |= {"nodes"} if self._is["node-peers"] else set()
            known |= {"domainNames"} if self._is["domain-names"] else set()
        strange_ports = [
            p for p in ports or [] if next(iter(p), "") not in ("tcp", "udp", "sctp", "destinationNamedPort")
        ]
        return not fields or bool(set(fields) - known) or bool(strange_ports)

    def _covers(self, selection: Dict, pod: Dict) -> bool:
        """Whether a subject or a peer selects a pod."""
        own, namespace = pod["metadata"]["labels"], self._namespaces[pod["metadata"]["namespace"]]
        if on_host(pod):
            return False
        if "namespaces" in selection:
            return selected(selection["namespaces"], namespace)
        pods = selection["pods"]
        return selected(pods.get("namespaceSelector", {}), namespace) and selected(pods["podSelector"], own)

    def _is_cluster_peer(self, entry: Dict, peer: End, kind: str, flow: Flow) -> bool:
        pod = self._pods.get(peer)
        if "namespaces" in entry or "pods" in entry:
            return pod is not None and self._covers(entry, pod)
        address = peer if isinstance(peer, str) else self._pods[peer]["status"]["podIPs"][0]["ip"]
        if "networks" in entry:
            virtual = flow[3] if kind == "Egress" and self._is["address-translation"] else ""
            return any(ip_address(virtual or address) in ip_network(block) for block in entry["networks"])
        if "nodes" in entry:
            own = [n for n in self._nodes if address in [a["address"] for a in n["status"]["addresses"]]]
            return any(selected(entry["nodes"], node["metadata"]["labels"]) for node in own)
        return any(self._means(pattern, address) for pattern in entry["domainNames"])

    def _means(self, pattern: str, address: str) -> bool:
        """Whether a name of the pattern resolves to the address, and the client knows it from there."""
        star, plain = pattern.startswith("*."), pattern.removeprefix("*.").lower().rstrip(".").split(".")
        for name, addresses in self._names.items():
            labels = name.split(".")
            is_meant = labels[-len(plain) :] == plain and (len(labels) > len(plain) if star else labels == plain)
            if is_meant and address in addresses and (self._is["looked-up-names"] or name == self._looked_up):
                return True
        return False

    def _is_cluster_port(self, entry: Dict, flow: Flow) -> bool:
        target, protocol, port, _ = flow
        if "destinationNamedPort" in entry:
            pod = self._pods.get(target)
            ports = pod["spec"]["containers"][0]["ports"] if pod else []
            wanted = (entry["destinationNamedPort"], protocol, port)
            return wanted in [(p["name"], p["protocol"], p["containerPort"]) for p in ports]
        ((kind, fields),) = entry.items()
        numbers = fields["destinationPort"]
        low = numbers.get("number") or numbers["range"]["start"]
        high = numbers.get("number") or numbers["range"]["end"]
        return kind.upper() == protocol and low <= port <= high
