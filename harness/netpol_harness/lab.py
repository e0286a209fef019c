"""The composition root: options become a cluster, a client, a prober and, for each scenario, a scenario run.

The run has one cluster. The first process that needs it creates it, and only the owner deletes it
(``runs.directory``). The canary runs once per cluster, at the same time as the first scenario.
"""

import os
import shutil
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Self

from netpol_harness.backends.base import LOGS, Cluster
from netpol_harness.backends.runs.directory import RunDirectory, Turn
from netpol_harness.backends.runs.owner import Owner, OwnerState, owner_state
from netpol_harness.backends.select import BackendChoice
from netpol_harness.deadline import interruptible
from netpol_harness.errors import HarnessError, LabError
from netpol_harness.results.proof import Proof
from netpol_harness.timeouts import Timeouts

if TYPE_CHECKING:
    from netpol_harness.kube.client import Client
    from netpol_harness.kube.exec import Exec
    from netpol_harness.probe.plan.toolbox import Tool
    from netpol_harness.probe.prober import Prober
    from netpol_harness.runner.canary.report import CanaryReport
    from netpol_harness.runner.canary.traffic import Traffic
    from netpol_harness.runner.canary.watch import CanaryWatch
    from netpol_harness.runner.context import RunContext
    from netpol_harness.runner.run import ScenarioRun
    from netpol_harness.scenario.placement import Placement
    from netpol_harness.scenario.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Settings:
    """The user's settings of a run; ``None`` stands for the backend's default. Times in seconds.

    ``report`` is the directory for reports. ``limits`` are upper bounds of durations, by the fields of ``Timeouts``.
    """

    probe_timeout: float | None = None
    settle_deadline: float | None = None
    concurrency: int = 32
    tool: "Tool | None" = None
    probe_image: str = ""
    literal_namespaces: bool = False
    canary: bool = False
    proof: Proof = Proof.LIFT
    report: Path | None = None
    limits: Mapping[str, float] = field(default_factory=dict)

    def applied_to(self, defaults: Timeouts) -> Timeouts:
        """Return the backend's durations, replaced by those that the user has set."""
        limited = {name: min(limit, getattr(defaults, name)) for name, limit in self.limits.items()}
        quickest = 1.0 if self.probe_timeout else None  # the user's time-out holds in every round
        chosen = {"probe": self.probe_timeout, "settle": self.settle_deadline, "quickest": quickest}
        return replace(defaults, **limited, **{name: value for name, value in chosen.items() if value})


class Lab:
    """The laboratory of one run.

    The owner passes no ``directory`` and creates one; guests (the other processes of the run) pass the owner's.
    ``run`` is the run's name, if the owner has chosen one already. ``canary`` shows that the cluster enforces policies.
    """

    def __init__(
        self, choice: BackendChoice, settings: Settings, directory: Path | None = None, *, run: str = ""
    ) -> None:
        self.choice = choice
        self.settings = settings
        self._backend = choice.backend
        self._run = run or Owner.current().run
        self._run_directory = RunDirectory(directory) if directory else None
        self._is_owner = directory is None
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="cluster")
        self._future: Future[Cluster] | None = None
        self._serial = count(1)

    @cached_property
    def canary(self) -> "CanaryWatch":
        """The canaries of this process."""
        from netpol_harness.runner.canary.watch import CanaryWatch

        return CanaryWatch()

    @property
    def header(self) -> str:
        """The backend and why it was chosen, in one line."""
        return f"netpol: cluster {self._backend.name} ({self.choice.reason}); dataplane: {self.dataplane}"

    @property
    def dataplane(self) -> str:
        """A description of what carries and filters the packets, as far as it is known."""
        cluster = self.known_cluster()
        return cluster.dataplane if cluster else self._backend.dataplane

    @property
    def known_deviations(self) -> Path | None:
        """The file of known deviations that is shipped for the dataplane, if there is one."""
        return self._backend.known_deviations

    @property
    def closing(self) -> tuple[str, ...]:
        """The lines for the end of the run: the dataplane, the canary's result, and the backend's note."""
        from netpol_harness.runner.canary.watch import recorded_reports

        lines = [self.header]
        with suppress(HarnessError):
            if self._run_directory:
                lines += [f"netpol: canary: {report}" for report in recorded_reports(self._run_directory)]
            if self._run_directory and (refusal := self._run_directory.recorded("lift-refused")):
                lines.append(f"netpol: denials are proven by the baseline, as policies cannot be lifted: {refusal}")
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
        """The run's directory; the owner creates it on first access."""
        return self._ensure_directory().path

    def prepare(self) -> None:
        """Start to create the cluster in the background and return at once. ``cluster`` raises its errors."""
        if self._future is None:
            self._future = self._pool.submit(self._obtain_cluster, self._ensure_directory())

    @property
    def cluster(self) -> Cluster:
        """The running cluster, created now if no process has created it yet. Raises ``LabError``."""
        self.prepare()
        assert self._future is not None
        return self._future.result()

    @cached_property
    def context(self) -> "RunContext":
        """What scenario runs work with, created once in each process. Starts the canary."""
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
        timeouts = self.settings.applied_to(cluster.timeouts)
        access = Access.from_kubeconfig(cluster.kubeconfig, cluster.context)
        client, router = Client(access), ExecRouter(PodExec(access))
        prober, proof, directory = self._prober(router, client, timeouts), self.settings.proof, self._ensure_directory()
        context = RunContext(cluster, client, prober, timeouts, directory, self._backend, router, proof)
        if self.settings.canary:
            # It has a prober of its own, for its own pace, and asks without policies before and after.
            canary_prober = self._prober(router, client, timeouts)
            canary_context = replace(context, prober=canary_prober, proof=Proof.LISTENER)
            self.canary.start(directory, partial(self._run_canary, run_canary, canary_context))
        return context

    def scenario_run(self, scenario: "Scenario", settings: Settings | None = None) -> "ScenarioRun":
        """Return a run of the scenario that is not open yet, in namespaces of its own unless the user names others."""
        from netpol_harness.runner.run import ScenarioRun

        timeouts = (settings or self.settings).applied_to(replace(self.cluster.timeouts, **scenario.timeouts))
        return ScenarioRun(
            scenario, self._placement(scenario), replace(self.context, timeouts=timeouts), self._turn(scenario)
        )

    @property
    def failure(self) -> str:
        """Why nothing can be probed in the cluster any more; empty while it can, or before there is a cluster."""
        cluster = self.known_cluster()
        return self._backend.failure(cluster) if cluster else ""

    @property
    def run_directory(self) -> RunDirectory | None:
        """The run's directory; ``None`` before it is created."""
        return self._run_directory

    @property
    def activities(self) -> tuple[str, ...]:
        """What the run's processes do at the moment that takes long, for the progress display."""
        return self._run_directory.activities if self._run_directory else ()

    def leftovers(self) -> tuple[str, ...]:
        """Return the names of dead runs that have left something on this backend; none if the backend cannot tell."""
        with suppress(HarnessError):
            return tuple(left.name for left in self._backend.leftovers() if owner_state(left.name) is OwnerState.DEAD)
        return ()

    def collect_logs(self) -> None:
        """Copy the cluster's logs into the report directory, if there is one.

        A cluster that could not be created has left its logs in the run's directory.
        """
        if self.settings.report is None or self._run_directory is None:
            return
        into, logs_of_failure = self.settings.report / "cluster", self._run_directory.path / LOGS
        if cluster := self.known_cluster():
            into.mkdir(parents=True, exist_ok=True)
            self._backend.collect_logs(cluster, into)
        elif logs_of_failure.is_dir():
            shutil.copytree(logs_of_failure, into, dirs_exist_ok=True)

    def close(self) -> None:
        """Owner: delete the cluster and remove the run's directory. Guest: nothing. May be called twice."""
        self._stop.set()
        if "canary" in self.__dict__:
            self.canary.close()
        self._pool.shutdown(wait=True)
        if not self._is_owner or self._run_directory is None:
            return
        directory, self._run_directory = self._run_directory, None
        try:
            if directory.is_begun("cluster"):
                self._delete_cluster(directory)
        finally:
            directory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ensure_directory(self) -> RunDirectory:
        if self._run_directory is None:
            self._run_directory = RunDirectory.create(self._run)
        return self._run_directory

    def _prober(self, exec: "Exec", client: "Client", timeouts: Timeouts) -> "Prober":
        from netpol_harness.probe.ephemeral import IMAGE, ProbeContainers
        from netpol_harness.probe.prober import Prober
        from netpol_harness.scenario.scenario import SYSTEM_NAMESPACES

        containers = ProbeContainers(
            client,
            self.settings.probe_image or IMAGE,
            timeout=timeouts.ready,
            interval=timeouts.interval,
            untouchable=() if self._backend.owns_cluster else SYSTEM_NAMESPACES,
        )
        prober = Prober(
            exec,
            timeout=timeouts.probe,
            exec_timeout=timeouts.exec,
            concurrency=self.settings.concurrency,
            tool=self.settings.tool,
            containers=containers,
        )
        prober.allow_quicker(timeouts.quickest)
        return prober

    def _placement(self, scenario: "Scenario") -> "Placement":
        from netpol_harness.scenario.placement import Placement

        if self._backend.namespaces:
            return Placement.given_by(scenario, dict(self._backend.namespaces))
        if self.settings.literal_namespaces:
            return Placement.literal(scenario)
        return Placement.unique(scenario, f"{self._ensure_directory().run[-6:]}-{os.getpid():x}-{next(self._serial)}")

    def _turn(self, scenario: "Scenario") -> Turn:
        """Exclusive scenarios, and those without unique namespaces, run alone on the cluster."""
        shares_namespaces = self.settings.literal_namespaces or self._backend.namespaces
        return Turn.ALONE if scenario.exclusive or shares_namespaces else Turn.SHARED

    def _obtain_cluster(self, directory: RunDirectory) -> Cluster:
        def create() -> str:
            return self._backend.create(directory.path.name, directory.path).to_json()

        try:
            with interruptible(self._stop):
                return Cluster.from_json(directory.once("cluster", create))
        finally:
            directory.report_activity("")

    def _run_canary(
        self, run_canary: "Callable[..., CanaryReport]", context: "RunContext", traffic: "Collection[Traffic]"
    ) -> "CanaryReport":
        with interruptible(self._stop):
            return run_canary(context, dict(self._backend.namespaces), traffic)

    def known_cluster(self) -> Cluster | None:
        """Return the cluster if the run has one already."""
        with suppress(HarnessError):
            text = self._run_directory.recorded("cluster") if self._run_directory else None
            return Cluster.from_json(text) if text else None
        return None

    def _delete_cluster(self, directory: RunDirectory) -> None:
        """Delete the cluster; by the name of the run's directory if the process that created it died meanwhile."""
        try:
            text = directory.recorded("cluster")
        except LabError:
            return  # the backend has cleaned up when it failed
        name = Cluster.from_json(text).name if text else directory.path.name
        self._backend.delete(name, directory.path)
