"""The composition root: options become a cluster, a client, a prober and, for each scenario, a stage.

The run has one cluster, made on first demand by whoever asks, ended by its owner alone.

The owner is the process that the user started (with xdist: the controller). It makes the run's directory, holds the
``lifeline`` open there, and removes all at the end. Guests (workers) are told the directory, and find or make the
cluster in it under a lock. If the owner dies by whatever cause, the kernel closes the lifeline and the cluster ends.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Self

from harness.cluster.provider import Cluster
from harness.cluster.registry import Choice
from harness.probe.toolbox import Tool
from harness.scenario.placement import Placement
from harness.scenario.scenario import Scenario
from harness.settings import Timeouts

if TYPE_CHECKING:
    from harness.stage.stage import Ground, Stage

_PREFIX = "netpol-"
_OWNER = "owner.lock"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user may set of a run; ``None`` leaves the backend's default. Times in seconds."""

    probe_timeout: float | None = None
    settle_deadline: float | None = None
    concurrency: int = 32
    tool: Tool | None = None
    literal_namespaces: bool = False

    def over(self, defaults: Timeouts) -> Timeouts:
        """The backend's durations with the user's in their place."""
        return replace(
            defaults,
            probe=self.probe_timeout or defaults.probe,
            settle=self.settle_deadline or defaults.settle,
        )


class Lab:
    """One run's laboratory. ``directory`` is ``None`` for the owner, who makes one; guests are given the owner's."""

    def __init__(self, choice: Choice, settings: Settings, directory: Path | None = None) -> None:
        self._provider = choice.provider
        self._why = choice.why
        self._settings = settings
        self._given = directory
        self._made: Path | None = None
        self._held: list[int] = []
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="cluster")
        self._future: Future[Cluster] | None = None
        self._serial = count(1)

    @property
    def header(self) -> str:
        """Which backend is used and why, in one line."""
        return f"netpol: cluster {self._provider.name} ({self._why}); dataplane: {self._provider.dataplane}"

    @property
    def directory(self) -> Path:
        """The run's folder; the owner's first look makes it, with the lifeline that it then holds."""
        if self._given is not None:
            return self._given
        if self._made is None:
            sweep()
            self._made = Path(tempfile.mkdtemp(prefix=_PREFIX))
            os.mkfifo(self._made / "lifeline", 0o600)
            self._held = [_lock(self._made / _OWNER), os.open(self._made / "lifeline", os.O_RDWR)]
        return self._made

    def prepare(self) -> None:
        """Start to make the cluster in the background; returns at once. Errors wait for ``cluster``."""
        if self._future is None:
            directory = self.directory
            self._future = self._pool.submit(self._obtain, directory)

    @property
    def cluster(self) -> Cluster:
        """The running cluster, made now if nobody has made it yet. Raises ``LabError``."""
        self.prepare()
        assert self._future is not None
        return self._future.result()

    @cached_property
    def ground(self) -> "Ground":
        """The cluster with everything that a stage needs; made once a process."""
        self.prepare()
        from harness.kube.client import Client  # the official client takes 0.3 s to import, while the cluster starts
        from harness.kube.config import Access
        from harness.kube.exec import PodExec
        from harness.probe.prober import Prober
        from harness.stage.stage import Ground

        cluster = self.cluster
        timeouts = self._settings.over(cluster.timeouts)
        access = Access.from_kubeconfig(cluster.kubeconfig, cluster.context)
        prober = Prober(
            PodExec(access),
            timeout=timeouts.probe,
            exec_timeout=timeouts.exec,
            concurrency=self._settings.concurrency,
            tool=self._settings.tool,
        )
        return Ground(cluster, Client(access), prober, timeouts)

    def stage(self, scenario: Scenario) -> "Stage":
        """A stage for the scenario, not yet open. Its namespaces get names that nobody else on this cluster has."""
        from harness.stage.stage import Stage

        unique = f"{os.getpid():x}-{next(self._serial)}"
        literal = self._settings.literal_namespaces
        placement = Placement.literal(scenario) if literal else Placement.unique(scenario, unique)
        timeouts = self._settings.over(replace(self.cluster.timeouts, **scenario.timeouts))
        return Stage(scenario, placement, replace(self.ground, timeouts=timeouts))

    def _obtain(self, directory: Path) -> Cluster:
        handle = directory / "cluster.json"
        with _locked(directory / "cluster.lock"):
            if handle.exists():
                return Cluster.from_json(handle.read_text())
            cluster = self._provider.create(directory.name, directory)
            draft = handle.with_suffix(".draft")
            draft.write_text(cluster.to_json())
            draft.replace(handle)
            return cluster

    def close(self) -> None:
        """Owner: end the cluster and remove the run's folder. Guest: nothing. May be called twice."""
        self._pool.shutdown(wait=True)
        if self._made is None:
            return
        with suppress(FileNotFoundError):
            self._provider.delete(Cluster.from_json((self._made / "cluster.json").read_text()))
        for descriptor in self._held:
            os.close(descriptor)
        self._held = []
        shutil.rmtree(self._made, ignore_errors=True)
        self._made = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sweep() -> None:
    """Remove the folders of runs whose owner died without closing: nobody holds the lock in them."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_OWNER}"):
        with suppress(OSError), _locked(left, wait=False):
            shutil.rmtree(left.parent, ignore_errors=True)


@contextmanager
def _locked(file: Path, *, wait: bool = True) -> Iterator[None]:
    descriptor = _lock(file, wait=wait)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(file: Path, *, wait: bool = True) -> int:
    """An exclusive lock, held until the returned descriptor is closed. ``BlockingIOError`` if it may not wait."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
