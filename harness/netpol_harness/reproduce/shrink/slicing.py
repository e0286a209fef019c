"""What the specification does not need for the verdict of a path, in a guess that a trial must confirm. Pure.

The pods at both ends of the path matter, the Services between them, and the policies that select one of these pods in
any step. Policies of other APIs are never guessed away.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.labels import Labels
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.model.services import Service
from netpol_harness.paths.ends import (
    ClusterIPTarget,
    FqdnTarget,
    LoadBalancerTarget,
    NodePortTarget,
    NodeSource,
    PodSource,
    PodTarget,
    ServiceTarget,
)
from netpol_harness.paths.path import Inventory, Path
from netpol_harness.reproduce.shrink.draft import Draft, Place
from netpol_harness.scenario.scenario import Scenario

_OF_SERVICES = frozenset({"Endpoints", "EndpointSlice"})


def slices(draft: Draft, scenario: Scenario) -> Iterator[Sequence[Draft]]:
    """Yield smaller drafts in the order in which to try them, those of one list at once, the smallest one first.

    ``scenario`` is that of the draft.
    """
    ends = _ends(scenario)
    namespaces = {ref.namespace for ref in ends}
    objects = list(_objects(draft, ends, namespaces))
    policies = list(_policies(draft, scenario, ends))
    steps: list[Place] = [("steps", index) for index in range(len(draft.tree["steps"]) - 1)]
    yield [draft.without([*objects, *policies, *steps]), draft.without([*objects, *policies])]
    objects = list(_objects(draft, ends, namespaces | set(_namespaces_of_policies(draft))))
    yield [draft.without([*objects, *steps]), draft.without(objects)]
    yield [draft.without([*policies, *steps]), draft.without(policies)]


def _ends(scenario: Scenario) -> Collection[NamespacedName]:
    """Return the workloads and Services that the path of the last step needs."""
    step = scenario.steps[-1]
    path: Path = step.expectations[0].path
    source = {path.source.ref} if isinstance(path.source, PodSource | NodeSource) else set()
    services = {service.ref: service for service in _services(path, step.inventory)}
    pods = {path.target.ref} if isinstance(path.target, PodTarget | NodePortTarget) else set()
    behind = {
        workload.ref
        for workload in step.inventory.workloads.values()
        if any(service.selects(workload.ref.namespace, workload.labels) for service in services.values())
    }
    return source | pods | behind | services.keys()


def _services(path: Path, inventory: Inventory) -> Iterator[Service]:
    match path.target:
        case ServiceTarget(ref) | FqdnTarget(ref) | ClusterIPTarget(ref) | LoadBalancerTarget(ref):
            yield from (inventory.services[ref],) if ref in inventory.services else ()
        case NodePortTarget(port=port):
            for service in inventory.services.values():
                if any(each.node_port == port for each in service.ports):
                    yield service


def _objects(draft: Draft, ends: Collection[NamespacedName], namespaces: Collection[str]) -> Iterator[Place]:
    """Yield the workloads that the path does not need, and all other namespaces."""
    for index, data in enumerate(draft.tree["workloads"]):
        metadata = data["metadata"]
        if data["kind"] == "Namespace":
            needed = metadata["name"] in namespaces
        elif data["kind"] in _OF_SERVICES:
            needed = (metadata.get("namespace") or "default") in namespaces
        else:
            needed = _name(data) in ends
        if not needed:
            yield ("workloads", index)


def _namespaces_of_policies(draft: Draft) -> Iterator[str]:
    for data in draft.tree["policies"].values():
        yield data["metadata"].get("namespace") or "default"


def _policies(draft: Draft, scenario: Scenario, ends: Collection[NamespacedName]) -> Iterator[Place]:
    """Yield the NetworkPolicies of which no version selects an end of the path in any step."""
    known = [step.inventory.workloads for step in scenario.steps]
    labels = [(ref, each[ref].labels) for each in known for ref in ends if ref in each]
    policies = {identifier: NetworkPolicy.parse(data) for identifier, data in _network_policies(draft)}
    needed = {p.ref for p in policies.values() if any(_selects(p, ref, own) for ref, own in labels)}
    yield from (("policies", identifier) for identifier, policy in policies.items() if policy.ref not in needed)


def _network_policies(draft: Draft) -> Iterator[tuple[str, JsonMapping]]:
    for identifier, data in draft.tree["policies"].items():
        if data["kind"] == "NetworkPolicy" and data["apiVersion"].startswith("networking.k8s.io/"):
            yield identifier, data


def _selects(policy: NetworkPolicy, ref: NamespacedName, labels: Labels) -> bool:
    return policy.ref.namespace == ref.namespace and policy.subject.matches(labels)


def _name(data: JsonMapping) -> NamespacedName:
    metadata: Mapping[str, str] = data["metadata"]
    return NamespacedName(metadata.get("namespace") or "default", metadata["name"])
