"""Reads files into ``YamlNode`` trees. Whatever a file holds, the result is nodes and problems, never an exception."""

from pathlib import Path

from yaml.reader import Reader

from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.scenario.compose import Composer, Unreadable
from netpol_harness.scenario.json_documents import JsonComposer
from netpol_harness.scenario.node import YamlNode

MAX_BYTES = 20_000_000

Documents = tuple[tuple[YamlNode, ...], tuple[Problem, ...]]
"""The non-empty documents of a text, and its problems."""


def read(path: Path, shown: str) -> Documents:
    """Read a file, as JSON if its name ends so. ``shown`` is its name in places."""
    try:
        text = _text(path, shown)
    except Unreadable as error:
        return (), (error.problem,)
    return parse(text, shown, is_json=path.suffix == ".json")


def parse(text: str, shown: str, *, is_json: bool = False) -> Documents:
    """Read the text of a file."""
    try:
        _check_characters(text, shown)
        composer = JsonComposer(text, shown) if is_json else Composer(text, shown)
        return tuple(composer.documents()), tuple(composer.problems)
    except Unreadable as error:
        return (), (error.problem,)


def _text(path: Path, shown: str) -> str:
    start = Place(shown, 1)
    try:
        if not path.is_file():
            raise Unreadable(start, "this is not a file", "name an existing file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise Unreadable(start, f"the file has {size} bytes, more than {MAX_BYTES}", "split it")
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable(start, f"the file cannot be read ({error.strerror})", "fix its permissions") from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, _, rest = _before(data[: error.start].decode("utf-8"))
        raise Unreadable(Place(shown, line, rest), "the file is not UTF-8", "save it as UTF-8") from error
    return text


def _check_characters(text: str, shown: str) -> None:
    if bad := Reader.NON_PRINTABLE.search(text):
        line, _, column = _before(text[: bad.start()])
        raise Unreadable(Place(shown, line, column), f"the character {bad[0]!r} is not allowed in YAML", "remove it")


def _before(text: str) -> tuple[int, str, int]:
    """Return the position just after a text: line, the text of that line so far, column."""
    last = text.rpartition("\n")[2]
    return text.count("\n") + 1, last, len(last) + 1
