"""What a step wants to exist, as plain data, and the changes that lead from one such state to another. Pure.

Policies in force, relabelled pods and namespaces, absent workloads: all are differences between two mappings from
object to manifest, so one comparison serves them all. Names are the real ones of the cluster.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum

from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import ObjectKey
from netpol_harness.paths.names import WORKLOAD_KINDS
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Manifest, Scenario, Step

State = Mapping[ObjectKey, JsonMapping]


class Act(IntEnum):
    """Kinds of change, in the order in which they are made.

    Policies come before the pods that they select; what is no longer wanted goes before anything is made again.
    """

    CREATE_NAMESPACE = 0
    CREATE = 1
    REPLACE = 2
    RELABEL = 3
    DELETE = 4
    RECREATE = 5
    START = 6


@dataclass(frozen=True, slots=True)
class Change:
    """One change. For RELABEL, ``data`` is a JSON merge patch (RFC 7386); for DELETE, the object as it was."""

    act: Act
    key: ObjectKey
    data: JsonMapping

    @property
    def starts_pods(self) -> bool:
        """Whether pods begin or end by this change, so that readiness must be awaited."""
        return self.key.kind in _STARTS_PODS and self.act is not Act.RELABEL


_STARTS_PODS = frozenset({*WORKLOAD_KINDS, "Job"})
_IMMUTABLE = frozenset({"Pod", "Job"})


def state_of(scenario: Scenario, step: Step | None, placement: Placement) -> dict[ObjectKey, JsonMapping]:
    """All objects that ``step`` wants, in the cluster's names; without a step, the workloads that the first one has.

    What the first step lacks is not made before it: two pods may take turns at one address.
    """
    manifests = (*scenario.workloads, *(step.policies if step else ()))
    absent = (step or scenario.steps[0]).absent if scenario.steps else ()
    wanted = [manifest for manifest in manifests if manifest.name not in absent]
    placed = [placement.manifest(_relabelled(manifest, step)) for manifest in wanted]
    return {ObjectKey.of(data): data for data in placed}


def recreated(scenario: Scenario, step: Step, placement: Placement) -> frozenset[ObjectKey]:
    """The pods that entering ``step`` makes anew."""
    again = [m.data for m in scenario.workloads if m.name.kind == "Pod" and m.name.ref in step.recreate]
    return frozenset(ObjectKey.of(placement.manifest(data)) for data in again)


def changes(old: State, new: State, recreate: Collection[ObjectKey] = ()) -> tuple[Change, ...]:
    """What turns ``old`` into ``new``, in the order in which it should be done."""
    found = [
        *(Change(Act.DELETE, key, data) for key, data in old.items() if key not in new),
        *(_arrival(key, old.get(key), new[key]) for key in new if old.get(key) != new[key] and key not in recreate),
        *(Change(Act.RECREATE if key in old else Act.START, key, new[key]) for key in recreate if key in new),
    ]
    return tuple(sorted(found, key=lambda change: (change.act, change.key)))


def _arrival(key: ObjectKey, old: JsonMapping | None, new: JsonMapping) -> Change:
    """How ``new`` comes about: made, made again, relabelled in place, or put in the place of ``old``."""
    if old is None:
        namespace = Act.CREATE_NAMESPACE if key.kind == "Namespace" else Act.CREATE
        return Change(Act.START if key.kind in _STARTS_PODS else namespace, key, new)
    if _without_labels(old) == _without_labels(new):
        before, after = _labels(old), _labels(new)
        return Change(
            Act.RELABEL, key, {"metadata": {"labels": {**dict.fromkeys(before.keys() - after.keys()), **after}}}
        )
    return Change(Act.RECREATE if key.kind in _IMMUTABLE else Act.REPLACE, key, new)


def _labels(data: JsonMapping) -> Mapping[str, str]:
    return data["metadata"].get("labels") or {}


def _without_labels(data: JsonMapping) -> JsonMapping:
    return {**data, "metadata": {key: value for key, value in data["metadata"].items() if key != "labels"}}


def _relabelled(manifest: Manifest, step: Step | None) -> JsonMapping:
    """The manifest with the step's labels; ``None`` takes one away."""
    overrides = [relabel.labels for relabel in (step.labels if step else ()) if relabel.name == manifest.name]
    if not overrides:
        return manifest.data
    labels: dict[str, str | None] = dict(_labels(manifest.data))
    for override in overrides:
        labels.update(override)
    kept = {key: value for key, value in labels.items() if value is not None}
    return {**manifest.data, "metadata": {**manifest.data["metadata"], "labels": kept}}
