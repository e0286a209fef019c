"""One API object before and after an edit, and the world in which the edit is made. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from netpol_harness.analysis.edits.hunks import Hunk, hunks
from netpol_harness.model.cluster_policy import ClusterNetworkPolicy
from netpol_harness.model.labels import Labels
from netpol_harness.model.objects import World
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.paths.names import ObjectName
from netpol_harness.scenario.scenario import Manifest

Data = Mapping[str, Any]
"""An API object, or a part of one, as plain data."""


@dataclass(frozen=True, slots=True)
class ObjectEdit:
    """An object before and after. ``before`` is ``None`` for a new object, and for a policy that is put in force.

    ``manifest`` is where the object is written, ``None`` for a new one.
    """

    before: Data | None
    after: Data
    manifest: Manifest | None = None

    @property
    def name(self) -> ObjectName:
        """The object's name before the edit."""
        return Manifest(self.before or self.after, "").name

    @property
    def is_as_written(self) -> bool:
        """Whether a policy is put in force as it is."""
        return self.before is None and self.manifest is not None

    @property
    def hunks(self) -> tuple[Hunk, ...]:
        """What changes in the manifest; nothing if a policy is put in force as it is."""
        return () if self.is_as_written else tuple(hunks(self.before, self.after))

    @property
    def size(self) -> int:
        """The number of lines of the manifest that change, at least 1."""
        return max(1, sum(hunk.changes for hunk in self.hunks))

    def where(self, hunk: Hunk) -> str:
        """Return ``file:line`` of a hunk, or that the object is new."""
        return self.manifest.at(*hunk.keys) if self.manifest else f"a new {self.name.kind}"

    def applied_to(self, world: World) -> World:
        """Return the world in which the object is as it is after the edit."""
        match self.name.kind:
            case "NetworkPolicy":
                others = (policy for policy in world.policies if policy.ref != self.name.ref)
                return replace(world, policies=(*others, NetworkPolicy.parse(self.after)))
            case "ClusterNetworkPolicy":
                policy = ClusterNetworkPolicy.parse(self.after)
                rest = (known for known in world.cluster_policies if known.name != policy.name)
                return replace(world, cluster_policies=(*rest, policy))
            case "Namespace":
                name = self.name.ref.name
                namespace = world.namespaces[name]
                labels = {**namespace.labels, **self._new_labels(self.before, self.after)}
                return replace(world, namespaces={**world.namespaces, name: replace(namespace, labels=labels)})
            case _:
                return self._with_relabelled_pods(world)

    def _with_relabelled_pods(self, world: World) -> World:
        before, after = (Manifest(data, "").pod for data in (self.before or {}, self.after))
        labels = self._new_labels(before, after)
        pods = {
            ref: replace(pod, labels={**pod.labels, **labels}) if pod.workload == self.name.ref else pod
            for ref, pod in world.pods.items()
        }
        return replace(world, pods=pods)

    @staticmethod
    def _new_labels(before: Data | None, after: Data) -> Labels:
        """Return the labels that metadata has after the edit and not before. No edit removes a label."""
        known = _labels(before or {})
        return {key: value for key, value in _labels(after).items() if known.get(key) != value}


def _labels(data: Data) -> Labels:
    return (data.get("metadata") or {}).get("labels") or {}
