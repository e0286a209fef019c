"""The objects that a change adds, removes or alters, as far as connectivity may depend on them. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import Any

from netpol_harness.analysis.predict import Predictor
from netpol_harness.model.cluster_policy import ClusterNetworkPolicy
from netpol_harness.model.kinds import KindClass
from netpol_harness.model.objects import Namespace
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.model.services import Service
from netpol_harness.paths.diagnostics import Place
from netpol_harness.paths.names import ObjectName
from netpol_harness.scenario.inventory import workload_of
from netpol_harness.scenario.scenario import Manifest

_MOST_FIELDS = 2
_NOT_CONNECTIVITY = frozenset({"annotations", "status", "image", "env", "resources", "replicas", "args", "command"})
_DEFAULTS = {"protocol": "TCP"}
_Fields = tuple[str | int, ...]
_Objects = Mapping[tuple[str, ObjectName], Manifest]


class Alteration(StrEnum):
    """What a change does to an object."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """An object with its place: that of its first field that differs, or of all of it.

    The place is in the files of the second side, or of the first if it is removed. ``details`` are the first fields
    that differ, with their values if these are scalars.
    """

    alteration: Alteration
    name: ObjectName
    place: Place
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        fields = f": {', '.join(self.details)}" if self.details else ""
        return f"{self.alteration} {self.name} ({self.place.where}){fields}"


def changed_objects(before: Predictor, after: Predictor) -> tuple[ObjectChange, ...]:
    """Return the changed objects of two steps: policies first, then Namespaces and all others, by name."""
    old, new = _objects(before), _objects(after)
    found = [
        *(_whole(Alteration.ADDED, manifest) for key, manifest in new.items() if key not in old),
        *(_whole(Alteration.REMOVED, manifest) for key, manifest in old.items() if key not in new),
        *(change for key, manifest in new.items() if key in old for change in _changed(old[key], manifest)),
    ]
    return tuple(sorted(found, key=lambda change: (_rank(change.name.kind), change.name)))


def _objects(predictor: Predictor) -> _Objects:
    step = predictor.step
    written = (*predictor.scenario.workloads, *step.policies)
    present = (manifest for manifest in written if manifest.name not in step.absent and manifest.node)
    return {(m.group, m.name): m for m in present if m.kind_class is not KindClass.OTHER}


def _whole(alteration: Alteration, manifest: Manifest) -> ObjectChange:
    return ObjectChange(alteration, manifest.name, _place(manifest))


def _place(manifest: Manifest, *fields: str | int) -> Place:
    return manifest.place(*fields) or Place(manifest.where, 1)


def _changed(old: Manifest, new: Manifest) -> Iterator[ObjectChange]:
    fields = list(_differing(old.data, new.data)) if _meaning(old) != _meaning(new) else []
    if fields:
        details = tuple(_detail(each, old.data, new.data) for each in fields[:_MOST_FIELDS])
        more = (f"and {len(fields) - _MOST_FIELDS} more",) if len(fields) > _MOST_FIELDS else ()
        yield ObjectChange(Alteration.CHANGED, new.name, _place(new, *fields[0]), (*details, *more))


def _meaning(manifest: Manifest) -> object:
    """Return what an object says about connections: a field that has its default is as good as one that is absent."""
    if workload := workload_of(manifest):
        return workload.labels, workload.ports, workload.host_network, bool(workload.replicas)
    return _PARSERS.get(manifest.kind_class, _data)(manifest.data)


def _data(data: Mapping[str, Any]) -> object:
    if data["kind"] == "Service":
        return Service.parse(data)
    return Namespace.parse(data) if data["kind"] == "Namespace" else data


_PARSERS: Mapping[KindClass, Callable[[Mapping[str, Any]], object]] = {
    KindClass.NETWORK_POLICY: NetworkPolicy.parse,
    KindClass.CLUSTER_POLICY: ClusterNetworkPolicy.parse,
}


def _differing(old: Any, new: Any, path: _Fields = ()) -> Iterator[_Fields]:
    """Yield the fields that differ, as deep as possible, except those that no connection depends on."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*old, *new]):
            if key not in _NOT_CONNECTIVITY:
                yield from _differing(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index, (one, other) in enumerate(zip_longest(old, new)):
            yield from _differing(one, other, (*path, index))
    elif old != new and not _is_default(str(path[-1]), old, new):
        yield path


def _is_default(field: str, old: object, new: object) -> bool:
    """Return whether one value is the default of a field, and the other is absent."""
    default = _DEFAULTS.get(field)
    return default is not None and (old, new) in ((None, default), (default, None))


def _detail(path: _Fields, old: Any, new: Any) -> str:
    for name in path:
        old, new = _part(old, name), _part(new, name)
    words = "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in path).lstrip(".")
    if isinstance(old, Mapping | list) or isinstance(new, Mapping | list):
        return f"{words} {'added' if old is None else 'removed' if new is None else 'changed'}"
    return f"{words} {_shown(old)} -> {_shown(new)}"


def _part(data: Any, name: str | int) -> Any:
    if isinstance(name, int):
        return data[name] if isinstance(data, list) and name < len(data) else None
    return data.get(name) if isinstance(data, Mapping) else None


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)


def _rank(kind: str) -> int:
    if kind.endswith("Policy"):
        return 0
    return 1 if kind == "Namespace" else 2
