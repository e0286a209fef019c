"""Changes of manifests before they are applied: patches, and the registry of images. Pure.

Invariant: a patch that does not match is an error, never a no-op. Otherwise a changed manifest would silently lose the
setting of the patch.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from netpol_harness.errors import ClusterFailed
from netpol_harness.model.json_object import JsonObject


@dataclass(frozen=True, slots=True)
class ObjectPattern:
    """An object by kind and name; the namespace is empty for a cluster-scoped object."""

    kind: str
    namespace: str
    name: str

    def matches(self, data: Mapping[str, Any]) -> bool:
        """Whether this is the object."""
        metadata = data.get("metadata") or {}
        identity = (data.get("kind"), metadata.get("namespace") or "", metadata.get("name"))
        return identity == (self.kind, self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.kind} {f'{self.namespace}/' if self.namespace else ''}{self.name}"


@dataclass(frozen=True, slots=True)
class Replacement:
    """Replace ``find``, which must occur exactly once, in the text at these keys."""

    keys: tuple[str, ...]
    find: str
    by: str


@dataclass(frozen=True, slots=True)
class Patch:
    """A change of one object, on clusters of these IP families. ``location`` of the patch is ``file:line``.

    ``merge`` is merged into the object field by field: ``None`` removes a field. Lists of named items (containers,
    environment variables) are merged by name, as in strategic merge patches; other lists are replaced.
    """

    location: str
    target: ObjectPattern
    families: frozenset[str]
    merge: Mapping[str, Any] = field(default_factory=dict)
    replacements: tuple[Replacement, ...] = ()


def apply_patches(objects: Sequence[Mapping[str, Any]], patches: Iterable[Patch], family: str) -> list[JsonObject]:
    """Return the objects with the patches for an IP family. Raises ``ClusterFailed`` if a patch does not match."""
    result = [deepcopy(dict(data)) for data in objects]
    for patch in patches:
        if family in patch.families:
            targets = [data for data in result if patch.target.matches(data)]
            if not targets:
                raise _mismatch(patch, f"there is no {patch.target} in the manifests")
            for data in targets:
                _apply(patch, data)
    return result


def with_registry(objects: Iterable[Mapping[str, Any]], prefix: str) -> list[JsonObject]:
    """Return the objects with the images of their containers from another registry: ``prefix`` replaces the host.

    ``quay.io/calico/node:v3`` becomes ``PREFIX/calico/node:v3``.
    """
    return [_with_registry(data, prefix.rstrip("/")) for data in objects]


def replace_registry(image: str, prefix: str) -> str:
    """Return an image with another registry. The first part is a host if it is localhost or has a dot or a port."""
    host, slash, rest = image.partition("/")
    is_host = bool(slash) and ("." in host or ":" in host or host == "localhost")
    return f"{prefix.rstrip('/')}/{rest if is_host else image}"


def _apply(patch: Patch, data: JsonObject) -> None:
    data.update(_merged(data, patch.merge))
    for replacement in patch.replacements:
        *parents, last = replacement.keys
        parent: Any = data
        for key in parents:
            parent = parent.get(key) if isinstance(parent, dict) else None
        text = parent.get(last) if isinstance(parent, dict) else None
        times = text.count(replacement.find) if isinstance(text, str) else 0
        if times != 1:
            where = ".".join(replacement.keys)
            raise _mismatch(patch, f"{replacement.find!r} occurs {times} times in {where} of {patch.target}")
        parent[last] = str(text).replace(replacement.find, replacement.by)


def _mismatch(patch: Patch, reason: str) -> ClusterFailed:
    return ClusterFailed(
        f"{patch.location}: the patch does not match: {reason}; compare it with the manifest, "
        "or pass a definition of your own with --cni FILE"
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
    """Replace the registry in all lists of containers, at any depth."""
    if isinstance(value, list):
        return [_with_registry(item, prefix) for item in value]
    if not isinstance(value, Mapping):
        return value
    result = {key: _with_registry(item, prefix) for key, item in value.items()}
    for key in ("containers", "initContainers"):
        if _is_named(result.get(key)):
            result[key] = [
                {**c, "image": replace_registry(c["image"], prefix)} if isinstance(c.get("image"), str) else c
                for c in result[key]
            ]
    return result
