"""Directories as they were at revisions of their git repository."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from netpol_harness.backends.runs.directory import RunDirectory
from netpol_harness.backends.runs.owner import Owner
from netpol_harness.errors import HarnessError

_SECONDS = 300.0


def is_range(text: str) -> bool:
    """Return whether an argument is ``REVISION..REVISION``, and not a path."""
    return ".." in text and not text.startswith(("..", "/")) and not Path(text).exists()


@contextmanager
def checked_out(revision: str, directory: Path) -> Iterator[Path]:
    """Check the directory's repository out as it was at a revision; the value is the directory there.

    The repository is left as it is: an index of our own names the files, which are written to the folder of a run. If
    this process is killed, the next run removes that folder. All of the repository is checked out, because a scenario
    may read manifests anywhere in it. Raises ``HarnessError``.
    """
    root = Path(_git(directory, "rev-parse", "--show-toplevel"))
    commit = _commit(root, revision)
    run = RunDirectory.create(Owner.current().run)
    try:
        tree = run.path / (root.name or "repository")
        index = {"GIT_INDEX_FILE": str(run.path / "index")}
        _git(root, "read-tree", commit, environment=index)
        _git(root, "checkout-index", "--all", "--quiet", f"--prefix={tree}/", environment=index)
        (tree / ".git").mkdir(parents=True, exist_ok=True)  # scenarios may read files up to the top of a repository
        checked = tree / directory.resolve().relative_to(root.resolve())
        if not checked.exists():
            raise HarnessError(f"there is no {directory} at revision {revision}")
        yield checked
    finally:
        run.close()


def _commit(root: Path, revision: str) -> str:
    try:
        return _git(root, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    except HarnessError as error:
        raise HarnessError(f"unknown revision {revision} of {root}; {error}") from error


def _git(directory: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run git in a directory and return what it prints. Raises ``HarnessError`` in git's words."""
    where = directory if directory.is_dir() else directory.parent
    command, variables = ["git", "-C", str(where), *arguments], {**os.environ, **(environment or {})}
    try:
        run = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False, env=variables)
    except FileNotFoundError:
        raise HarnessError("comparing revisions needs git, which is not on PATH; install it") from None
    except subprocess.TimeoutExpired:
        raise HarnessError(f"git {arguments[0]} takes more than {_SECONDS:.0f} s in {directory}") from None
    if run.returncode:
        message = " ".join(run.stderr.decode(errors="replace").split())
        raise HarnessError(f"git {arguments[0]} in {directory}: {message}")
    return run.stdout.decode().strip()
