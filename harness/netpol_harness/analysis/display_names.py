"""Names of pods, hosts, policies and rules as the scenario's author wrote them, with ``file:line``. Pure."""

from collections.abc import Mapping
from copy import copy
from itertools import chain

from netpol_harness.model.cluster_policy import ClusterNetworkPolicy
from netpol_harness.model.cluster_services import API_SERVER
from netpol_harness.model.names import Direction, NamespacedName
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.oracle.verdict import Flow, FlowEnd, Host, Ruling
from netpol_harness.paths.diagnostics import Place
from netpol_harness.paths.names import Names
from netpol_harness.paths.path import Path
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.scenario import Manifest, Scenario, Step, cluster_policies


class DisplayNames:
    """The names for one path of a step. ``unused`` are policies that no step of the scenario names."""

    def __init__(self, scenario: Scenario, step: Step, path: Path, unused: tuple[Manifest, ...] = ()) -> None:
        self.path = path
        self._inventory = step.inventory
        self._names = Names(step.inventory)
        manifests = chain(unused, *(other.policies for other in scenario.steps), step.policies)
        self._manifests: Mapping[NamespacedName, Manifest] = {
            m.name.ref: m for m in manifests if m.family is ApiGroupFamily.KUBERNETES
        }
        self._cluster_manifests = {manifest.name.ref.name: manifest for manifest in cluster_policies(step)}

    def of_path(self, path: Path) -> "DisplayNames":
        """Return the names for another path of the step, without looking them up again."""
        other = copy(self)
        other.path = path
        return other

    def end(self, end: FlowEnd) -> str:
        """Return the shortest name of a pod; for a host, the external host that the path names, or its address."""
        if isinstance(end, Host) and end.runs:
            return f"the node of {self.end(end.runs)}"
        if isinstance(end, Host) and getattr(self.path.target, "ref", None) == API_SERVER:
            return f"the API server ({end.address})" if end.address else "the API server"
        if isinstance(end, Host):
            return next(iter(self.path.external_hosts), end.address)
        if end in self._inventory.workloads:
            return self._names.spell_source(end)
        return self._replica(end)

    def _replica(self, end: NamespacedName) -> str:
        """Return the name of one of several pods: its workload's, unless the pods of that workload must be told apart.

        Those of a StatefulSet have names of their own.
        """
        name, _, index = end.name.rpartition("/")
        workload = self._inventory.workloads.get(NamespacedName(end.namespace, name))
        if workload is None:
            return str(end)
        spelled = self._names.spell_source(workload.ref)
        if workload.kind == "StatefulSet":
            return f"{spelled}-{index}"
        return f"{spelled}/{index}" if self._is_among_peers(workload.ref) else spelled

    def _is_among_peers(self, workload: NamespacedName) -> bool:
        """Whether the path leads from this workload to itself, or names one of its pods."""
        ends = [end for end in (self.path.source, self.path.target) if getattr(end, "ref", None) == workload]
        return len(ends) > 1 or any(getattr(end, "replica", None) is not None for end in ends)

    def connection(self, flow: Flow) -> str:
        """Return ``web-pod -> kube-system/kube-dns 53/UDP``."""
        return f"{self.end(flow.source)} -> {self.end(flow.destination)} {flow.port}"

    def policy(self, ref: NamespacedName) -> str:
        """Return ``db-policy (policies/db-policy.yaml:1)``."""
        manifest = self._manifests.get(ref)
        name = ref.name if ref.namespace == self._inventory.default_namespace else str(ref)
        return f"{name} ({manifest.where})" if manifest else name

    def rule(self, policy: NetworkPolicy, direction: Direction, index: int) -> str:
        """Return ``rule 1 (policies/db-policy.yaml:10)``, counted from 1, or ``the only rule (...)``."""
        manifest = self._manifests.get(policy.ref)
        where = f" ({manifest.at('spec', direction.lower(), index)})" if manifest else ""
        return f"{'the only rule' if len(policy.rules(direction)) == 1 else f'rule {index + 1}'}{where}"

    def cluster_rule(self, ruling: Ruling, direction: Direction) -> str:
        """Return ``rule 1 'deny-z' (policies/z.yaml:10) of about-z (Admin tier, priority 10)``, counted from 1."""
        rule = self._cluster_rule(ruling.policy, direction, ruling.rule, ruling.name)
        return f"{rule} ({ruling.tier} tier, priority {ruling.priority})"

    def rule_of_tier(self, policy: ClusterNetworkPolicy, direction: Direction, index: int) -> str:
        """Return the same for a rule of a policy."""
        rule = self._cluster_rule(policy.name, direction, index, policy.rules(direction)[index].name)
        return f"{rule} ({policy.tier} tier, priority {policy.priority})"

    def cluster_policy(self, name: str) -> str:
        """Return ``about-z (policies/z.yaml:1)``."""
        manifest = self._cluster_manifests.get(name)
        return f"{name} ({manifest.where})" if manifest else name

    def _cluster_rule(self, policy: str, direction: Direction, index: int, name: str) -> str:
        manifest = self._cluster_manifests.get(policy)
        where = f" ({manifest.at('spec', direction.lower(), index)})" if manifest else ""
        return f"rule {index + 1}{f' {name!r}' if name else ''}{where} of {policy}"

    def policy_place(self, ref: NamespacedName) -> Place | None:
        """Return the place of a policy; ``None`` if it is not in a file."""
        manifest = self._manifests.get(ref)
        return manifest.place() if manifest else None

    def rule_place(self, ref: NamespacedName, direction: Direction, index: int) -> Place | None:
        """Return the place of a rule; ``None`` if it is not in a file."""
        manifest = self._manifests.get(ref)
        return manifest.place("spec", direction.lower(), index) if manifest else None

    def ruling_place(self, ruling: Ruling, direction: Direction) -> Place | None:
        """Return the place of a rule of a ClusterNetworkPolicy; ``None`` if it is not in a file."""
        manifest = self._cluster_manifests.get(ruling.policy)
        return manifest.place("spec", direction.lower(), ruling.rule) if manifest else None

    def cluster_manifest(self, name: str) -> Manifest | None:
        """Return the manifest of a ClusterNetworkPolicy of the step; ``None`` if it has none of this name."""
        return self._cluster_manifests.get(name)

    def manifest(self, ref: NamespacedName) -> Manifest | None:
        """Return the manifest of a policy; ``None`` if the scenario has none."""
        return self._manifests.get(ref)
