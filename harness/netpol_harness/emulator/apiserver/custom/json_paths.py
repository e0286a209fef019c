"""JSONPath as CustomResourceDefinitions use it: for printed columns and for the scale subresource. Pure.

Fields, escaped fields, indexes, ``[*]`` and equality filters: ``.status.conditions[?(@.type=="Ready")].status``.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_STEP = re.compile(
    r"\.(?P<field>(?:\\.|[^.\[\]\\])+)"
    r"|\[['\"](?P<quoted>[^'\"]*)['\"]\]"
    r"|\[(?P<index>-?\d+|\*)\]"
    r"|\[\?\(@(?P<key>(?:\.[\w/-]+)+)\s*==\s*(?P<value>\"[^\"]*\"|'[^']*'|[\w.-]+)\)\]"
)


def find_all(path: str, obj: Any) -> list[Any]:
    """Return all values at a path; none if it leads nowhere, or if it is not in this language."""
    values, position = [obj], 0
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            return []
        values = [found for value in values for found in _follow(step, value)]
        position = step.end()
    return values


def field_names(path: str) -> tuple[str, ...]:
    """Return the fields of a path that has nothing but fields."""
    return tuple(re.sub(r"\\(.)", r"\1", match["field"]) for match in _STEP.finditer(path) if match["field"])


def _follow(step: re.Match[str], value: Any) -> Iterator[Any]:
    if step["key"]:
        wanted = step["value"].strip("\"'")
        yield from (item for item in _items(value) if wanted in map(str, find_all(step["key"], item)))
    elif step["index"] == "*":
        yield from _items(value)
    elif step["index"]:
        if isinstance(value, list) and -len(value) <= int(step["index"]) < len(value):
            yield value[int(step["index"])]
    else:
        name = step["quoted"] if step["quoted"] is not None else re.sub(r"\\(.)", r"\1", step["field"])
        if isinstance(value, Mapping) and name in value:
            yield value[name]


def _items(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list) else []
