"""The files that a scenario names: each name and glob to paths, none of them outside of the scenario's boundary.

What is outside is refused before anybody looks whether it is there, and messages name no file that is.
"""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from os.path import normpath
from pathlib import Path

from netpol_harness.paths.diagnostics import Place, ProblemWithoutPlace
from netpol_harness.scenario.boundary import Boundary
from netpol_harness.scenario.node import YamlNode
from netpol_harness.scenario.shape import Report

_ANY_FOLDERS = "**"
_LONGEST = 255
"""Characters of a text to which names of files are compared, which takes long for long ones."""


class Files:
    """The files of one scenario, by what its lists of files say; without ``globs`` every text is a name."""

    def __init__(self, directory: Path, report: Report, *, globs: bool = True) -> None:
        self._globs = globs
        self._directory = directory
        self._report = report
        self._boundary = Boundary.around(directory)

    def may_read(self, file: Path, place: Place) -> bool:
        """Whether a file lies within the boundary; reports where it does not."""
        if self._boundary.holds(file):
            return True
        self._report.extend([_outside(file.name, self._boundary).at(place)])
        return False

    def named(self, pattern: YamlNode) -> list[Path]:
        """The files that a name or a glob stands for, sorted; reports where there is none, or where one is outside."""
        text = pattern.text
        if not text or text.startswith("/") or "\0" in text:
            return []
        try:
            is_glob = self._globs and any(c in text for c in "*?[")
            return self._glob(text) if is_glob else [self._one(text)]
        except ProblemWithoutPlace as flaw:
            self._report.extend([flaw.at(pattern.place)])
            return []

    def _one(self, text: str) -> Path:
        file = self._directory / normpath(text)
        if not self._boundary.holds(file):
            raise _outside(text, self._boundary)
        try:
            if file.is_file():
                return file
            near = sorted(file.parent.glob("*.y*ml")) if self._boundary.holds(file.parent) else []
        except (ValueError, OSError):
            near = []
        here = [os.path.relpath(found, self._directory) for found in near]
        close = get_close_matches(text, here, n=2) if len(text) <= _LONGEST else []
        remedy = f"did you mean {' or '.join(close)}?" if close else "names are relative to the scenario's directory"
        raise ProblemWithoutPlace(f"there is no file '{text}'", remedy)

    def _glob(self, text: str) -> list[Path]:
        parts = Path(normpath(text)).parts
        if ".." in Path(text).parts:
            raise ProblemWithoutPlace(f"'{text}' is a glob with '..'", "name the files, or remove '..' from the glob")
        try:
            found = sorted(self._matching(self._directory, parts, _closure({0}, parts)))
        except (ValueError, OSError):
            found = []
        if not found:
            raise ProblemWithoutPlace(f"'{text}' matches no file", "globs are relative to the scenario's directory")
        return found

    def _matching(self, folder: Path, parts: tuple[str, ...], positions: frozenset[int]) -> Iterator[Path]:
        """The files below a folder that is reached at these positions of the glob.

        Links to folders are followed as far as the glob names them, never by ``**``: they may go round in circles.
        """
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                reached = _after(entry.name, parts, positions, through_any=not entry.is_symlink())
                is_folder = entry.is_dir()
                if not reached or not (is_folder or (len(parts) in reached and entry.is_file())):
                    continue
                if entry.is_symlink() and not self._boundary.holds(Path(entry.path)):
                    raise _outside(os.path.relpath(entry.path, self._directory), self._boundary)
                if is_folder:
                    yield from self._matching(folder / entry.name, parts, reached)
                else:
                    yield folder / entry.name


def _after(name: str, parts: tuple[str, ...], positions: frozenset[int], *, through_any: bool) -> frozenset[int]:
    """The positions of a glob behind an entry of this name."""
    reached = set()
    for position in positions - {len(parts)}:
        if parts[position] == _ANY_FOLDERS:
            reached |= {position} if through_any else set()
        elif fnmatchcase(name, parts[position]):
            reached.add(position + 1)
    return _closure(reached, parts)


def _closure(positions: set[int], parts: tuple[str, ...]) -> frozenset[int]:
    """These positions, and those behind a ``**`` at any of them, which also stands for no folder at all."""
    whole = set(positions)
    for position in sorted(positions):
        while position < len(parts) and parts[position] == _ANY_FOLDERS:
            position += 1
            whole.add(position)
    return frozenset(whole)


def _outside(text: str, boundary: Boundary) -> ProblemWithoutPlace:
    return ProblemWithoutPlace(
        f"'{text}' leads outside {boundary}, or to a hidden file in it", "keep the file next to scenario.yaml"
    )
