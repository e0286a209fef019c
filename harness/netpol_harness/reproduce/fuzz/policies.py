"""Random NetworkPolicies: the strategies from which worlds are made.

What has broken real engines is drawn more often than it is written: named ports, ranges, ``except``, empty selectors,
all operators, absent keys, defaults of ``policyTypes``, rules of egress in policies that isolate ingress, one number
over two protocols, long lists and long names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from netpol_harness.model.json_object import JsonMapping, JsonObject

POD_LABELS = {"app": ("web", "db", "api"), "tier": ("front", "back")}
NAMESPACE_LABELS = {"team": ("red", "blue"), "env": ("prod", "test")}
NUMBERS = (80, 81)
NAMES = ("web", "alt", "metrics")
OUTSIDE = "203.0.113.0/24"
"""Hosts outside an embedded cluster are in this range, in its first half."""

_PROTOCOLS = ("TCP", "TCP", "TCP", "UDP")
_UNKNOWN_NAMES = ("nobody", *(f"{name}-u" for name in NAMES))
_DIRECTIONS = (("ingress", "from"), ("egress", "to"))
_EVERYTHING = ("0.0.0.0/0", "0.0.0.0/0", "::/0")
_BLOCKS = (*_EVERYTHING, "10.0.0.0/8", OUTSIDE, "203.0.113.0/25", "203.0.113.128/25", "10.244.0.0/25", "fd00::/8")
_EXCEPTS: Mapping[str, Sequence[Sequence[str]]] = {
    "0.0.0.0/0": (["10.0.0.0/8"], [OUTSIDE], ["192.0.2.0/24", "10.0.0.0/8"], ["192.0.2.0/24", OUTSIDE]),
    "::/0": (["fd00::/8"], ["2001:db8::/32", "fd00::/8"]),
    OUTSIDE: (["203.0.113.0/25"], ["203.0.113.128/25"]),
}
_MANY = 30
"""More ports than some engines put into one rule."""


@dataclass(frozen=True, slots=True)
class Features:
    """What the policies of one world may have. Half of the worlds do without each of them: a fault that shows
    everywhere would hide the others (Groce et al., "Swarm testing", 2012).

    both       rules of both directions in one policy
    blocks     peers by address
    names      ports by name, more often than by number
    large      long names and long lists of ports
    """

    both: bool
    blocks: bool
    names: bool
    large: bool

    @staticmethod
    def drawn(draw: Random) -> "Features":
        """Draw the features of a world."""
        return Features(draw.random() < 0.5, draw.random() < 0.5, draw.random() < 0.5, draw.random() < 0.2)


@dataclass(frozen=True, slots=True)
class PolicyStrategy:
    """Draws policies for a world with these namespaces."""

    draw: Random
    features: Features
    namespaces: Sequence[str]

    def policy(self, namespace: str, name: str) -> JsonObject:
        """Return a policy of this name."""
        return policy_object(namespace, name, self.spec())

    def updated(self, policy: JsonMapping) -> JsonObject:
        """Return the policy with one part of its specification drawn again, as most edits change one."""
        spec, fresh = dict(policy["spec"]), self.spec()
        part = self.draw.choice(("podSelector", "ingress", "egress", "policyTypes", "everything"))
        if part == "everything":
            spec = fresh
        elif part in fresh:
            spec[part] = fresh[part]
        elif part != "podSelector":
            spec.pop(part, None)
        return {**policy, "spec": spec}

    def spec(self) -> JsonObject:
        """Return a specification; rules of a direction that its types leave out are in some of them."""
        draw = self.draw
        spec: JsonObject = {"podSelector": self._selector(POD_LABELS, empty=0.35)}
        directions = _DIRECTIONS if self.features.both else (draw.choice(_DIRECTIONS),)
        known = [direction.capitalize() for direction, _ in directions]
        types = draw.choice((None, None, *([each] for each in known), known))
        if types or directions == _DIRECTIONS[1:]:
            spec["policyTypes"] = types or known
        for direction, peers in directions:
            if draw.random() < 0.7:
                spec[direction] = self._rules(peers)
        return spec

    def _rules(self, peers: str) -> list[JsonObject]:
        rules = [self._rule(peers) for _ in range(self.draw.choice((0, 1, 1, 1, 2, 2)))]
        if len(rules) == 2 and peers in rules[0]:
            kind = self.draw.random()
            if kind < 0.25:  # the same peers twice, each with ports of its own
                rules[1][peers] = rules[0][peers]
            elif kind < 0.5:  # peers alone, and ports alone: two rules that look like one
                rules[0].pop("ports", None)
                rules[1].pop(peers, None)
        return rules

    def _rule(self, peers: str) -> JsonObject:
        draw, rule = self.draw, JsonObject()
        if draw.random() < 0.7:
            rule[peers] = [self._peer() for _ in range(draw.choice((1, 1, 2)))]
        if draw.random() < (0.6 if self.features.names else 0.15):
            rule["ports"] = [self._named_port() for _ in range(draw.choice((1, 1, 1, 2)))]
        elif draw.random() < 0.6:
            rule["ports"] = self._numbered_ports()
        return rule

    def _numbered_ports(self) -> list[JsonObject]:
        draw = self.draw
        if self.features.large and draw.random() < 0.3:
            return [{"port": 1000 + number} for number in range(_MANY)] + [{"port": draw.choice(NUMBERS)}]
        if draw.random() < 0.15:
            number = draw.choice(NUMBERS)
            return [{"port": number, "protocol": "TCP"}, {"port": number, "protocol": "UDP"}]
        return [self._port() for _ in range(draw.choice((1, 1, 2, 3)))]

    def _named_port(self) -> JsonObject:
        """Return a name: of some pods, of none, or of pods that have it for another protocol."""
        draw, kind = self.draw, self.draw.random()
        if kind < 0.7:
            return {"port": draw.choice(NAMES)}
        if kind < 0.85:
            return {"port": draw.choice(_UNKNOWN_NAMES), "protocol": draw.choice(("TCP", "UDP"))}
        return {"port": draw.choice(NAMES), "protocol": draw.choice(("UDP", "SCTP"))}

    def _port(self) -> JsonObject:
        draw, port = self.draw, JsonObject()
        protocol = "SCTP" if draw.random() < 0.08 else draw.choice(_PROTOCOLS)
        if protocol != "TCP" or draw.random() < 0.5:
            port["protocol"] = protocol
        kind = draw.random()
        if kind < 0.15:
            port["port"] = draw.choice((*NAMES, "nobody"))
        elif kind < 0.55:
            port["port"] = draw.choice((*NUMBERS, 53))
        elif kind < 0.85:
            port |= draw.choice(({"port": 80, "endPort": 81}, {"port": 70, "endPort": 80}, {"port": 81, "endPort": 90}))
        return port

    def _peer(self) -> JsonObject:
        kind = self.draw.random() * (1 if self.features.blocks else 0.75)
        if kind < 0.25:
            return {"podSelector": self._selector(POD_LABELS, empty=0.25)}
        if kind < 0.5:
            return {"namespaceSelector": self._namespace_selector(empty=0.3)}
        if kind < 0.75:
            return {
                "namespaceSelector": self._namespace_selector(empty=0.3),
                "podSelector": self._selector(POD_LABELS, empty=0.2),
            }
        return {"ipBlock": self._block()}

    def _block(self) -> JsonObject:
        draw = self.draw
        block: JsonObject = {"cidr": draw.choice(_BLOCKS)}
        if (known := _EXCEPTS.get(block["cidr"])) and draw.random() < 0.6:
            block["except"] = list(draw.choice(known))
        return block

    def _namespace_selector(self, *, empty: float) -> JsonObject:
        draw, kind = self.draw, self.draw.random()
        if kind < 0.1:
            return {"matchLabels": {"kubernetes.io/metadata.name": draw.choice(self.namespaces)}}
        if kind < 0.15:
            return {"matchExpressions": [{"key": "name", "operator": draw.choice(("Exists", "DoesNotExist"))}]}
        return self._selector(NAMESPACE_LABELS, empty=empty)

    def _selector(self, known: Mapping[str, Sequence[str]], *, empty: float) -> JsonObject:
        draw, kind = self.draw, self.draw.random()
        if kind < empty:
            return {}
        keys = draw.sample(list(known), len(known))
        if kind < empty + (1 - empty) / 3:
            return {"matchLabels": {keys[0]: draw.choice(known[keys[0]])}}
        requirements = [self._requirement(key, known[key]) for key in keys[: draw.choice((1, 1, 1, 2))]]
        extra = {"matchLabels": {keys[-1]: draw.choice(known[keys[-1]])}} if draw.random() < 0.2 else {}
        return {**extra, "matchExpressions": requirements}

    def _requirement(self, key: str, values: Sequence[str]) -> JsonObject:
        operator = self.draw.choice(("In", "NotIn", "Exists", "DoesNotExist"))
        requirement: dict[str, Any] = {"key": key, "operator": operator}
        if operator in ("In", "NotIn"):
            requirement["values"] = self.draw.sample(values, self.draw.randint(1, 2))
        return requirement


def policy_object(namespace: str, name: str, spec: JsonMapping) -> JsonObject:
    """Return a NetworkPolicy."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
