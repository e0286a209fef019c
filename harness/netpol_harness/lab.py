"""The composition root: options become a cluster, a client, a prober and, for each scenario, a stage.

The run has one cluster, made on first demand by whoever asks, ended by its owner alone (``runs.directory``).
Beside the first scenario the canary shows, once per cluster, that policies have effect there: ``await_canary`` waits
for it.
"""

import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Self

from netpol_harness.backends.base import LOGS, Cluster
from netpol_harness.backends.runs.directory import RunDirectory, Turn
from netpol_harness.backends.runs.owner import Owner, OwnerState, owner_state
from netpol_harness.backends.select import BackendChoice
from netpol_harness.deadline import interruptible
from netpol_harness.errors import HarnessError, LabError, NotEnforcing
from netpol_harness.probe.toolbox import Tool
from netpol_harness.results.evidence import Proof
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import SYSTEM_NAMESPACES, Scenario
from netpol_harness.timeouts import Timeouts

if TYPE_CHECKING:
    from netpol_harness.kube.client import Client
    from netpol_harness.kube.exec import Exec
    from netpol_harness.probe.prober import Prober
    from netpol_harness.runner.context import RunContext
    from netpol_harness.runner.run import ScenarioRun


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user may set of a run; ``None`` leaves the backend's default. Times in seconds.

    ``report`` is the folder for reports.
    """

    probe_timeout: float | None = None
    settle_deadline: float | None = None
    concurrency: int = 32
    tool: Tool | None = None
    probe_image: str = ""
    literal_namespaces: bool = False
    canary: bool = False
    proof: Proof = Proof.LIFT
    report: Path | None = None

    def over(self, defaults: Timeouts) -> Timeouts:
        """The backend's durations with the user's in their place."""
        return replace(
            defaults,
            probe=self.probe_timeout or defaults.probe,
            settle=self.settle_deadline or defaults.settle,
        )


class Lab:
    """One run's laboratory. ``directory`` is ``None`` for the owner, who makes one; guests are given the owner's.

    ``run`` is the owner's name for the run; guests have it from the directory.
    """

    def __init__(
        self, choice: BackendChoice, settings: Settings, directory: Path | None = None, *, run: str = ""
    ) -> None:
        self.choice = choice
        self.settings = settings
        self._backend = choice.backend
        self._run = run or Owner.current().run
        self._shared = RunDirectory(directory) if directory else None
        self._is_owner = directory is None
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="cluster")
        self._future: Future[Cluster] | None = None
        self._canary: Future[str] | None = None
        self._serial = count(1)

    @property
    def header(self) -> str:
        """Which backend is used and why, in one line."""
        return f"netpol: cluster {self._backend.name} ({self.choice.why}); dataplane: {self.dataplane}"

    @property
    def dataplane(self) -> str:
        """What carries and filters the packets, in words, as far as it is known by now."""
        known = self.known_cluster()
        return known.dataplane if known else self._backend.dataplane

    @property
    def closing(self) -> tuple[str, ...]:
        """What should be known at the end: which dataplane was seen, what the canary showed, what is kept."""
        lines = [self.header]
        with suppress(HarnessError):
            if self._shared and (shown := self._shared.recorded("canary")):
                lines.append(f"netpol: canary: {shown}")
        cluster = self.known_cluster()
        if cluster and (note := self._backend.closing_note(cluster)):
            lines.append(f"netpol: {note}")
        return tuple(lines)

    @property
    def run(self) -> str:
        """The run's name."""
        return self._run

    @property
    def directory(self) -> Path:
        """The run's folder; the owner's first look makes it."""
        return self._rundir.path

    @property
    def _rundir(self) -> RunDirectory:
        if self._shared is None:
            self._shared = RunDirectory.create(self._run)
        return self._shared

    def prepare(self) -> None:
        """Start to make the cluster in the background; returns at once. Errors wait for ``cluster``."""
        if self._future is None:
            shared = self._rundir
            self._future = self._pool.submit(self._obtain, shared)

    @property
    def cluster(self) -> Cluster:
        """The running cluster, made now if nobody has made it yet. Raises ``LabError``."""
        self.prepare()
        assert self._future is not None
        return self._future.result()

    @cached_property
    def context(self) -> "RunContext":
        """The cluster with everything that a stage needs; made once a process. Sets the canary to work."""
        self.prepare()
        # The official client takes 0.3 s to import, while the cluster starts. Only the calling thread imports: pytest
        # parses our modules to rewrite assertions, and the parser of Python 3.11 fails where two threads parse at once.
        from netpol_harness.kube.client import Client
        from netpol_harness.kube.config import Access
        from netpol_harness.kube.exec import PodExec
        from netpol_harness.runner.canary.check import run_canary
        from netpol_harness.runner.context import RunContext
        from netpol_harness.runner.external_hosts import ExecRouter

        cluster = self.cluster
        timeouts = self.settings.over(cluster.timeouts)
        access = Access.from_kubeconfig(cluster.kubeconfig, cluster.context)
        client, router = Client(access), ExecRouter(PodExec(access))
        context, canary_context = (
            RunContext(cluster, client, prober, timeouts, self._rundir, self._backend, router, proof)
            for prober, proof in (
                (self._prober(router, client, timeouts), self.settings.proof),
                # The canary's own first step has the same paths open.
                (self._prober(router, client, timeouts), Proof.LISTENER),
            )
        )
        if self.settings.canary:
            self._canary = self._pool.submit(self._run_canary, run_canary, canary_context)
        return context

    def scenario_run(self, scenario: Scenario) -> "ScenarioRun":
        """A stage for the scenario, not yet open. Its namespaces get names that nobody else on this cluster has."""
        from netpol_harness.runner.run import ScenarioRun

        timeouts = self.settings.over(replace(self.cluster.timeouts, **scenario.timeouts))
        return ScenarioRun(
            scenario, self._placement(scenario), replace(self.context, timeouts=timeouts), self._turn(scenario)
        )

    def await_canary(self) -> None:
        """Return once the canary has shown that the cluster does what policies say.

        Raises ``NotEnforcing``, or another ``LabError`` where the canary could not be asked.
        """
        if self._canary is not None:
            self._canary.result()

    @property
    def canary_failed(self) -> bool:
        """Whether the canary has found out that no verdict on this cluster can mean anything."""
        if self._canary is None or not self._canary.done():
            return False
        return isinstance(self._canary.exception(), NotEnforcing)

    @property
    def shared(self) -> RunDirectory | None:
        """The run's folder, once there is one."""
        return self._shared

    @property
    def activities(self) -> tuple[str, ...]:
        """What the run is busy with that takes long; for whoever watches."""
        return self._shared.activities if self._shared else ()

    def leftovers(self) -> tuple[str, ...]:
        """What dead runs have left behind on this backend, as far as it can be told."""
        with suppress(HarnessError):
            return tuple(left.name for left in self._backend.leftovers() if owner_state(left.name) is OwnerState.DEAD)
        return ()

    def collect_logs(self) -> None:
        """Put what the cluster has to say for itself into the report folder, if there is one.

        A cluster that could not be made has left its logs in the run's folder.
        """
        if self.settings.report is None or self._shared is None:
            return
        into, failed = self.settings.report / "cluster", self._shared.path / LOGS
        if cluster := self.known_cluster():
            into.mkdir(parents=True, exist_ok=True)
            self._backend.collect_logs(cluster, into)
        elif failed.is_dir():
            shutil.copytree(failed, into, dirs_exist_ok=True)

    def close(self) -> None:
        """Owner: end the cluster and remove the run's folder. Guest: nothing. May be called twice."""
        self._stop.set()
        self._pool.shutdown(wait=True)
        if not self._is_owner or self._shared is None:
            return
        shared, self._shared = self._shared, None
        try:
            if shared.is_begun("cluster"):
                self._end(shared)
        finally:
            shared.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _prober(self, exec: "Exec", client: "Client", timeouts: Timeouts) -> "Prober":
        """A prober of its own pace."""
        from netpol_harness.probe.ephemeral import IMAGE, ProbeContainers
        from netpol_harness.probe.prober import Prober

        containers = ProbeContainers(
            client,
            self.settings.probe_image or IMAGE,
            timeout=timeouts.ready,
            interval=timeouts.interval,
            untouchable=() if self._backend.owns_cluster else SYSTEM_NAMESPACES,
        )
        return Prober(
            exec,
            timeout=timeouts.probe,
            exec_timeout=timeouts.exec,
            concurrency=self.settings.concurrency,
            tool=self.settings.tool,
            containers=containers,
        )

    def _placement(self, scenario: Scenario) -> Placement:
        if self._backend.namespaces:
            return Placement.given_by(scenario, dict(self._backend.namespaces))
        if self.settings.literal_namespaces:
            return Placement.literal(scenario)
        return Placement.unique(scenario, f"{self._rundir.run[-6:]}-{os.getpid():x}-{next(self._serial)}")

    def _turn(self, scenario: Scenario) -> Turn:
        """Scenarios that cannot have names of their own take the cluster alone, as those that say so do."""
        named = self.settings.literal_namespaces or self._backend.namespaces
        return Turn.ALONE if scenario.exclusive or named else Turn.SHARED

    def _obtain(self, shared: RunDirectory) -> Cluster:
        def create() -> str:
            return self._backend.create(shared.path.name, shared.path).to_json()

        try:
            with interruptible(self._stop):
                return Cluster.from_json(shared.once("cluster", create))
        finally:
            shared.report_activity("")

    def _run_canary(self, run_canary: Callable[..., str], context: "RunContext") -> str:
        with interruptible(self._stop):
            return self._rundir.once("canary", lambda: run_canary(context, dict(self._backend.namespaces)))

    def known_cluster(self) -> Cluster | None:
        """The cluster, if the run has one already."""
        with suppress(HarnessError):
            told = self._shared.recorded("cluster") if self._shared else None
            return Cluster.from_json(told) if told else None
        return None

    def _end(self, shared: RunDirectory) -> None:
        """Delete the cluster; one whose maker died over it has left no handle, only its name."""
        try:
            told = shared.recorded("cluster")
        except LabError:
            return  # who could not make it has tidied up
        name = Cluster.from_json(told).name if told else shared.path.name
        self._backend.delete(name, shared.path)
