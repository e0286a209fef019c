"""The folder of one run, by which its processes share one cluster: what is made once, whose turn it is, who owns it.

The owner is the process that the user started (with xdist: the controller). It makes the folder, holds ``owner.lock``
and the ``lifeline`` there, and removes it at the end. Guests (workers) are told the folder. Everything hangs on locks
and descriptors that the kernel releases when their holder dies, by whatever cause.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path

from netpol_harness.deadline import Interrupted
from netpol_harness.errors import ClusterFailed, HarnessError, LabError, NotEnforcing, ToolMissing, WorkloadFailed

PREFIX = "netpol-"
_OWNER = "owner.lock"
_DOING = "doing."
_TOLD: dict[str, type[LabError]] = {
    kind.__name__: kind for kind in (ClusterFailed, NotEnforcing, ToolMissing, WorkloadFailed)
}


class Turn(Enum):
    """How a scenario uses the run's cluster: beside others, or alone."""

    SHARED = fcntl.LOCK_SH
    ALONE = fcntl.LOCK_EX


class RunDirectory:
    """One run's folder, ``PREFIX`` and the run's name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: list[int] = []

    @classmethod
    def place(cls, run: str) -> "RunDirectory":
        """Where the folder of a run is, or will be."""
        return cls(Path(tempfile.gettempdir()) / f"{PREFIX}{run}")

    @classmethod
    def make(cls, run: str) -> "RunDirectory":
        """The owner's: a new folder, with the lifeline that is held open from now on. Removes those of dead owners."""
        for left in abandoned():
            remove(left)
        directory = cls.place(run)
        draft = directory.path.with_name(f".{directory.path.name}")  # nobody takes it for abandoned before it is locked
        draft.mkdir(0o700)
        os.mkfifo(draft / "lifeline", 0o600)
        directory._held = [_lock(draft / _OWNER), os.open(draft / "lifeline", os.O_RDWR)]
        draft.rename(directory.path)
        return directory

    @property
    def run(self) -> str:
        """The run's name."""
        return self.path.name.removeprefix(PREFIX)

    def once(self, what: str, make: Callable[[], str]) -> str:
        """The text that ``make`` gives, called by whoever of the run's processes comes first; others wait for it.

        Where it raised an error of the harness, that is what everybody gets: nothing is tried twice.
        """
        with _locked(self.path / f"{what}.lock"):
            if (known := self.known(what)) is not None:
                return known
            try:
                outcome = {"text": make()}
            except Interrupted:
                raise
            except HarnessError as error:
                self._record(what, {"error": type(error).__name__, "message": str(error)})
                raise
            self._record(what, outcome)
            return outcome["text"]

    def known(self, what: str) -> str | None:
        """What ``once`` gave, if it has ended. Raises the error that it ended with."""
        try:
            outcome = json.loads((self.path / f"{what}.json").read_text())
        except FileNotFoundError:
            return None
        if "error" in outcome:
            raise _TOLD.get(outcome["error"], ClusterFailed)(outcome["message"])
        return str(outcome["text"])

    def begun(self, what: str) -> bool:
        """Whether anybody has ever begun with it."""
        return (self.path / f"{what}.lock").exists()

    @contextmanager
    def turn(self, turn: Turn) -> Iterator[None]:
        """Wait until the cluster may be used in this way, and use it."""
        with _locked(self.path / "turn.lock", turn.value):
            yield

    def tell(self, doing: str, by: str = "") -> None:
        """Let whoever watches know what this process is busy with; empty when it no longer is.

        ``by`` tells apart what it does at the same time.
        """
        note = self.path / f"{_DOING}{os.getpid()}{by}"
        with suppress(OSError):  # nobody needs to know
            note.write_text(doing) if doing else note.unlink()

    @property
    def activities(self) -> tuple[str, ...]:
        """What the run's processes are busy with."""
        found = []
        for note in sorted(self.path.glob(f"{_DOING}*")):
            with suppress(OSError):
                found.append(note.read_text())
        return tuple(filter(None, found))

    def close(self) -> None:
        """The owner's: let go, and remove the folder."""
        for descriptor in self._held:
            os.close(descriptor)
        self._held = []
        remove(self.path)

    def _record(self, what: str, outcome: object) -> None:
        draft = self.path / f"{what}.draft"
        draft.write_text(json.dumps(outcome))
        draft.replace(self.path / f"{what}.json")


def abandoned() -> Iterator[Path]:
    """The folders of runs whose owner died without closing: nobody holds the lock in them."""
    for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{_OWNER}"):
        with suppress(OSError), _locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield lock.parent


def remove(directory: Path) -> None:
    """Remove a run's folder; one that is gone already is success."""
    shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _locked(file: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    descriptor = _lock(file, how)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(file: Path, how: int = fcntl.LOCK_EX) -> int:
    """A lock, held until the returned descriptor is closed. ``BlockingIOError`` if it may not wait."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
