"""Directories as they were at revisions of their git repository."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netpol_harness.errors import HarnessError

_SECONDS = 300.0


def is_range(text: str) -> bool:
    """Return whether an argument is ``REVISION..REVISION``, and not a path."""
    return ".." in text and not text.startswith(("..", "/")) and not Path(text).exists()


@contextmanager
def checked_out(revision: str, directory: Path) -> Iterator[Path]:
    """Check the directory's repository out as it was at a revision; the value is the directory there.

    The repository is left as it is: a clone that shares its objects is checked out in a temporary folder, so that
    manifests anywhere in the repository can be read. Raises ``HarnessError``.
    """
    root = Path(_git(directory, "rev-parse", "--show-toplevel"))
    commit = _commit(root, revision)
    with tempfile.TemporaryDirectory(prefix="netpol-diff-") as folder:
        clone = Path(folder, root.name or "repository")
        _git(root, "clone", "--quiet", "--shared", "--no-checkout", "--", str(root), str(clone))
        _git(clone, "-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", commit)
        found = clone / directory.resolve().relative_to(root.resolve())
        if not found.exists():
            raise HarnessError(f"there is no {directory} at revision {revision}")
        yield found


def _commit(root: Path, revision: str) -> str:
    try:
        return _git(root, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    except HarnessError as error:
        raise HarnessError(f"unknown revision {revision} of {root}; {error}") from error


def _git(directory: Path, *arguments: str) -> str:
    """Run git in a directory and return what it prints. Raises ``HarnessError`` in git's words."""
    where = directory if directory.is_dir() else directory.parent
    try:
        run = subprocess.run(["git", "-C", str(where), *arguments], capture_output=True, timeout=_SECONDS, check=False)
    except FileNotFoundError:
        raise HarnessError("comparing revisions needs git, which is not on PATH; install it") from None
    except subprocess.TimeoutExpired:
        raise HarnessError(f"git {arguments[0]} takes more than {_SECONDS:.0f} s in {directory}") from None
    if run.returncode:
        told = " ".join(run.stderr.decode(errors="replace").split())
        raise HarnessError(f"git {arguments[0]} in {directory}: {told}")
    return run.stdout.decode().strip()
