"""Changes to manifests before they are applied: patches, and the registry that images come from. Pure.

Invariant: a patch that does not fit is an error, never a no-op. A manifest that has changed must not lose the setting
that a patch was written for without a word.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from netpol_harness.errors import ClusterFailed
from netpol_harness.model.json_object import JsonObject


@dataclass(frozen=True, slots=True)
class ObjectPattern:
    """An object by kind and name; the namespace is empty where it is in none."""

    kind: str
    namespace: str
    name: str

    def matches(self, data: Mapping[str, Any]) -> bool:
        """Whether the object is the one."""
        metadata = data.get("metadata") or {}
        named = (data.get("kind"), metadata.get("namespace") or "", metadata.get("name"))
        return named == (self.kind, self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.kind} {f'{self.namespace}/' if self.namespace else ''}{self.name}"


@dataclass(frozen=True, slots=True)
class Replacement:
    """In the text under these keys, ``find``, which must be there exactly once, is replaced."""

    keys: tuple[str, ...]
    find: str
    by: str


@dataclass(frozen=True, slots=True)
class Patch:
    """A change to one object, on clusters of these IP families. ``place`` is where it is written, ``file:line``.

    ``merge`` goes into the object field by field: ``None`` removes a field, and lists of named items (containers,
    environment variables) merge by name, as in strategic merge patches; other lists are replaced.
    """

    place: str
    target: ObjectPattern
    families: frozenset[str]
    merge: Mapping[str, Any] = field(default_factory=dict)
    replacements: tuple[Replacement, ...] = ()


def patched(objects: Sequence[Mapping[str, Any]], patches: Iterable[Patch], family: str) -> list[JsonObject]:
    """The objects with the patches for an IP family. Raises ``ClusterFailed`` where one does not fit."""
    result = [deepcopy(dict(data)) for data in objects]
    for patch in patches:
        if family in patch.families:
            found = [data for data in result if patch.target.matches(data)]
            if not found:
                raise _unfit(patch, f"there is no {patch.target} in the manifests")
            for data in found:
                _apply(patch, data)
    return result


def with_registry(objects: Iterable[Mapping[str, Any]], prefix: str) -> list[JsonObject]:
    """The objects with the images of their containers from another registry: ``prefix`` replaces the host.

    ``quay.io/calico/node:v3`` becomes ``PREFIX/calico/node:v3``.
    """
    return [_with_registry(data, prefix.rstrip("/")) for data in objects]


def moved(image: str, prefix: str) -> str:
    """An image's name with another registry. The first part is a host where it has a dot, a port or is localhost."""
    host, slash, rest = image.partition("/")
    is_host = bool(slash) and ("." in host or ":" in host or host == "localhost")
    return f"{prefix.rstrip('/')}/{rest if is_host else image}"


def _apply(patch: Patch, data: JsonObject) -> None:
    data.update(_merged(data, patch.merge))
    for replacement in patch.replacements:
        *way, last = replacement.keys
        holder: Any = data
        for key in way:
            holder = holder.get(key) if isinstance(holder, dict) else None
        text = holder.get(last) if isinstance(holder, dict) else None
        times = text.count(replacement.find) if isinstance(text, str) else 0
        if times != 1:
            where = ".".join(replacement.keys)
            raise _unfit(patch, f"{replacement.find!r} is {times} times in {where} of {patch.target}")
        holder[last] = str(text).replace(replacement.find, replacement.by)


def _unfit(patch: Patch, why: str) -> ClusterFailed:
    return ClusterFailed(
        f"{patch.place}: the patch does not fit: {why}; compare it with the manifest, "
        "or give a definition of your own with --cni FILE"
    )


def _merged(old: Any, new: Any) -> Any:
    if isinstance(new, Mapping):
        result: JsonObject = dict(old) if isinstance(old, dict) else {}
        for key, value in new.items():
            if value is None:
                result.pop(key, None)
            else:
                result[key] = _merged(result.get(key), value)
        return result
    if _is_named(old) and _is_named(new):
        changes = {item["name"]: item for item in new}
        kept = [_merged(item, changes.pop(item["name"], {})) for item in old]
        return [*kept, *changes.values()]
    return new


def _is_named(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) and "name" in item for item in value)


def _with_registry(value: Any, prefix: str) -> Any:
    """Every image of every list of containers, wherever a pod template hides."""
    if isinstance(value, list):
        return [_with_registry(item, prefix) for item in value]
    if not isinstance(value, Mapping):
        return value
    result = {key: _with_registry(item, prefix) for key, item in value.items()}
    for key in ("containers", "initContainers"):
        if _is_named(result.get(key)):
            result[key] = [
                {**c, "image": moved(c["image"], prefix)} if isinstance(c.get("image"), str) else c for c in result[key]
            ]
    return result
