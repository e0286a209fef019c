"""What of a state a cluster can hold: objects of kinds that it lacks are left out, or made as Deployments.

No run fails because a cluster lacks a kind without meaning for connectivity. Workloads of a kind that the cluster lacks
become Deployments with the same pod template. So do those whose kind only the scenario's own CRDs define: nothing on
the cluster makes their pods yet. Pure, but for ``serves``.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.model.kinds import GroupKind, KindClass, pod_template, wanted_pods
from netpol_harness.model.names import ObjectKey
from netpol_harness.runner.state import State
from netpol_harness.wellknown import WORKLOAD_LABEL

_VITAL = (KindClass.WORKLOAD, KindClass.CONNECTIVITY, KindClass.NETWORK_POLICY)

KindKey = tuple[str, str]
"""An API version and a kind."""


@dataclass(slots=True)
class AvailableKinds:
    """The kinds of a cluster as it was before the run changed it.

    ``serves`` tells whether the API has a kind in a version; it is called once for each. ``left_out`` and
    ``as_deployments`` are the kinds of all objects that were not applied as they are.
    """

    serves: Callable[[str, str], bool]
    left_out: dict[ObjectKey, GroupKind] = field(default_factory=dict)
    as_deployments: dict[ObjectKey, GroupKind] = field(default_factory=dict)
    _served: dict[KindKey, bool] = field(default_factory=dict)

    def adapt(self, state: State) -> State:
        """Return the objects of a state that the cluster can hold."""
        defined = {kind for data in state.values() for kind in defined_kinds(data)}
        adapted: dict[ObjectKey, JsonMapping] = {}
        for key, data in state.items():
            match self._fate(data, defined):
                case None:
                    self.left_out[key] = key.group_kind
                case other:
                    adapted[ObjectKey.of(other)] = other
                    if other is not data:
                        self.as_deployments[key] = key.group_kind
        return adapted

    def adapted_keys(self, keys: Collection[ObjectKey]) -> frozenset[ObjectKey]:
        """Return the keys of the objects that stand for these."""
        return frozenset(_as_deployment_key(key) if key in self.as_deployments else key for key in keys)

    def _fate(self, data: JsonMapping, defined: Collection[KindKey]) -> JsonMapping | None:
        """Return what is applied for an object: itself, a Deployment, or nothing."""
        kind_class, kind = KindClass.of(data), (data["apiVersion"], data["kind"])
        if kind_class in _VITAL and GroupKind.of(data).is_kubernetes:
            return data  # its absence is an error, which the API server explains
        if self._is_served(kind):
            return data
        if kind_class is KindClass.WORKLOAD:
            return as_deployment(data)
        return data if kind in defined else None

    def _is_served(self, kind: KindKey) -> bool:
        if kind not in self._served:
            self._served[kind] = self.serves(*kind)
        return self._served[kind]


def defined_kinds(data: JsonMapping) -> Iterator[KindKey]:
    """Yield the kinds that a CustomResourceDefinition adds to the API; nothing for other objects."""
    if GroupKind.of(data) != GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"):
        return
    spec = data.get("spec") or {}
    for version in spec.get("versions") or ():
        if version.get("served"):
            yield f"{spec.get('group')}/{version.get('name')}", str((spec.get("names") or {}).get("kind"))


def as_deployment(data: JsonMapping) -> JsonObject:
    """Return a Deployment with the name, the number of pods and the pod template of a workload of another API."""
    metadata, template = data["metadata"], pod_template(data)
    pod_metadata = template.get("metadata") or {}
    labels = pod_metadata.get("labels") or {WORKLOAD_LABEL: metadata["name"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": dict(metadata),
        "spec": {
            "replicas": wanted_pods(data),
            "selector": {"matchLabels": dict(labels)},
            "template": {**template, "metadata": {**pod_metadata, "labels": dict(labels)}},
        },
    }


def _as_deployment_key(key: ObjectKey) -> ObjectKey:
    return ObjectKey("apps/v1", "Deployment", key.namespace, key.name)
