"""Which lines match nothing, as far as a run can tell.

A run of a part of the tests must not condemn lines for the rest. A line matches nothing where no test that was
*collected* has such an id (before ``-k``, ``-m`` and the like select), and no file or folder below the root that was
not collected whole could hold one: those that a node id on the command line narrows are not whole, and with ``--lf``
none is.
"""

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import pytest

from netpol_harness.plugin.known.deviation import Deviation, glob


def unmatched(lines: Iterable[Deviation], collected: Collection[str], config: pytest.Config) -> list[Deviation]:
    """The lines that match nothing."""
    left = [line for line in lines if not any(map(line.matches, collected))]
    if not left or config.getoption("lf", default=False):
        return []
    narrowed = {argument.partition("::")[0] for argument in config.args if "::" in argument}
    whole = {nodeid.partition("::")[0] for nodeid in collected} - {_relative(place, config) for place in narrowed}
    unseen = [place for place in _places(config.rootpath) if place not in whole]
    return [line for line in left if not any(map(glob(line.file_part).fullmatch, unseen))]


def _relative(argument: str, config: pytest.Config) -> str:
    """The node id of a file that the command line names."""
    return os.path.relpath(config.invocation_params.dir / argument, config.rootpath)


def _places(root: Path) -> Iterator[str]:
    """Files that may hold tests, and folders, by node id; hidden ones are left out."""
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(folder).relative_to(root)
        yield from ((below / name).as_posix() for name in (*folders, *files) if not name.endswith((".pyc", ".md")))
