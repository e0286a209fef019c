"""Strategic merge patch: a merge patch that uses the schema to merge lists, by their keys.

Directives (apimachinery ``pkg/util/strategicpatch``): ``$patch: replace|delete|merge``, ``$retainKeys``,
``$setElementOrder/<list>``, ``$deleteFromPrimitiveList/<list>``. Pure.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from netpol_harness.emulator.apiserver.errors import bad_request
from netpol_harness.emulator.apiserver.schema import ANYTHING, SchemaForm, Type
from netpol_harness.emulator.store import clone
from netpol_harness.model.json_object import JsonObject

_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"
_RETAIN = "$retainKeys"
_PATCH = "$patch"


def strategic_merge(definition_name: str, original: JsonObject, patch: object) -> JsonObject:
    """Return a new object: the original, of this OpenAPI definition, with the patch applied. Raises StatusError 400."""
    if not isinstance(patch, dict):
        raise bad_request("a strategic merge patch must be an object")
    try:
        return _merge(Type(SchemaForm.RECORD, definition=definition_name), original, patch)
    except (AttributeError, KeyError, TypeError, ValueError) as unfit:
        raise bad_request(f"invalid JSON document: the patch does not have the object's shape: {unfit}") from unfit


def _merge(kind: Type, original: Mapping[str, Any], patch: Mapping[str, Any]) -> JsonObject:
    directive = patch.get(_PATCH)
    if directive == "replace":
        return dict(_plain(patch))
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise bad_request(f"Unknown patch type '{directive}' found in patch")
    merged = dict(original)
    if _RETAIN in patch:
        merged = {name: value for name, value in merged.items() if name in patch[_RETAIN]}
    for name, value in patch.items():
        if not name.startswith("$"):
            _merge_field(kind.part(name), merged, name, value)
    _delete_primitives(merged, patch)
    _reorder(kind, merged, patch)
    return merged


def _merge_field(kind: Type, merged: JsonObject, name: str, value: Any) -> None:
    if value is None:
        merged.pop(name, None)
    elif isinstance(value, dict):
        before = merged.get(name)
        if value.get(_PATCH) == "delete":
            merged.pop(name, None)
        else:
            merged[name] = _merge(kind, before if isinstance(before, dict) else {}, value)
    elif isinstance(value, list) and kind.merges:
        merged[name] = _merge_list(kind, merged.get(name) or [], value)
    else:
        merged[name] = clone(value)


def _merge_list(kind: Type, original: Sequence[Any], patch: Sequence[Any]) -> list[Any]:
    key = kind.merge_key
    if not key:
        return list(dict.fromkeys([*original, *patch]))
    if any(not isinstance(item, dict) for item in patch):
        raise bad_request(f"a list that merges by {key} must hold objects")
    if any(item.keys() == {_PATCH} and item[_PATCH] == "replace" for item in patch):
        return [_plain(item) for item in patch if item.keys() != {_PATCH}]
    keyless = next((item for item in patch if key not in item), None)
    if keyless is not None:
        raise bad_request(f"map: {keyless} does not contain declared merge key: {key}")
    return _merge_items(kind, original, patch)


def _merge_items(kind: Type, original: Sequence[Any], patch: Sequence[Any]) -> list[Any]:
    """Change, add and delete items by their keys, in time linear in both lists."""
    key, element = kind.merge_key, kind.element or ANYTHING
    merged: list[Any] = [dict(item) for item in original]
    positions: dict[Any, list[int]] = {}
    for position, item in enumerate(merged):
        positions.setdefault(item.get(key), []).append(position)
    for item in patch:
        if item.get(_PATCH) == "delete":
            for position in positions.pop(item[key], ()):
                merged[position] = None
        elif item[key] in positions:
            position = positions[item[key]][0]
            merged[position] = _merge(element, merged[position], item)
        else:
            positions[item[key]] = [len(merged)]
            merged.append(_merge(element, {}, item))
    return [item for item in merged if item is not None]


def _plain(value: Any) -> Any:
    """Return a patch taken literally: without directives and nulls."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if not name.startswith("$") and item is not None}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _delete_primitives(merged: JsonObject, patch: Mapping[str, Any]) -> None:
    for directive, values in patch.items():
        name = directive.removeprefix(_DELETE)
        if name != directive and name in merged:
            merged[name] = [item for item in merged[name] if item not in values]


def _reorder(kind: Type, merged: JsonObject, patch: Mapping[str, Any]) -> None:
    for directive, order in patch.items():
        name = directive.removeprefix(_ORDER)
        if name != directive and isinstance(merged.get(name), list):
            key = kind.part(name).merge_key
            merged[name] = reorder(merged[name], order, partial(_identity, key))


def _identity(key: str, item: Any) -> Any:
    return item.get(key) if key else item


def reorder(items: Iterable[Any], order: Iterable[Any], identity: Callable[[Any], Hashable]) -> list[Any]:
    """Sort the items named in ``order`` in that order. The others stay behind the item that they follow now."""
    ranks = {identity(named): rank for rank, named in enumerate(order)}
    ranked: list[tuple[int, int, Any]] = []
    rank = -1
    for position, item in enumerate(items):
        rank = ranks.get(identity(item), rank)
        ranked.append((rank, position, item))
    return [item for _, _, item in sorted(ranked, key=lambda entry: entry[:2])]
