"""Where the files of a scenario may be, so that no scenario makes a CI run read other files of its host.

A scenario may read files of its own directory. If that is in a git repository, it may read files of the repository too,
so that it can test the manifests that the repository deploys. Real paths are compared: neither ``..`` nor a symbolic
link leads out. Git's own folder, and hidden files and folders outside the scenario's directory, may hold credentials
and are never read.
"""

from dataclasses import dataclass
from os.path import normpath
from pathlib import Path

_GIT = ".git"


@dataclass(frozen=True, slots=True)
class Boundary:
    """The real path of a scenario's directory, and the ``root`` that all of its files must be in."""

    directory: Path
    root: Path

    @classmethod
    def around(cls, directory: Path) -> "Boundary":
        """Return the boundary of a scenario's directory, which need not be a real path.

        A directory in a repository that is a link to another place is outside that repository.
        """
        real = directory.resolve()
        return cls(real, _repository(Path(normpath(directory.absolute()))) or _repository(real) or real)

    def holds(self, file: Path) -> bool:
        """Return whether a file may be read, whether or not it exists; ``False`` also for circular links."""
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
    """Return the real path of the git repository of a directory; a home directory and ``/`` are never one."""
    for folder in (directory, *directory.parents):
        if (folder / _GIT).exists():
            real = folder.resolve()
            return None if real in (Path.home().resolve(), Path(real.anchor)) else real
    return None
