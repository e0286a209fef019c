"""Find the known deviations that match no test, as far as a run can know.

A run of some of the tests must not reject entries for the others. An entry matches nothing if no *collected* test has
such an id (before ``-k``, ``-m`` and the like deselect), and no file or folder below the root that was not collected
completely could contain one. A file that a node id on the command line narrows is not collected completely; with
``--lf`` no file is.
"""

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import pytest

from netpol_harness.backends.known.deviation import Deviation, glob


def unmatched(deviations: Iterable[Deviation], collected: Collection[str], config: pytest.Config) -> list[Deviation]:
    """Return the deviations that match no test."""
    rest = [known for known in deviations if not any(map(known.matches, collected))]
    if not rest or config.getoption("lf", default=False):
        return []
    narrowed = {argument.partition("::")[0] for argument in config.args if "::" in argument}
    complete = {nodeid.partition("::")[0] for nodeid in collected} - {
        _node_id(argument, config) for argument in narrowed
    }
    uncollected = [file for file in _files(config.rootpath) if file not in complete]
    return [known for known in rest if not any(map(glob(known.file_part).fullmatch, uncollected))]


def _node_id(argument: str, config: pytest.Config) -> str:
    """Return the node id of a file on the command line."""
    return os.path.relpath(config.invocation_params.dir / argument, config.rootpath)


def _files(root: Path) -> Iterator[str]:
    """Yield the node ids of folders, and of files that may contain tests; hidden ones are left out."""
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(folder).relative_to(root)
        yield from ((below / name).as_posix() for name in (*folders, *files) if not name.endswith((".pyc", ".md")))
