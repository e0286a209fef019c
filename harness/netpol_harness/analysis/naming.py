"""Pods, hosts, policies and rules as the scenario's author knows them: shortest names, ``file:line``. Pure."""

from collections.abc import Mapping
from itertools import chain

from netpol_harness.model.names import Direction, NamespacedName
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.oracle.verdict import Flow, FlowEnd, Host
from netpol_harness.paths.names import Names
from netpol_harness.paths.path import Path
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.scenario import Manifest, Scenario, Step


class Speller:
    """Names of what a path of a step meets. ``spare`` are policies that no step of the scenario names."""

    def __init__(self, scenario: Scenario, step: Step, path: Path, spare: tuple[Manifest, ...] = ()) -> None:
        self._path = path
        self._inventory = step.inventory
        self._names = Names(step.inventory)
        elsewhere = chain(spare, *(other.policies for other in scenario.steps), step.policies)
        self._manifests: Mapping[NamespacedName, Manifest] = {
            m.name.ref: m for m in elsewhere if m.family is ApiGroupFamily.KUBERNETES
        }

    def end(self, end: FlowEnd) -> str:
        """A pod's name; a host outside is the one that the path names."""
        if isinstance(end, Host):
            return next(iter(self._path.external_hosts), end.address)
        return self._names.spell_source(end) if end in self._inventory.workloads else str(end)

    def connection(self, flow: Flow) -> str:
        """``web-pod -> kube-system/kube-dns 53/UDP``."""
        return f"{self.end(flow.source)} -> {self.end(flow.destination)} {flow.port}"

    def policy(self, ref: NamespacedName) -> str:
        """``db-policy (policies/db-policy.yaml:1)``."""
        manifest = self._manifests.get(ref)
        name = ref.name if ref.namespace == self._inventory.default_namespace else str(ref)
        return f"{name} ({manifest.where})" if manifest else name

    def rule(self, policy: NetworkPolicy, direction: Direction, index: int) -> str:
        """``rule 1 (policies/db-policy.yaml:10)``, counted from 1."""
        manifest = self._manifests.get(policy.ref)
        where = f" ({manifest.at('spec', direction.lower(), index)})" if manifest else ""
        return f"{'the only rule' if len(policy.rules(direction)) == 1 else f'rule {index + 1}'}{where}"

    def manifest(self, ref: NamespacedName) -> Manifest | None:
        """What a policy was read from."""
        return self._manifests.get(ref)
