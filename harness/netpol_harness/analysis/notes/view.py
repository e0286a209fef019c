"""One step as notes see it: what its manifests define, without strangers. Pure."""

from collections.abc import Iterator
from functools import cached_property

from netpol_harness.analysis.describe import natural_list
from netpol_harness.analysis.notes.near_miss import Labelled, near_miss
from netpol_harness.analysis.selection import Selection
from netpol_harness.analysis.world import world_of
from netpol_harness.model.cluster_policy import PodSelection
from netpol_harness.model.labels import Labels, LabelSelector
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import PodPeer
from netpol_harness.scenario.scenario import Scenario, Step


class StepView:
    """The pods and namespaces of a step."""

    def __init__(self, scenario: Scenario, step: Step) -> None:
        self.step = step
        self.domain_names = frozenset(step.inventory.domain_names()) if scenario.has_domain_names else frozenset()
        world = world_of(step, scenario)
        self._namespaces = world.namespaces
        self._scenario = scenario
        self.selection = Selection(world, step.inventory)

    def pods_in(self, *namespaces: str) -> list[Labelled]:
        """Return one pod of each workload in these namespaces."""
        every = self.selection.pods(self.selection.every_pod)
        pods = {pod.workload: pod for pod in every if pod.ref.namespace in namespaces}
        return [Labelled(ref.name, pod.labels) for ref, pod in pods.items()]

    def namespaces(self) -> list[Labelled]:
        """Return the namespaces."""
        return [Labelled(name, namespace.labels) for name, namespace in self._namespaces.items()]

    def workloads_in(self, namespace: str) -> Iterator[tuple[str, NamespacedName, Labels, Labels]]:
        """Yield kind, name and own labels of the controllers in a namespace, and the labels of their pods."""
        for workload in self.step.inventory.workloads.values():
            if workload.ref.namespace == namespace and workload.ref in self._own_labels:
                yield workload.kind, workload.ref, self._own_labels[workload.ref], workload.labels

    @cached_property
    def _own_labels(self) -> dict[NamespacedName, Labels]:
        controllers = (m for m in self._scenario.workloads if m.pod and m.pod is not m.data)
        return {m.name.ref: (m.data.get("metadata") or {}).get("labels") or {} for m in controllers}

    def pods(self, numbers: int) -> list[Pod]:
        """Return the pods of a set of the selection."""
        return [*self.selection.pods(numbers)]

    def selected(self, selection: PodSelection, *, on_host_network: bool = False) -> list[Pod]:
        """Return the pods that a subject or peer of a ClusterNetworkPolicy selects, or those that it must not."""
        pods = self.pods(self.selection.peers(PodPeer(selection.namespaces, selection.pods), ""))
        return [pod for pod in pods if pod.host_network is on_host_network]

    def near_miss(self, namespaces: LabelSelector, pods: LabelSelector) -> str:
        """Say why no pod is selected: there is no such namespace, or no such pod in those that there are."""
        spaces = [space.name for space in self.namespaces() if namespaces.matches(space.labels)]
        if not spaces:
            return near_miss(namespaces, self.namespaces(), "namespace")
        noun = f"pod of {natural_list(spaces)}" if namespaces.requirements else "pod"
        return near_miss(pods, self.pods_in(*spaces), noun)
