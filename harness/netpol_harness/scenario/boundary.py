"""Where the files of a scenario may be, so that no scenario makes a CI run read the files of its host.

A scenario reads files of its own directory and, where that is in a git repository, of the repository, so that it can
test the manifests that the repository deploys. Real paths count: neither ``..`` nor a symbolic link leads out. What git
keeps for itself, and hidden files and folders outside of the scenario's own directory, are where credentials live and
are left alone.
"""

from dataclasses import dataclass
from os.path import normpath
from pathlib import Path

_GIT = ".git"


@dataclass(frozen=True, slots=True)
class Boundary:
    """The real path of a scenario's directory, and the ``root`` that no file of it may be outside of."""

    directory: Path
    root: Path

    @classmethod
    def around(cls, directory: Path) -> "Boundary":
        """The boundary of a scenario's directory, which need not be its real path.

        A directory in a repository that is a link to another place is outside of that repository.
        """
        real = directory.resolve()
        return cls(real, _repository(Path(normpath(directory.absolute()))) or _repository(real) or real)

    def holds(self, file: Path) -> bool:
        """Whether a file may be read, be it there or not; ``False`` also for links that go round in circles."""
        try:
            real = file.resolve()
            if any(part.is_symlink() for part in (real, *real.parents)):
                return False  # a circle: Python 3.13 leaves it in the path, earlier ones raise
        except (OSError, RuntimeError, ValueError):
            return False
        if not real.is_relative_to(self.root) or _GIT in real.relative_to(self.root).parts:
            return False
        if real.is_relative_to(self.directory):
            return True
        return not any(part.startswith(".") for part in real.relative_to(self.root).parts)

    def __str__(self) -> str:
        return "the scenario's directory" if self.root == self.directory else "the repository"


def _repository(directory: Path) -> Path | None:
    """The real path of the git repository of a directory; a home directory and ``/`` are never taken for one."""
    for folder in (directory, *directory.parents):
        if (folder / _GIT).exists():
            real = folder.resolve()
            return None if real in (Path.home().resolve(), Path(real.anchor)) else real
    return None
