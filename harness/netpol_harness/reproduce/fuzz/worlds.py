"""Random worlds: a few namespaces and pods, and steps that change policies, labels and pods. The same seed gives the
same world.

A plain generator, and not a strategy of hypothesis: a seed replays without that package, whatever its version, and the
tests draw seeds. What has broken real engines is drawn more often than it is written: named ports, ranges, ``except``,
empty selectors, all operators, defaults of ``policyTypes``, rules of egress in policies that isolate ingress. Half of
the worlds do without policies of both directions, and half without addresses: a fault that shows everywhere would hide
the others (Groce et al., "Swarm testing", 2012).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from netpol_harness.model.json_object import JsonObject
from netpol_harness.reproduce.shrink.draft import Draft

IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.53"
_LABELS = {"app": ("web", "db", "api"), "tier": ("front", "back")}
_SPACE_LABELS = {"team": ("red", "blue"), "env": ("prod", "test")}
_NUMBERS = (80, 81)
_NAMES = ("web", "alt", "metrics")
_PROTOCOLS = ("TCP", "TCP", "TCP", "UDP")
_UNKNOWN_NAMES = ("nobody", *(f"{name}-u" for name in _NAMES))
_DIRECTIONS = (("ingress", "from"), ("egress", "to"))
_NAMED = 0.4
_PEERS = 0.7


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is: the most of each kind of object, and the number of steps."""

    namespaces: int = 2
    pods: int = 4
    policies: int = 3
    steps: int = 3


SMALL = Size()


@dataclass(frozen=True, slots=True)
class _Features:
    """What the policies of one world may have: both directions in one policy, and peers by address."""

    both: bool
    blocks: bool

    @staticmethod
    def drawn(draw: Random) -> "_Features":
        return _Features(both=draw.random() < 0.5, blocks=draw.random() < 0.5)


def world(seed: int, size: Size = SMALL, prefix: str = "") -> Draft:
    """Return the world of a seed. ``prefix`` begins the names of its namespaces. Its path is not chosen yet."""
    draw = Random(seed)
    spaces = [f"{prefix}{letter}" for letter in "xyzuvw"[: max(1, draw.randint(size.namespaces - 1, size.namespaces))]]
    pods = [
        _pod(
            draw,
            spaces[index % len(spaces)],
            "abcdefghijklmnopqrstuvwxyz"[index // len(spaces) % 26] + str(index // (26 * len(spaces)) or ""),
        )
        for index in range(size.pods)
    ]
    objects: list[JsonObject] = [
        _object("v1", "Namespace", {"name": s, "labels": _labels(draw, _SPACE_LABELS)}) for s in spaces
    ]
    policies: dict[str, JsonObject] = {}
    steps: list[JsonObject] = []
    features = _Features.drawn(draw)
    for number in range(size.steps):
        before = steps[-1] if steps else None
        steps.append(_step(draw, number, spaces, pods, policies, before, size.policies, features))
    tree = {"scenario": {}, "workloads": [*objects, *pods], "policies": policies, "steps": steps}
    return Draft(tree, "", "")


def _step(  # noqa: PLR0913 - what has been drawn so far
    draw: Random,
    number: int,
    spaces: Sequence[str],
    pods: Sequence[JsonObject],
    policies: dict[str, JsonObject],
    before: JsonObject | None,
    most: int,
    features: _Features,
) -> JsonObject:
    """Return a step whose policies are those of the step before, some of them updated, removed or added."""
    in_force: dict[str, str] = {
        policies[i]["metadata"]["namespace"] + "/" + policies[i]["metadata"]["name"]: i
        for i in (before or {}).get("policies", ())
    }
    kept = [i for i in in_force.values() if draw.random() < 0.5]
    wanted = draw.randint(1, most)
    taken = {(policies[i]["metadata"]["namespace"], policies[i]["metadata"]["name"]) for i in kept}
    while len(kept) < wanted:
        space, name = draw.choice(spaces), f"p{draw.randrange(most)}"
        if (space, name) in taken:
            name = f"q{len(policies)}"
        taken.add((space, name))
        identifier = f"{space}-{name}-{len(policies)}"
        policies[identifier] = _policy(draw, space, name, features)
        kept.append(identifier)
    step: JsonObject = {"name": f"s{number}", "policies": kept}
    if before is not None and draw.random() < 0.3:
        pod = draw.choice(pods)["metadata"]
        step["labels"] = {"pods": {f"{pod['namespace']}/{pod['name']}": _labels(draw, _LABELS) or {"tier": "back"}}}
    if before is not None and draw.random() < 0.1:
        pod = draw.choice(pods)["metadata"]
        step["recreate"] = [f"{pod['namespace']}/{pod['name']}"]
    return step


def _policy(draw: Random, space: str, name: str, features: _Features) -> JsonObject:
    spec: JsonObject = {"podSelector": _selector(draw, _LABELS, empty=0.35)}
    directions = _DIRECTIONS if features.both else (draw.choice(_DIRECTIONS),)
    known = [direction.capitalize() for direction, _ in directions]
    types = draw.choice((None, None, *([each] for each in known), known))
    if types or directions == _DIRECTIONS[1:]:
        spec["policyTypes"] = types or known
    for direction, peers in directions:
        if draw.random() < 0.65:
            spec[direction] = [_rule(draw, peers, features) for _ in range(draw.choice((0, 1, 1, 1, 2)))]
    return _object("networking.k8s.io/v1", "NetworkPolicy", {"name": name, "namespace": space}, spec)


def _rule(draw: Random, peers: str, features: _Features) -> JsonObject:
    """Return a rule; one in some has named ports only, which engines resolve by their own ways."""
    rule: JsonObject = {}
    is_named = draw.random() < _NAMED
    if draw.random() < _PEERS:
        rule[peers] = [_peer(draw, features) for _ in range(draw.choice((1, 1, 2)))]
    if is_named:
        rule["ports"] = [_named_port(draw) for _ in range(draw.choice((1, 1, 1, 2)))]
    elif draw.random() < 0.6:
        rule["ports"] = [_port(draw) for _ in range(draw.choice((1, 1, 2, 3)))]
    return rule


def _named_port(draw: Random) -> JsonObject:
    """Return a name: of some pods, of none, or of pods that have it for another protocol."""
    kind = draw.random()
    if kind < 0.6:
        return {"port": draw.choice(_NAMES)}
    if kind < 0.8:
        return {"port": draw.choice(_UNKNOWN_NAMES), "protocol": "TCP"}
    return {"port": draw.choice(_NAMES), "protocol": draw.choice(("UDP", "SCTP"))}


def _peer(draw: Random, features: _Features) -> JsonObject:
    kind = draw.random() * (1 if features.blocks else 0.85)
    if kind < 0.3:
        return {"podSelector": _selector(draw, _LABELS, empty=0.25)}
    if kind < 0.6:
        return {"namespaceSelector": _selector(draw, _SPACE_LABELS, empty=0.4)}
    if kind < 0.85:
        return {
            "namespaceSelector": _selector(draw, _SPACE_LABELS, empty=0.3),
            "podSelector": _selector(draw, _LABELS, empty=0.2),
        }
    block: JsonObject = {"cidr": draw.choice(("0.0.0.0/0", "10.0.0.0/8", "198.51.100.0/24"))}
    if block["cidr"] == "0.0.0.0/0" and draw.random() < 0.6:
        block["except"] = draw.choice((["10.0.0.0/8"], ["198.51.100.0/24"], ["10.0.0.0/8", "192.0.2.0/24"]))
    return {"ipBlock": block}


def _port(draw: Random) -> JsonObject:
    port: JsonObject = {}
    protocol = draw.choice(_PROTOCOLS)
    if protocol != "TCP" or draw.random() < 0.5:
        port["protocol"] = protocol
    kind = draw.random()
    if kind < 0.4:
        port["port"] = draw.choice((*_NAMES, *_NAMES, "nobody"))
    elif kind < 0.7:
        port["port"] = draw.choice(_NUMBERS)
    elif kind < 0.9:
        port |= draw.choice(({"port": 80, "endPort": 81}, {"port": 81, "endPort": 90}, {"port": 70, "endPort": 80}))
    return port


def _selector(draw: Random, known: Mapping[str, Sequence[str]], *, empty: float) -> JsonObject:
    kind = draw.random()
    if kind < empty:
        return {}
    key = draw.choice(list(known))
    if kind < empty + (1 - empty) / 2:
        return {"matchLabels": {key: draw.choice(known[key])}}
    operator = draw.choice(("In", "NotIn", "Exists", "DoesNotExist"))
    requirement: dict[str, Any] = {"key": key, "operator": operator}
    if operator in ("In", "NotIn"):
        requirement["values"] = sorted(draw.sample(known[key], draw.randint(1, 2)))
    extra = {"matchLabels": {k: draw.choice(v) for k, v in known.items() if k != key}} if draw.random() < 0.2 else {}
    return {**extra, "matchExpressions": [requirement]}


def _pod(draw: Random, space: str, name: str) -> JsonObject:
    """Return a pod that serves two numbers over TCP, and some over UDP, with names that differ between pods."""
    names = draw.sample(_NAMES, 2)
    containers = []
    for number, port_name in zip(_NUMBERS, names, strict=True):
        ports: list[JsonObject] = [{"containerPort": number}]
        if draw.random() < 0.8:
            ports[0]["name"] = port_name
        if draw.random() < 0.3:
            ports.append({"containerPort": number, "protocol": "UDP"} | ({"name": f"{port_name}-u"}))
        arguments = ["netexec", f"--http-port={number}", f"--udp-port={number}"]
        containers.append({"name": f"serve-{number}", "image": IMAGE, "args": arguments, "ports": ports})
    return _object(
        "v1", "Pod", {"name": name, "namespace": space, "labels": _labels(draw, _LABELS)}, {"containers": containers}
    )


def _labels(draw: Random, known: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {key: draw.choice(values) for key, values in known.items() if draw.random() < 0.75}


def _object(version: str, kind: str, metadata: JsonObject, spec: JsonObject | None = None) -> JsonObject:
    return {"apiVersion": version, "kind": kind, "metadata": metadata} | ({"spec": spec} if spec else {})
