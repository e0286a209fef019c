"""The text of networking.k8s.io/v1, evaluated by brute force on the dictionaries that a user would write.

It uses nothing of the package. What the API leaves open is an argument: a yes or no for each of ``QUESTIONS``.
"""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

Dict = dict[str, Any]
Ref = tuple[str, str]
End = Ref | str
"""A pod by namespace and name, or the address of a host that is not a pod."""

QUESTIONS = (
    "ipblock-of-pods",
    "address-translation",
    "other-protocols",
    "own-node",
    "host-network",
    "hairpin",
    "named-port-outside",
    "optional-features",
)
EMBEDDED: Mapping[str, bool] = {
    **dict.fromkeys(QUESTIONS, True),
    "address-translation": False,
    "host-network": False,
    "named-port-outside": False,
}
"""The answers of the embedded cluster, by its documentation."""


def selected(selector: Dict, labels: Dict) -> bool:
    """Whether all requirements hold; NotIn and DoesNotExist also hold if the key is missing."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for expression in selector.get("matchExpressions", []):
        key, operator, values = expression["key"], expression["operator"], expression.get("values", [])
        holds = {
            "In": key in labels and labels[key] in values,
            "NotIn": key not in labels or labels[key] not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }
        if not holds[operator]:
            return False
    return True


class Reading:
    """The answers for one cluster, from its objects, in which nothing is unknown."""

    def __init__(self, objects: list[Dict], answers: Mapping[str, bool] = EMBEDDED) -> None:
        self._namespaces = {o["metadata"]["name"]: o["metadata"]["labels"] for o in objects if o["kind"] == "Namespace"}
        self._pods: dict[End, Dict] = {
            (o["metadata"]["namespace"], o["metadata"]["name"]): o for o in objects if o["kind"] == "Pod"
        }
        self._policies = [o for o in objects if o["kind"] == "NetworkPolicy"]
        self._is = answers

    def allows(self, source: End, target: End, protocol: str, port: int, *, virtual: str = "") -> bool:
        """Whether the egress of the source and the ingress of the target allow it; ``virtual`` is the address used."""
        flow = (target, protocol, port, virtual)
        if source == target and (not virtual or self._is["hairpin"]):
            return True
        return self._direction("Egress", source, target, flow) and self._direction("Ingress", target, source, flow)

    def _direction(self, kind: str, subject: End, peer: End, flow: tuple[End, str, int, str]) -> bool:
        pod = self._pods.get(subject)
        if pod is None or (on_host(pod) and not self._is["host-network"]):
            return True
        if (kind == "Ingress" or self._is["own-node"]) and self._is_node_of(pod, peer):
            return True
        isolating = [policy for policy in self._policies if isolates(policy, kind, pod)]
        return not isolating or any(self._admits(policy, kind, peer, flow) for policy in isolating)

    def _is_node_of(self, pod: Dict, peer: End) -> bool:
        other = self._pods.get(peer)
        return other is not None and on_host(other) and other["spec"]["nodeName"] == pod["spec"]["nodeName"]

    def _admits(self, policy: Dict, kind: str, peer: End, flow: tuple[End, str, int, str]) -> bool:
        home, virtual = policy["metadata"]["namespace"], flow[3] if kind == "Egress" else ""
        for peers, ports in rules(policy, kind):
            is_peer = not peers or any(self.is_peer(entry, peer, home, virtual) for entry in peers)
            entries: list[Dict | None] = [*ports] or [None]
            if is_peer and any(self.is_port(entry, flow, kind) for entry in entries):
                return True
        return False

    def is_peer(self, entry: Dict, peer: End, home: str, virtual: str = "") -> bool:
        """Whether an entry of a policy in ``home`` matches; ``virtual`` is the address before translation, if any."""
        pod = self._pods.get(peer)
        if "ipBlock" in entry:
            if virtual and self._is["address-translation"]:
                return holds(entry["ipBlock"], virtual)
            if isinstance(peer, str):
                return holds(entry["ipBlock"], peer)
            pod = self._pods[peer]
            known = on_host(pod) or self._is["ipblock-of-pods"]
            return known and holds(entry["ipBlock"], pod["status"]["podIPs"][0]["ip"])
        if pod is None or (on_host(pod) and not self._is["host-network"]):
            return False
        namespace = pod["metadata"]["namespace"]
        if "namespaceSelector" in entry:
            if not selected(entry["namespaceSelector"], self._namespaces[namespace]):
                return False
        elif namespace != home:
            return False
        return "podSelector" not in entry or selected(entry["podSelector"], pod["metadata"]["labels"])

    def is_port(self, entry: Dict | None, flow: tuple[End, str, int, str], kind: str) -> bool:
        """Whether an entry of ``ports`` matches; ``None`` stands for a rule without ports."""
        target, protocol, port, _ = flow
        if entry is None:
            return protocol != "ICMP" or self._is["other-protocols"]
        if entry.get("protocol", "TCP") != protocol or (protocol == "SCTP" and not self._is["optional-features"]):
            return False
        wanted = entry.get("port")
        if wanted is None:
            return True
        if isinstance(wanted, int):
            last = entry.get("endPort", wanted) if self._is["optional-features"] else wanted
            return wanted <= port <= last
        pod = self._pods.get(target)
        if pod is None or (kind == "Egress" and on_host(pod) and not self._is["host-network"]):
            return self._is["named-port-outside"]
        return port in declared(pod, wanted, protocol)


def isolates(policy: Dict, kind: str, pod: Dict) -> bool:
    """Whether the policy makes the pod isolated in this direction."""
    spec = policy["spec"]
    types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    return (
        kind in types
        and policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
        and selected(spec["podSelector"], pod["metadata"]["labels"])
    )


def rules(policy: Dict, kind: str) -> list[tuple[list[Dict], list[Dict]]]:
    """The rules of one direction, each as its peers and its ports; an empty list means all."""
    rules_key, peers_key = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}[kind]
    return [(rule.get(peers_key) or [], rule.get("ports") or []) for rule in policy["spec"].get(rules_key) or []]


def declared(pod: Dict, name: str, protocol: str) -> list[int]:
    """The numbers that the pod declares under a port's name."""
    ports = pod["spec"]["containers"][0]["ports"]
    return [p["containerPort"] for p in ports if (p["name"], p["protocol"]) == (name, protocol)]


def holds(block: Dict, address: str) -> bool:
    """Whether the address is in the block and in none of its excepts."""
    inside = ip_address(address) in ip_network(block["cidr"])
    return inside and not any(ip_address(address) in ip_network(e) for e in block.get("except", []))


def on_host(pod: Dict) -> bool:
    """Whether the pod is on its node's network."""
    return bool(pod["spec"].get("hostNetwork"))
