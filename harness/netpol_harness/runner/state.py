"""The objects that exist at one time, as plain data, and the changes that lead from one such state to another. Pure.

Policies in force, relabelled pods and namespaces, absent workloads: all are differences between two mappings from
object to manifest, so one comparison serves them all. Names are those of the cluster, not the scenario's own.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum

from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.kinds import makes_pods, pod_template, replaces_pods
from netpol_harness.model.names import ObjectKey

State = Mapping[ObjectKey, JsonMapping]


class Act(IntEnum):
    """Kinds of change, in the order in which they are made.

    Definitions of kinds are created before objects of these kinds, policies before the pods that they select. Deletions
    come before recreations.
    """

    CREATE_NAMESPACE = 0
    DEFINE = 1
    CREATE = 2
    REPLACE = 3
    RELABEL = 4
    DELETE = 5
    RECREATE = 6
    START = 7


@dataclass(frozen=True, slots=True)
class Change:
    """One change. For RELABEL, ``data`` is a JSON merge patch (RFC 7386); for DELETE, the object as it was."""

    act: Act
    key: ObjectKey
    data: JsonMapping

    @property
    def starts_pods(self) -> bool:
        """Whether this change starts or ends pods, so that readiness must be awaited."""
        return self.act is not Act.RELABEL and makes_pods(self.data)


_CREATE = {"Namespace": Act.CREATE_NAMESPACE, "CustomResourceDefinition": Act.DEFINE}
_IMMUTABLE = frozenset({"Pod", "Job"})


def changes(old: State, new: State, recreate: Collection[ObjectKey] = ()) -> tuple[Change, ...]:
    """Return the changes that turn ``old`` into ``new``, in the order in which they must be made.

    The objects of ``recreate`` that are in ``new`` are deleted and created again, even if they do not differ.
    """
    unordered = [
        *(Change(Act.DELETE, key, data) for key, data in old.items() if key not in new),
        *(_change(key, old.get(key), new[key]) for key in new if old.get(key) != new[key] and key not in recreate),
        *(Change(Act.RECREATE if key in old else Act.START, key, new[key]) for key in recreate if key in new),
    ]
    return tuple(sorted(unordered, key=lambda change: (change.act, change.key)))


def _change(key: ObjectKey, old: JsonMapping | None, new: JsonMapping) -> Change:
    """Return the change that turns ``old`` into ``new``: a creation, a new set of labels, or a replacement."""
    if old is None:
        create = _CREATE.get(key.kind, Act.CREATE)
        return Change(Act.START if makes_pods(new) else create, key, new)
    if _without_labels(old) == _without_labels(new):
        before, after = _labels(old), _labels(new)
        labels = {**dict.fromkeys(before.keys() - after.keys()), **after}
        return Change(Act.RELABEL, key, {"metadata": {"labels": labels}})
    new_pods = pod_template(old) != pod_template(new) and makes_pods(new) and not replaces_pods(new)
    return Change(Act.RECREATE if new_pods or key.kind in _IMMUTABLE else Act.REPLACE, key, new)


def _labels(data: JsonMapping) -> Mapping[str, str]:
    return data["metadata"].get("labels") or {}


def _without_labels(data: JsonMapping) -> JsonMapping:
    return {**data, "metadata": {key: value for key, value in data["metadata"].items() if key != "labels"}}
