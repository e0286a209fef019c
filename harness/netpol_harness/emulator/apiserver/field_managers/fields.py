"""Fields of an object as paths, and sets of them in the API's form (``FieldsV1``).

A path has the elements of FieldsV1: ``f:NAME`` is a field or map key, ``k:{...}`` a list's item by its keys,
``v:VALUE`` an item of a set. A type that the schema calls atomic is one field, whatever it contains.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from netpol_harness.emulator.apiserver.errors import bad_request
from netpol_harness.emulator.apiserver.schema import ANYTHING, SchemaForm, Type

Path: TypeAlias = tuple[str, ...]
Fields: TypeAlias = frozenset[Path]

_ITSELF = "."
_KEY_DEFAULTS = {"protocol": "TCP"}
"""The API's default of a list key that a client omits; the schema file has no defaults."""


def merges(kind: Type, value: object) -> bool:
    """Return whether the parts of the value are separate fields."""
    if isinstance(value, dict):
        return kind.form in (SchemaForm.RECORD, SchemaForm.MAP) and not kind.atomic
    return isinstance(value, list) and kind.list_type in ("map", "set")


def leaves(kind: Type, value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield each field with its value. An item of a list is a field itself, with value True."""
    if not merges(kind, value) or value == {}:
        yield path, value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(kind.part(name), part, (*path, f"f:{name}"))
    else:
        for item in value:
            item_path = (*path, element(kind, item))
            yield item_path, True
            if kind.list_type == "map":
                yield from leaves(kind.element or ANYTHING, item, item_path)


def element(kind: Type, item: Any) -> str:
    """Return the path element of a list's item."""
    if kind.list_type == "set":
        return f"v:{_compact(item)}"
    return f"k:{_compact({key: item.get(key, _KEY_DEFAULTS.get(key)) for key in sorted(kind.keys)})}"


def check_unique(kind: Type, value: Any, path: Path = ()) -> None:
    """Refuse a configuration that names one item of a list twice. Raises StatusError 400."""
    if not merges(kind, value):
        return
    if isinstance(value, dict):
        for name, part in value.items():
            check_unique(kind.part(name), part, (*path, f"f:{name}"))
        return
    seen: set[str] = set()
    for item in value:
        item_element = element(kind, item)
        if item_element in seen:
            raise bad_request(f"{text(path)}: duplicate entries for key {text((item_element,))}")
        seen.add(item_element)
        check_unique(kind.element or ANYTHING, item, (*path, item_element))


def with_parents(fields: Iterable[Path]) -> Fields:
    """Return the fields and everything that contains them."""
    return frozenset(path[:length] for path in fields for length in range(1, len(path) + 1))


def encode(fields: Fields) -> dict[str, Any]:
    """Return the set as FieldsV1."""
    tree: dict[str, Any] = {}
    for path in sorted(fields):
        _node(tree, path)
    for path in fields:
        node = _node(tree, path)
        if node:
            node[_ITSELF] = {}
    return tree


def _node(tree: dict[str, Any], path: Path) -> dict[str, Any]:
    for part in path:
        tree = tree.setdefault(part, {})
    return tree


def decode(tree: object) -> Fields:
    """Return a set from FieldsV1, which a client may have written."""
    return frozenset(_members(tree, ())) - {()}


def _members(node: object, path: Path) -> Iterator[Path]:
    parts: Mapping[str, object] = node if isinstance(node, dict) else {}
    if not parts or _ITSELF in parts:
        yield path
    for name, part in parts.items():
        if name != _ITSELF:
            yield from _members(part, (*path, name))


def text(path: Path) -> str:
    """Return the path as in messages: ``.spec.containers[name="a"].image``."""
    return "".join(_element_text(part) for part in path)


def _element_text(part: str) -> str:
    form, _, rest = part.partition(":")
    if form == "f":
        return f".{rest}"
    if form == "v":
        return f"[={rest}]"
    try:
        keys = json.loads(rest)
        return f"[{','.join(f'{key}={_compact(value)}' for key, value in keys.items())}]"
    except (ValueError, AttributeError):
        return f"[{rest}]"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
