"""Reads files into ``YamlNode`` trees. Whatever a file holds, the result is nodes and problems, never an exception.

The trees of recent documents are kept: two revisions of a directory have most of them in common.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from yaml.reader import Reader

from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.scenario.compose import MAX_NODES, Composer, Unreadable
from netpol_harness.scenario.json_documents import JsonComposer
from netpol_harness.scenario.node import YamlNode

MAX_BYTES = 20_000_000

Documents = tuple[tuple[YamlNode, ...], tuple[Problem, ...]]
"""The non-empty documents of a text, and its problems."""

_KEPT = 4096
"""Documents."""
_START = re.compile(r"^(?=---(?:\s|\Z))", re.MULTILINE)
_INSEPARABLE = re.compile(r"^(?:%|\.\.\.)|\r(?!\n)|[\x85\u2028\u2029]", re.MULTILINE)
"""Directives and ends of documents, which concern what follows, and line breaks that Python does not count."""


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
        if is_json:
            composer = JsonComposer(text, shown)
            return tuple(composer.documents()), tuple(composer.problems)
        return _one_by_one(text, shown) or _composed(text, shown)
    except Unreadable as error:
        return (), (error.problem,)


def _one_by_one(text: str, shown: str) -> Documents | None:
    """Read a file document by document; ``None`` if they cannot be separated, or have to be counted together."""
    if _INSEPARABLE.search(text):
        return None
    try:
        parts = [_composed(part, shown, line) for part, line in _parts(text)]
    except Unreadable:  # its place and its words are those of the whole file
        return None
    documents = tuple(document for found, _ in parts for document in found)
    if sum(document.size for document in documents) > MAX_NODES:
        return None
    return documents, tuple(problem for _, problems in parts for problem in problems)


def _parts(text: str) -> Iterator[tuple[str, int]]:
    """Yield the text of each document, and the number of lines before it."""
    line = 0
    for part in _START.split(text):
        yield part, line
        line += part.count("\n")


@lru_cache(maxsize=_KEPT)
def _composed(text: str, shown: str, line: int = 0) -> Documents:
    """Read the documents of a text that begins after so many lines of its file. Raises ``Unreadable``."""
    composer = Composer(text, shown, line)
    return tuple(composer.documents()), tuple(composer.problems)


def _text(path: Path, shown: str) -> str:
    start = Place(shown, 1)
    try:
        if path.is_symlink() and not path.exists():
            raise Unreadable(start, f"this is a link to {path.readlink()}, which does not exist", "mend or remove it")
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
