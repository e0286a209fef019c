"""Shapes: what a YAML value must look like, said once, as data that reads like a reference page.

A shape looks at a node and reports; it never stops and never raises. Who reads the node afterwards may rely on a value
only where nothing was reported, and gets empty values elsewhere (``YamlNode``'s accessors).
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping

from netpol_harness.paths.diagnostics import Place, Problem, suggest
from netpol_harness.scenario.node import YamlKind, YamlNode


class Report:
    """Collects problems."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, place: Place, what: str, remedy: str) -> None:
        """Note one problem."""
        self.problems.append(Problem(place, what, remedy))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note the problems that somebody else found."""
        self.problems.extend(problems)


_DAY = 86_400
_SCALARS = (YamlKind.TEXT, YamlKind.NUMBER, YamlKind.FLAG, YamlKind.MERGE)

Shape = Callable[[YamlNode, Report], None]


def anything(node: YamlNode, report: Report) -> None:
    """Any value at all."""


def mapping(
    fields: Mapping[str, Shape], *, required: Collection[str] = (), what: str = "a mapping", rest: Shape | None = None
) -> Shape:
    """A mapping of these keys. Without ``rest`` the keys are closed, else ``rest`` is the shape of all others."""

    def check(node: YamlNode, report: Report) -> None:
        if not _is(node, (YamlKind.MAPPING,), what, report):
            return
        for key, value in node.entries:
            shape = fields.get(key.text, rest)
            if shape is None:
                report.add(key.place, f"unknown key '{key.text}'", suggest(key.text, fields))
            else:
                shape(value, report)
        for name in required:
            if node.get(name) is None:
                report.add(node.place, f"'{name}' is missing", f"add '{name}:' here")

    return check


def table(value: Shape, what: str, *, key: Shape = anything) -> Shape:
    """A mapping whose keys the author chooses."""

    def check(node: YamlNode, report: Report) -> None:
        if _is(node, (YamlKind.MAPPING,), what, report):
            for name, entry in node.entries:
                key(name, report)
                value(entry, report)

    return check


def sequence(item: Shape, what: str, *, least: int = 0) -> Shape:
    """A list of at least so many items."""

    def check(node: YamlNode, report: Report) -> None:
        if not _is(node, (YamlKind.LIST,), what, report):
            return
        if len(node.items) < least:
            report.add(node.place, f"the list is empty where {what} is wanted", "add an item")
        for entry in node.items:
            item(entry, report)

    return check


def text(what: str, pattern: str = ".+", rule: str = "write something") -> Shape:
    """A text, to which numbers and truth words count as they are written. ``pattern`` must match all of it."""
    compiled = re.compile(pattern, re.DOTALL)

    def check(node: YamlNode, report: Report) -> None:
        if _is(node, _SCALARS, what, report) and not compiled.fullmatch(node.text):
            report.add(node.place, f"'{_short(node.text)}' is not {what}", rule)

    return check


def string(what: str, pattern: str = ".*", rule: str = "") -> Shape:
    """A text that the API also reads as one: ``on`` and ``80`` have to be quoted."""
    matching = text(what, pattern, rule)

    def check(node: YamlNode, report: Report) -> None:
        if node.kind in (YamlKind.NUMBER, YamlKind.FLAG):
            report.add(node.place, f"expected {what}, found {node.kind}", f'quote it: "{_short(node.text)}"')
        else:
            matching(node, report)

    return check


def integer(what: str, low: int, high: int) -> Shape:
    """A whole number between two bounds."""

    def check(node: YamlNode, report: Report) -> None:
        if _is(node, (YamlKind.NUMBER,), what, report) and not (
            isinstance(node.value, int) and low <= node.value <= high
        ):
            report.add(node.place, f"{_short(node.text)} is not {what}", f"write a whole number from {low} to {high}")

    return check


def seconds(node: YamlNode, report: Report) -> None:
    """A positive number of seconds, at most a day."""
    if not _is(node, (YamlKind.NUMBER,), "a number of seconds", report) or not isinstance(node.value, int | float):
        return
    if not 0 < node.value <= _DAY:
        remedy = f"write a number of seconds above 0, at most {_DAY}"
        report.add(node.place, f"{_short(node.text)} is not a duration", remedy)


def flag(node: YamlNode, report: Report) -> None:
    """True or false."""
    _is(node, (YamlKind.FLAG,), "true or false", report)


def choice(words: Iterable[str], what: str) -> Shape:
    """One of a few words."""
    known = tuple(words)

    def check(node: YamlNode, report: Report) -> None:
        if _is(node, _SCALARS, what, report) and node.text not in known:
            report.add(node.place, f"'{_short(node.text)}' is not {what}", f"write one of {', '.join(known)}")

    return check


def either(shapes: Mapping[YamlKind, Shape], what: str) -> Shape:
    """One of several shapes, by the kind of the value."""

    def check(node: YamlNode, report: Report) -> None:
        if _is(node, tuple(shapes), what, report):
            shapes[node.kind](node, report)

    return check


def both(*shapes: Shape) -> Shape:
    """Each of several shapes."""

    def check(node: YamlNode, report: Report) -> None:
        for shape in shapes:
            shape(node, report)

    return check


def nullable(shape: Shape) -> Shape:
    """A shape, or nothing, as the API takes ``key:`` without a value for an absent key."""

    def check(node: YamlNode, report: Report) -> None:
        if node.kind is not YamlKind.NOTHING:
            shape(node, report)

    return check


def _is(node: YamlNode, kinds: Collection[YamlKind], what: str, report: Report) -> bool:
    if node.kind in kinds:
        return True
    report.add(node.place, f"expected {what}, found {node.kind}", _repair(node, kinds))
    return False


def _repair(node: YamlNode, kinds: Collection[YamlKind]) -> str:
    if node.kind is YamlKind.NOTHING:
        return "write it, or leave the key out"
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
