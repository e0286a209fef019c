"""Finds the files that a scenario's names and globs stand for, all of them inside the scenario's boundary.

A file outside is refused without a look whether it exists, and no message reveals whether it does.
"""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from os.path import normpath
from pathlib import Path

from netpol_harness.paths.diagnostics import Place, ProblemWithoutPlace
from netpol_harness.scenario import MANIFEST_SUFFIXES
from netpol_harness.scenario.boundary import Boundary
from netpol_harness.scenario.listing import KUSTOMIZATIONS, manifests_below
from netpol_harness.scenario.node import YamlNode
from netpol_harness.scenario.shape import Report

_ANY_FOLDERS = "**"
_LONGEST = 255
"""Characters of the longest text that is compared with names of files: comparing longer ones takes long."""


class Files:
    """The files of one scenario, by the names and globs of its lists. Without ``globs`` every text is a name.

    A folder stands for the manifests below it (``listing``); ``listed`` are those of them that nothing else names.
    """

    def __init__(self, directory: Path, report: Report, *, globs: bool = True) -> None:
        self.listed: set[Path] = set()
        self._globs = globs
        self._directory = directory
        self._report = report
        self._boundary = Boundary.around(directory)

    def may_read(self, file: Path, place: Place) -> bool:
        """Return whether a file is inside the boundary, and report it if it is not."""
        if self._boundary.holds(file):
            return True
        self._report.extend([_outside(file.name, self._boundary).at(place)])
        return False

    def named(self, pattern: YamlNode) -> list[Path]:
        """Return the files and special folders that a name or a glob stands for, sorted.

        Reports if there is none, or if one is outside.
        """
        text = pattern.text
        if not text or text.startswith("/") or "\0" in text:
            return []
        try:
            is_glob = self._globs and any(c in text for c in "*?[")
            return self._glob(text) if is_glob else self._named(text)
        except ProblemWithoutPlace as flaw:
            self._report.extend([flaw.at(pattern.place)])
            return []

    def _named(self, text: str) -> list[Path]:
        file = self._directory / normpath(text)
        if not self._boundary.holds(file):
            raise _outside(text, self._boundary)
        try:
            if file.is_dir():
                return self._below(file, text)
            if file.is_file():
                return [file.parent if file.name in KUSTOMIZATIONS else file]
            near = (
                sorted(f for f in file.parent.glob("*.*") if f.suffix in MANIFEST_SUFFIXES)
                if self._boundary.holds(file.parent)
                else []
            )
        except (ValueError, OSError):
            near = []
        here = [os.path.relpath(file, self._directory) for file in near]
        close = get_close_matches(text, here, n=2) if len(text) <= _LONGEST else []
        remedy = f"did you mean {' or '.join(close)}?" if close else "names are relative to the scenario's directory"
        raise ProblemWithoutPlace(f"there is no file '{text}'", remedy)

    def _below(self, folder: Path, text: str) -> list[Path]:
        """Return the manifests below a folder. Raises ``ProblemWithoutPlace`` if there is none."""
        files = list(manifests_below(folder))
        if outside := [file for file in files if file.is_symlink() and not self._boundary.holds(file)]:
            raise _outside(os.path.relpath(outside[0], self._directory), self._boundary)
        if not files:
            raise ProblemWithoutPlace(
                f"there is no manifest in '{text}'", f"add a file whose name ends in {', '.join(MANIFEST_SUFFIXES)}"
            )
        self.listed.update(files)
        return files

    def _glob(self, text: str) -> list[Path]:
        parts = Path(normpath(text)).parts
        if ".." in Path(text).parts:
            raise ProblemWithoutPlace(f"'{text}' is a glob with '..'", "name the files, or remove '..' from the glob")
        try:
            files = sorted(self._matching(self._directory, parts, _closure({0}, parts)))
        except (ValueError, OSError):
            files = []
        if not files:
            raise ProblemWithoutPlace(f"'{text}' matches no file", "globs are relative to the scenario's directory")
        return files

    def _matching(self, folder: Path, parts: tuple[str, ...], positions: frozenset[int]) -> Iterator[Path]:
        """Yield the files below a folder that is reached at these positions of the glob.

        Links to folders are followed if the glob names them, but never by ``**``, because they may be circular.
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
    """Return the positions of a glob after an entry of this name."""
    reached = set()
    for position in positions - {len(parts)}:
        if parts[position] == _ANY_FOLDERS:
            reached |= {position} if through_any else set()
        elif fnmatchcase(name, parts[position]):
            reached.add(position + 1)
    return _closure(reached, parts)


def _closure(positions: set[int], parts: tuple[str, ...]) -> frozenset[int]:
    """Return these positions and those after a ``**`` at any of them, which also stands for no folder at all."""
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
