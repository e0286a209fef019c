"""Plain data as YAML in block style, as people write manifests. Pure.

PyYAML is for the edges, which read files; this writes the few lines of an edit.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][-A-Za-z0-9_./]*|[0-9]+(\.[0-9]+){3}/[0-9]+")
"""Texts that need no quotes, unless they are words of YAML: names, label keys, IPv4 networks."""

_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def yaml_lines(value: Any) -> list[str]:
    """Return a mapping, a list or a scalar as lines of YAML, without a line feed."""
    match value:
        case Mapping() if value:
            return [line for key, item in value.items() for line in _entry(f"{_scalar(key)}:", item)]
        case list() | tuple() if value:
            return [line for item in value for line in _item(item)]
        case _:
            return [_scalar(value)]


def _entry(key: str, value: Any) -> Iterator[str]:
    """Yield a key and its value. A list stands below its key without indentation, as kubectl prints it."""
    if not (isinstance(value, Mapping | Sequence) and not isinstance(value, str) and value):
        yield f"{key} {_scalar(value)}"
        return
    yield key
    indent = "  " if isinstance(value, Mapping) else ""
    yield from (f"{indent}{line}" for line in yaml_lines(value))


def _item(value: Any) -> Iterator[str]:
    first, *rest = yaml_lines(value)
    yield f"- {first}"
    yield from (f"  {line}" for line in rest)


def _scalar(value: Any) -> str:
    match value:
        case None:
            return "null"
        case str() if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        case str():
            return f'"{"".join(map(_escaped, value))}"'
        case _:
            return json.dumps(value)


def _escaped(character: str) -> str:
    """JSON's escapes are YAML's, apart from surrogate pairs."""
    return json.dumps(character)[1:-1] if character <= "\uffff" else f"\\U{ord(character):08x}"
