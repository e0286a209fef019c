"""Shapes declare what a YAML value must look like, as data that reads like a reference page.

A shape checks a node and reports all problems; it never raises. Code that reads the node later may rely on a value only
if nothing was reported for it; otherwise the accessors of ``YamlNode`` return empty values.

A shape is also a JSON Schema, for editors. The schema accepts every value that the shape accepts. It may accept more,
because JSON Schema cannot express every rule.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from netpol_harness.paths.diagnostics import Place, Problem, suggest
from netpol_harness.scenario.node import YamlKind, YamlNode


class Report:
    """Collects problems."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, place: Place, what: str, remedy: str) -> None:
        """Add one problem."""
        self.problems.append(Problem(place, what, remedy))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add problems that were found elsewhere."""
        self.problems.extend(problems)


_DAY = 86_400
_NOWHERE: Mapping[str, str] = {}
_SCALARS = (YamlKind.TEXT, YamlKind.NUMBER, YamlKind.FLAG, YamlKind.MERGE)

Check = Callable[[YamlNode, Report], None]
"""Reports what is wrong with a node."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A check of a value, and its JSON Schema (draft 7). An empty schema accepts anything."""

    check: Check
    json_schema: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, node: YamlNode, report: Report) -> None:
        """Report what is wrong with a node."""
        self.check(node, report)


def rule(check: Check, **json_schema: Any) -> Shape:
    """Return a shape from a check that is not a combination of shapes, with what JSON Schema can express of it."""
    return Shape(check, json_schema)


def documented(description: str, shape: Shape) -> Shape:
    """Return the same shape with a description that editors show."""
    return Shape(shape.check, {"description": description, **shape.json_schema})


anything = Shape(lambda node, report: None)
"""Any value at all."""


def mapping(
    fields: Mapping[str, Shape],
    *,
    required: Collection[str] = (),
    what: str = "a mapping",
    rest: Shape | None = None,
    elsewhere: Mapping[str, str] = _NOWHERE,
) -> Shape:
    """Return the shape of a mapping with these keys, and of all others if ``rest`` is given as their shape.

    ``elsewhere`` are keys that are often written here and belong to another place, each with its remedy.
    """

    def check(node: YamlNode, report: Report) -> None:
        if not _is(node, (YamlKind.MAPPING,), what, report):
            return
        for key, value in node.entries:
            shape = fields.get(key.text, None if key.text in elsewhere else rest)
            if shape is None:
                remedy = elsewhere.get(key.text) or suggest(key.text, fields)
                report.add(key.place, f"unknown key '{key.text}'", remedy)
            else:
                shape(value, report)
        for name in required:
            if node.get(name) is None:
                report.add(node.place, f"'{name}' is missing", f"add '{name}:' here")

    schema: dict[str, Any] = {"type": "object", "properties": {k: shape.json_schema for k, shape in fields.items()}}
    if required:
        schema["required"] = list(required)
    return Shape(check, {**schema, "additionalProperties": rest.json_schema if rest else False})


def mapping_of(value: Shape, what: str, *, key: Shape = anything) -> Shape:
    """Return the shape of a mapping whose keys the author chooses."""

    def check(node: YamlNode, report: Report) -> None:
        if _is(node, (YamlKind.MAPPING,), what, report):
            for name, entry in node.entries:
                key(name, report)
                value(entry, report)

    names = {"propertyNames": key.json_schema} if key.json_schema else {}
    return Shape(check, {"type": "object", **names, "additionalProperties": value.json_schema})


def mapping_by_key(prefix: str, special: Shape, value: Shape, what: str) -> Shape:
    """Return the shape of a mapping: its values are ``special`` if their keys begin with ``prefix``, else ``value``."""

    def check(node: YamlNode, report: Report) -> None:
        if _is(node, (YamlKind.MAPPING,), what, report):
            for name, entry in node.entries:
                (special if name.text.startswith(prefix) else value)(entry, report)

    patterns = {f"^{re.escape(prefix)}": special.json_schema}
    return Shape(check, {"type": "object", "patternProperties": patterns, "additionalProperties": value.json_schema})


def sequence(item: Shape, what: str, *, least: int = 0) -> Shape:
    """Return the shape of a list with at least ``least`` items."""

    def check(node: YamlNode, report: Report) -> None:
        if not _is(node, (YamlKind.LIST,), what, report):
            return
        if len(node.items) < least:
            report.add(node.place, f"expected {what}, found an empty list", "add an item")
        for entry in node.items:
            item(entry, report)

    count = {"minItems": least} if least else {}
    return Shape(check, {"type": "array", "items": item.json_schema, **count})


def text(what: str, pattern: str = ".+", remedy: str = "write at least one character") -> Shape:
    """Return the shape of a text. Numbers and booleans count as they are written. ``pattern`` must match all of it."""
    compiled = re.compile(pattern, re.DOTALL)

    def check(node: YamlNode, report: Report) -> None:
        if _is(node, _SCALARS, what, report) and not compiled.fullmatch(node.text):
            report.add(node.place, f"'{_short(node.text)}' is not {what}", remedy)

    return Shape(check, {"type": ["string", "number", "boolean"], "pattern": _ecma(pattern)})


def string(what: str, pattern: str = ".*", remedy: str = "") -> Shape:
    """Return the shape of a text that the API reads as a string too: ``on`` and ``80`` have to be quoted."""
    matching = text(what, pattern, remedy)

    def check(node: YamlNode, report: Report) -> None:
        if node.kind in (YamlKind.NUMBER, YamlKind.FLAG):
            report.add(node.place, f"expected {what}, found {node.kind}", f'quote it: "{_short(node.text)}"')
        else:
            matching(node, report)

    return Shape(check, {"type": "string", "pattern": _ecma(pattern)})


def integer(what: str, low: int, high: int) -> Shape:
    """Return the shape of an integer from ``low`` to ``high``."""

    def check(node: YamlNode, report: Report) -> None:
        if _is(node, (YamlKind.NUMBER,), what, report) and not (
            isinstance(node.value, int) and low <= node.value <= high
        ):
            report.add(node.place, f"{_short(node.text)} is not {what}", f"write a whole number from {low} to {high}")

    return Shape(check, {"type": "integer", "minimum": low, "maximum": high})


def _check_seconds(node: YamlNode, report: Report) -> None:
    if not _is(node, (YamlKind.NUMBER,), "a number of seconds", report) or not isinstance(node.value, int | float):
        return
    if not 0 < node.value <= _DAY:
        remedy = f"write a number of seconds above 0, at most {_DAY}"
        report.add(node.place, f"{_short(node.text)} is not a duration", remedy)


seconds = Shape(_check_seconds, {"type": "number", "exclusiveMinimum": 0, "maximum": _DAY})
"""A positive number of seconds, at most a day."""


def _check_flag(node: YamlNode, report: Report) -> None:
    _is(node, (YamlKind.FLAG,), "true or false", report)


flag = Shape(_check_flag, {"type": "boolean"})
"""True or false."""


def one_of(words: Iterable[str], what: str) -> Shape:
    """Return the shape of one of these words."""
    known = tuple(words)

    def check(node: YamlNode, report: Report) -> None:
        if _is(node, _SCALARS, what, report) and node.text not in known:
            report.add(node.place, f"'{_short(node.text)}' is not {what}", f"write one of {', '.join(known)}")

    return Shape(check, {"enum": list(known)})


def by_kind(shapes: Mapping[YamlKind, Shape], what: str) -> Shape:
    """Return the shape that the kind of the value selects."""

    def check(node: YamlNode, report: Report) -> None:
        if _is(node, tuple(shapes), what, report):
            shapes[node.kind](node, report)

    return Shape(check, {"anyOf": [shape.json_schema for shape in shapes.values()]})


def all_of(shape: Shape, *checks: Check) -> Shape:
    """Return a shape with further checks, which may be shapes themselves."""
    every: tuple[Check, ...] = (shape, *checks)

    def check(node: YamlNode, report: Report) -> None:
        for each in every:
            each(node, report)

    more = [each.json_schema for each in checks if isinstance(each, Shape) and each.json_schema]
    return Shape(check, {**shape.json_schema, **({"allOf": more} if more else {})})


def nullable(shape: Shape) -> Shape:
    """Return a shape that also accepts null: the API treats ``key:`` without a value as an absent key."""

    def check(node: YamlNode, report: Report) -> None:
        if node.kind is not YamlKind.NOTHING:
            shape(node, report)

    return Shape(check, {"anyOf": [{"type": "null"}, shape.json_schema]})


def _ecma(pattern: str) -> str:
    """Return the pattern as a regular expression of ECMAScript, which may match anywhere in the text."""
    return rf"^(?:{pattern})$".replace(r"\Z", "$").replace(".+", r"[\s\S]+").replace(".*", r"[\s\S]*")


def _is(node: YamlNode, kinds: Collection[YamlKind], what: str, report: Report) -> bool:
    if node.kind in kinds:
        return True
    report.add(node.place, f"expected {what}, found {node.kind}", _repair(node, kinds))
    return False


def _repair(node: YamlNode, kinds: Collection[YamlKind]) -> str:
    if node.kind is YamlKind.NOTHING:
        return "write a value, or remove the key"
    if set(kinds) == {YamlKind.LIST} and node.text:
        return f"write [{_short(node.text)}]"
    if YamlKind.FLAG in kinds and YamlKind.TEXT not in kinds:
        return "write true or false, without quotes"
    if set(kinds) == {YamlKind.NUMBER}:
        return "write a number, without quotes"
    return f"write {' or '.join(dict.fromkeys(_PLAIN.get(kind, kind) for kind in kinds))}"


_PLAIN = {YamlKind.NUMBER: YamlKind.TEXT, YamlKind.FLAG: YamlKind.TEXT, YamlKind.MERGE: YamlKind.TEXT}


def _short(value: str) -> str:
    return value if len(value) <= 60 else f"{value[:57]}..."
