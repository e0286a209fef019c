"""Random worlds: a few namespaces, pods and Services, and steps that change policies, labels and pods. The same seed
gives the same world.

A plain generator, and not a strategy of hypothesis: a seed replays without that package, whatever its version, and the
tests draw seeds. ``policies`` has the strategies for policies.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.reproduce.fuzz.policies import (
    NAMES,
    NAMESPACE_LABELS,
    NUMBERS,
    POD_LABELS,
    Features,
    PolicyStrategy,
)
from netpol_harness.reproduce.shrink.draft import Draft

IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.53"
HOST = "user"
"""The host outside the cluster, which a world may have."""
BLOCK = 10
"""So many seeds in a row have the restarts of the policy agent in common: a restart befalls the whole cluster."""
_EXTERNAL = {"external": {HOST: {"ports": [80]}}}
_LONG = "a-policy-with-a-long-name-" * 5
_SERVICE, _SERVICE_PORT = "-service", 8080


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is: the most of each kind of object, and the number of steps."""

    namespaces: int = 2
    pods: int = 4
    policies: int = 3
    steps: int = 3


SMALL = Size()


def world(seed: int, size: Size = SMALL, prefix: str = "") -> Draft:
    """Return the world of a seed. ``prefix`` begins the names of its namespaces. Its path is not chosen yet."""
    draw = Random(seed)
    spaces = [f"{prefix}{letter}" for letter in "xyzuvw"[: max(1, draw.randint(size.namespaces - 1, size.namespaces))]]
    pods = [_pod(draw, spaces[index % len(spaces)], _name(index // len(spaces))) for index in range(size.pods)]
    services = [_service(pod) for pod in pods if draw.random() < 0.5] if draw.random() < 0.4 else []
    namespaces = [_object("Namespace", {"name": name, "labels": _labels(draw, NAMESPACE_LABELS)}) for name in spaces]
    features = Features.drawn(draw)
    steps = _Steps(draw, PolicyStrategy(draw, features, spaces), pods, size.policies)
    tree = {
        "scenario": _EXTERNAL if draw.random() < (0.8 if features.blocks else 0.2) else {},
        "workloads": [*namespaces, *pods, *services],
        "steps": [steps.next(restarts=_restarts(seed, number)) for number in range(size.steps)],
        "policies": steps.policies,
    }
    return Draft(tree, "", "")


def paths_of(draft: Draft, step: JsonMapping) -> Iterator[str]:
    """Yield the paths of a world in a step: between all pods, to Services, and from and to the host outside."""
    absent = step.get("absent", ())
    pods = {_ref(data): data for data in _kind(draft, "Pod") if _ref(data) not in absent}
    outside = [HOST] if draft.tree["scenario"].get("external") else []
    for source in (*pods, *outside):
        for target, data in pods.items():
            if source != target:
                yield from (f"{source} -> {scheme}{target}:{number}" for scheme, number in _served(data))
    for source in pods:
        yield from (f"{source} -> {host}:80" for host in outside)
        yield from (
            f"{source} -> ip({ref}):{port['port']}"
            for service in _kind(draft, "Service")
            if (ref := _ref(service)).removesuffix(_SERVICE) in pods.keys() - {source}
            for port in service["spec"]["ports"]
        )


def _kind(draft: Draft, kind: str) -> Sequence[JsonMapping]:
    return [data for data in draft.tree["workloads"] if data["kind"] == kind]


def _ref(data: JsonMapping) -> str:
    return f"{data['metadata']['namespace']}/{data['metadata']['name']}"


def _served(pod: JsonMapping) -> Iterator[tuple[str, int]]:
    """Yield the prefix of a path's target, and the number, of each port that a pod serves."""
    for container in pod["spec"]["containers"]:
        for port in container["ports"]:
            protocol = port.get("protocol", "TCP")
            yield "" if protocol == "TCP" else f"{protocol.lower()}://", port["containerPort"]


def _restarts(seed: int, step: int) -> bool:
    """Return whether the policy agent restarts in a step, the same for all seeds of a block."""
    return step > 0 and Random(f"{seed // BLOCK} {step}").random() < 0.1


class _Steps:
    """Draws steps, each from the one before. ``policies`` are the versions of policies that they name."""

    def __init__(self, draw: Random, strategy: PolicyStrategy, pods: Sequence[JsonObject], most: int) -> None:
        self.policies: dict[str, JsonObject] = {}
        self._draw = draw
        self._strategy = strategy
        self._pods = pods
        self._most = most
        self._before: JsonObject | None = None
        self._removed: list[str] = []

    def next(self, *, restarts: bool) -> JsonObject:
        """Return a step whose policies are those of the step before, some of them updated, removed, or back again."""
        number = 0 if self._before is None else int(self._before["name"][1:]) + 1
        step: JsonObject = {"name": f"s{number}", "policies": self._policies_in_force()}
        if self._before is not None:
            step |= self._changes_of_pods() | ({"restart": "agent"} if restarts else {})
        self._before = step
        return step

    def _policies_in_force(self) -> list[str]:
        before, draw = (self._before or {}).get("policies", []), self._draw
        fates = {identifier: draw.random() for identifier in before}
        kept = [identifier for identifier, fate in fates.items() if fate < 0.4]
        kept += [self._update(identifier) for identifier, fate in fates.items() if 0.4 <= fate < 0.7]
        back = [identifier for identifier in self._removed if not self._is_taken(identifier, kept)]
        kept += back[:1] if draw.random() < 0.4 else []
        self._removed = [identifier for identifier, fate in fates.items() if fate >= 0.7]
        wanted = draw.randint(1, self._most) if self._before is None or draw.random() < 0.7 else 0
        while len(kept) < wanted:
            kept.append(self._new(kept))
        return kept

    def _update(self, identifier: str) -> str:
        old = self.policies[identifier]
        return self._add(self._strategy.updated(old))

    def _new(self, kept: Sequence[str]) -> str:
        draw, strategy = self._draw, self._strategy
        space, name = draw.choice(strategy.namespaces), f"p{draw.randrange(self._most)}"
        if strategy.features.large:
            name = f"{_LONG}{name}" if draw.random() < 0.2 else f"a-policy-with-a-name-{name}"
        taken = {_ref(self.policies[identifier]) for identifier in kept}
        if f"{space}/{name}" in taken:
            name = f"{name}-q{len(self.policies)}"
        return self._add(strategy.policy(space, name))

    def _add(self, policy: JsonObject) -> str:
        identifier = f"{policy['metadata']['namespace']}-{policy['metadata']['name'][-20:]}-{len(self.policies)}"
        self.policies[identifier] = policy
        return identifier

    def _is_taken(self, identifier: str, kept: Sequence[str]) -> bool:
        return _ref(self.policies[identifier]) in {_ref(self.policies[other]) for other in kept}

    def _changes_of_pods(self) -> JsonObject:
        """Return what else a step changes: labels of a pod or a namespace, a pod made again, or taken away."""
        draw, pod = self._draw, self._draw.choice(self._pods)
        ref = _ref(pod)
        changes: JsonObject = {}
        if draw.random() < 0.35:
            labels = _labels(draw, POD_LABELS) | {"pod": pod["metadata"]["labels"]["pod"]}
            changes["labels"] = {"pods": {ref: labels}}
        if draw.random() < 0.2:
            namespace = draw.choice(self._strategy.namespaces)
            labels = _labels(draw, NAMESPACE_LABELS) or {"team": "blue"}
            changes.setdefault("labels", {})["namespaces"] = {namespace: labels}
        other, kind = _ref(draw.choice(self._pods)), draw.random()
        if kind < 0.2:
            changes["recreate"] = [other]
        elif kind < 0.3:
            changes["absent"] = [other]
        return changes


def _pod(draw: Random, space: str, name: str) -> JsonObject:
    """Return a pod that serves some numbers over TCP, and some over UDP, with names that differ between pods.

    The last name is often the same in all pods, and the first one not: engines that group pods by names mix them up.
    """
    names = [draw.choice(NAMES[:2]), NAMES[2]] if draw.random() < 0.6 else draw.sample(NAMES, 2)
    containers = [_container(draw, number, name) for number, name in zip(NUMBERS, names, strict=True)]
    if draw.random() < 0.15:
        containers.append(_server(53, [{"containerPort": 53}]))
    labels = _labels(draw, POD_LABELS) | {"pod": name}
    return _object("Pod", {"name": name, "namespace": space, "labels": labels}, {"containers": containers})


def _container(draw: Random, number: int, port_name: str) -> JsonObject:
    ports: list[JsonObject] = [{"containerPort": number}]
    if draw.random() < 0.8:
        ports[0]["name"] = port_name
    if draw.random() < 0.3:
        ports.append({"containerPort": number, "protocol": "UDP", "name": f"{port_name}-u"})
    return _server(number, ports)


def _server(number: int, ports: Sequence[JsonObject]) -> JsonObject:
    arguments = ["netexec", f"--http-port={number}", f"--udp-port={number}"]
    return {"name": f"serve-{number}", "image": IMAGE, "args": arguments, "ports": list(ports)}


def _service(pod: JsonObject) -> JsonObject:
    """Return a Service of one pod, whose ports have other numbers than the pod's."""
    metadata = {"name": f"{pod['metadata']['name']}{_SERVICE}", "namespace": pod["metadata"]["namespace"]}
    ports = [
        {"name": "first", "port": _SERVICE_PORT, "targetPort": NUMBERS[0]},
        {"name": "second", "port": NUMBERS[0], "targetPort": NUMBERS[1]},
    ]
    return _object("Service", metadata, {"selector": {"pod": pod["metadata"]["name"]}, "ports": ports})


def _name(index: int) -> str:
    letter = "abcdefghijklmnopqrstuvwxyz"[index % 26]
    return f"{letter}{index // 26 or ''}"


def _labels(draw: Random, known: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {key: draw.choice(values) for key, values in known.items() if draw.random() < 0.75}


def _object(kind: str, metadata: JsonObject, spec: JsonObject | None = None) -> JsonObject:
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata} | ({"spec": spec} if spec else {})
