"""The directory of one run, in which its processes share one cluster: results computed once, turns, the owner's lock.

The owner is the process that the user started (with xdist: the controller). It creates the directory, holds
``owner.lock`` and the ``lifeline`` in it, and removes it at the end. Guests (xdist workers) are given its path. All of
this relies on locks and descriptors that the kernel releases when their holder dies, whatever the cause.
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
_ACTIVITY = "activity."
_ERROR_TYPES: dict[str, type[LabError]] = {
    error.__name__: error for error in (ClusterFailed, NotEnforcing, ToolMissing, WorkloadFailed)
}


class Turn(Enum):
    """How a scenario uses the run's cluster: beside other scenarios, or alone."""

    SHARED = fcntl.LOCK_SH
    ALONE = fcntl.LOCK_EX


class RunDirectory:
    """The directory of one run: ``PREFIX`` followed by the run's name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: list[int] = []

    @classmethod
    def of_run(cls, run: str) -> "RunDirectory":
        """Return the directory of a run, which need not exist yet."""
        return cls(Path(tempfile.gettempdir()) / f"{PREFIX}{run}")

    @classmethod
    def create(cls, run: str) -> "RunDirectory":
        """Create the directory as its owner and hold the lifeline open. Also removes the directories of dead owners."""
        for path in abandoned():
            remove(path)
        directory = cls.of_run(run)
        draft = directory.path.with_name(f".{directory.path.name}")  # not taken for abandoned before it is locked
        draft.mkdir(0o700)
        os.mkfifo(draft / "lifeline", 0o600)
        directory._held = [_lock(draft / _OWNER), os.open(draft / "lifeline", os.O_RDWR)]
        draft.rename(directory.path)
        return directory

    @property
    def run(self) -> str:
        """The run's name."""
        return self.path.name.removeprefix(PREFIX)

    def once(self, key: str, compute: Callable[[], str]) -> str:
        """Return the text of ``compute``, called by the first process to get here; the others wait and reuse it.

        An error of the harness is reused as well: every process gets it, and nothing is tried twice. An interruption is
        not recorded.
        """
        with _locked(self.path / f"{key}.lock"):
            if (text := self.recorded(key)) is not None:
                return text
            try:
                outcome = {"text": compute()}
            except Interrupted:
                raise
            except HarnessError as error:
                self._record(key, {"error": type(error).__name__, "message": str(error)})
                raise
            self._record(key, outcome)
            return outcome["text"]

    def recorded(self, key: str) -> str | None:
        """Return the result of ``once``, or ``None`` if it has not ended. Raises the error with which it ended."""
        try:
            outcome = json.loads((self.path / f"{key}.json").read_text())
        except FileNotFoundError:
            return None
        if "error" in outcome:
            raise _ERROR_TYPES.get(outcome["error"], ClusterFailed)(outcome["message"])
        return str(outcome["text"])

    def is_begun(self, key: str) -> bool:
        """Whether any process has begun to compute ``once`` for this key."""
        return (self.path / f"{key}.lock").exists()

    def keys(self, prefix: str) -> tuple[str, ...]:
        """Return the keys of results of ``once`` that begin with ``prefix``, sorted."""
        return tuple(sorted(file.stem for file in self.path.glob(f"{prefix}*.json")))

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Keep the other processes of the run out of what they hold by the same name."""
        with _locked(self.path / f"{name}.lock"):
            yield

    @contextmanager
    def turn(self, turn: Turn) -> Iterator[None]:
        """Hold the cluster in this way while inside; wait until that is possible."""
        with _locked(self.path / "turn.lock", turn.value):
            yield

    def report_activity(self, activity: str, by: str = "") -> None:
        """Let the processes of the run see what this one is busy with; empty when it has ended.

        ``by`` distinguishes activities that one process has at the same time.
        """
        note = self.path / f"{_ACTIVITY}{os.getpid()}{by}"
        with suppress(OSError):  # the display may do without it
            note.write_text(activity) if activity else note.unlink()

    @property
    def activities(self) -> tuple[str, ...]:
        """What the processes of the run are busy with."""
        texts = []
        for note in sorted(self.path.glob(f"{_ACTIVITY}*")):
            with suppress(OSError):
                texts.append(note.read_text())
        return tuple(filter(None, texts))

    def close(self) -> None:
        """Release the owner's locks and remove the directory."""
        for descriptor in self._held:
            os.close(descriptor)
        self._held = []
        remove(self.path)

    def _record(self, key: str, outcome: object) -> None:
        draft = self.path / f"{key}.draft"
        draft.write_text(json.dumps(outcome))
        draft.replace(self.path / f"{key}.json")


def abandoned() -> Iterator[Path]:
    """Yield the directories of runs whose owner died without closing: the lock in them is free."""
    for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{_OWNER}"):
        with suppress(OSError), _locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield lock.parent


def remove(directory: Path) -> None:
    """Remove a run's directory; one that does not exist is success."""
    shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _locked(file: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    descriptor = _lock(file, how)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(file: Path, how: int = fcntl.LOCK_EX) -> int:
    """Lock a file until the returned descriptor is closed. Raises ``BlockingIOError`` if it may not wait."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
