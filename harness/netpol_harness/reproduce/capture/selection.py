"""The part of a cluster's objects that a capture needs. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from netpol_harness.errors import HarnessError
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.kinds import CLUSTER_NETWORK_POLICY, GroupKind, is_cluster_scoped
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod, World
from netpol_harness.paths.diagnostics import suggest
from netpol_harness.reproduce.capture.inputs import ClusterInput
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.scenario import SYSTEM_NAMESPACES
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

_BETWEEN = (GroupKind("apps", "ReplicaSet"), GroupKind("batch", "Job"))
_DNS_LABELS = ({"k8s-app": "kube-dns"}, {"dns.operator.openshift.io/daemonset-dns": "default"})
"""Labels of the pods of common name servers."""
_USUAL_DNS = NamespacedName("kube-system", "kube-dns")


@dataclass(frozen=True, slots=True)
class Selection:
    """The captured objects: ``world`` is a snapshot of them, with all namespaces that policies may ask about.

    ``pods`` are those that run, ``between`` the ReplicaSets and Jobs that own pods. ``names`` are the captured
    namespaces.
    """

    names: frozenset[str]
    pods: tuple[JsonMapping, ...]
    policies: tuple[JsonMapping, ...]
    between: tuple[JsonMapping, ...]
    world: World
    dns: Mapping[str, object]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, given: ClusterInput, wanted: frozenset[str]) -> "Selection":
        """Select these namespaces, or all but the system's. Raises ``HarnessError`` if one does not exist."""
        known = _namespaces_in(given.objects)
        if unknown := sorted(wanted - known):
            raise HarnessError(f"there is no namespace '{unknown[0]}' in {given.source}; {suggest(unknown[0], known)}")
        names = wanted or frozenset(known - SYSTEM_NAMESPACES)
        policies = tuple(data for data in given.objects if _is_policy(data) and _is_in(data, names | SYSTEM_NAMESPACES))
        needed = _needed_of_system(given, policies) if SYSTEM_NAMESPACES - names else ()
        inside = [d for d in given.objects if _is_in(d, names) and not _is_policy(d)]
        pods = sorted((*filter(_is_pod, inside), *needed), key=lambda data: Pod.parse(data).ref)
        running = tuple(data for data in pods if _runs(data))
        rest = [d for d in inside if not _is_pod(d)]
        names_of_all = (d for d in given.objects if GroupKind.of(d) == GroupKind("", "Namespace"))
        world = World.parse([*{_key(d): d for d in (*rest, *names_of_all, *running, *policies)}.values()])
        notes = [*_ended(len(pods) - len(running)), *_unready(running)]
        return cls(
            names,
            running,
            tuple(sorted(policies, key=lambda data: (str(_namespace(data)), data["metadata"]["name"]))),
            tuple(d for d in given.objects if GroupKind.of(d) in _BETWEEN),
            world,
            _dns(given),
            tuple(_warnings(given, names)),
            tuple(notes),
        )

    @property
    def declared_namespaces(self) -> frozenset[str]:
        """The namespaces that get a manifest; of the system's those whose labels a selector asks for."""
        system = {
            name
            for name in SYSTEM_NAMESPACES & self.world.namespaces.keys()
            if (self.world.namespaces[name].labels.keys() - {NAMESPACE_NAME_LABEL}) & selected_keys(self)
        }
        return (self.names & self.world.namespaces.keys()) | system

    @property
    def written_namespaces(self) -> tuple[str, ...]:
        """The namespaces of which something is written, sorted."""
        pods = {str(_namespace(data)) for data in self.pods}
        return tuple(sorted(self.names | pods | self.declared_namespaces))

    @property
    def is_exclusive(self) -> bool:
        """Whether something is captured that all scenarios on a cluster share."""
        wide = any(is_cluster_scoped(GroupKind.of(policy)) for policy in self.policies)
        shared = {str(_namespace(data)) for data in (*self.pods, *self.policies)} | self.declared_namespaces
        return wide or bool(SYSTEM_NAMESPACES & shared)


def selected_keys(selection: Selection) -> frozenset[str]:
    """Return the label keys that a selector of a policy or a Service asks for."""
    policies = (key for policy in selection.policies for key in _keys(policy.get("spec") or {}))
    services = (key for service in selection.world.services.values() for key in service.selector or ())
    return frozenset((*policies, *services))


def _keys(value: object) -> Iterator[str]:
    """Yield the keys of all label selectors in a value; of policies of other APIs, all words that may be keys."""
    if isinstance(value, Mapping):
        labels = value.get("matchLabels")
        yield from map(str, labels) if isinstance(labels, Mapping) else ()
        if isinstance(key := value.get("key"), str):
            yield key
        for item in value.values():
            yield from _keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from _keys(item)


def _is_pod(data: JsonMapping) -> bool:
    return GroupKind.of(data) == GroupKind("", "Pod")


def _is_policy(data: JsonMapping) -> bool:
    return ApiGroupFamily.of(data["kind"], data["apiVersion"]) is not None


def _namespace(data: JsonMapping) -> str | None:
    return None if is_cluster_scoped(GroupKind.of(data)) else data["metadata"].get("namespace") or "default"


def _is_in(data: JsonMapping, names: Collection[str]) -> bool:
    namespace = _namespace(data)
    return namespace is None or namespace in names


def _key(data: JsonMapping) -> tuple[str, str, str]:
    return str(GroupKind.of(data)), str(_namespace(data)), data["metadata"]["name"]


def _runs(data: JsonMapping) -> bool:
    return Pod.parse(data).running and "deletionTimestamp" not in data["metadata"]


def _namespaces_in(objects: Iterable[JsonMapping]) -> frozenset[str]:
    names = set()
    for data in objects:
        if GroupKind.of(data) == GroupKind("", "Namespace"):
            names.add(str(data["metadata"]["name"]))
        elif namespace := _namespace(data):
            names.add(namespace)
    return frozenset(names)


def _needed_of_system(given: ClusterInput, policies: Iterable[JsonMapping]) -> tuple[JsonMapping, ...]:
    """Return the pods of system namespaces that a peer of a policy names by its namespace, but not the name server."""
    world = World.parse([*given.objects])
    peers = [
        peer
        for policy in world.policies
        if any(policy.ref.namespace == _namespace(data) for data in policies)
        for direction in policy.directions
        for rule in policy.rules(direction)
        for peer in rule.peers or ()
        if getattr(peer, "namespaces", None) is not None and peer.namespaces.requirements  # type: ignore[union-attr]
    ]
    names_dns = [labels.items() for labels in _DNS_LABELS]
    found = []
    for data in filter(_is_pod, given.objects):
        pod = Pod.parse(data)
        namespace = world.namespaces.get(pod.ref.namespace)
        is_dns = any(items <= pod.labels.items() for items in names_dns)
        if pod.ref.namespace in SYSTEM_NAMESPACES and namespace and not (pod.host_network or is_dns):
            matches = (
                p.namespaces.matches(namespace.labels) and (p.pods is None or p.pods.matches(pod.labels))  # type: ignore[union-attr]
                for p in peers
            )
            if any(matches):
                found.append(data)
    return tuple(found)


def _ended(number: int) -> Iterator[str]:
    if number:
        yield f"{number} pods that have ended, or are ending, are left out"


def _unready(pods: Iterable[JsonMapping]) -> Iterator[str]:
    if unready := [str(pod.ref) for pod in map(Pod.parse, pods) if not pod.ready]:
        yield f"pods that were not Ready, whose stand-ins are: {', '.join(unready)}"


def _warnings(given: ClusterInput, names: frozenset[str]) -> Iterator[str]:
    declared = {d["metadata"]["name"] for d in given.objects if GroupKind.of(d) == GroupKind("", "Namespace")}
    if missing := sorted(names - declared):
        yield f"the labels of these namespaces are not known: {', '.join(missing)}"
    foreign = sorted({str(GroupKind.of(d)) for d in given.objects if _is_foreign(d)})
    if foreign:
        yield f"the oracle does not read {', '.join(foreign)}: what they may decide is undefined"


def _is_foreign(data: JsonMapping) -> bool:
    family = ApiGroupFamily.of(data["kind"], data["apiVersion"])
    return family is not None and family.is_foreign and GroupKind.of(data) != CLUSTER_NETWORK_POLICY


def _dns(given: ClusterInput) -> Mapping[str, object]:
    """Return where the name server is, if pods with known labels show that it is not at the usual place."""
    services = {(d["metadata"].get("namespace"), d["metadata"]["name"]) for d in given.of_kind("", "Service")}
    if (_USUAL_DNS.namespace, _USUAL_DNS.name) in services or ("openshift-dns", "dns-default") not in services:
        return {}
    labels = dict(_DNS_LABELS[1])
    return {"namespace": "openshift-dns", "service": "dns-default", "labels": labels, "port": 5353}
