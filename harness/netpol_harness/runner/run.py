"""A scenario on a cluster: opened once, changed from step to step, observed, and closed."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext

from netpol_harness.analysis.predict import Predictor
from netpol_harness.analysis.waiting import waits_for
from netpol_harness.backends.base import Capability
from netpol_harness.backends.runs.directory import Turn
from netpol_harness.errors import CapabilityMissing, WorkloadFailed
from netpol_harness.kube.client import Client
from netpol_harness.model.kinds import CLUSTER_NETWORK_POLICY, GroupKind
from netpol_harness.model.names import ObjectKey
from netpol_harness.paths.path import ProbeMode
from netpol_harness.runner import requirements
from netpol_harness.runner.applied_state import AppliedState
from netpol_harness.runner.context import RunContext
from netpol_harness.runner.external_hosts import ScenarioHosts
from netpol_harness.runner.observer import StepObserver
from netpol_harness.runner.readiness import ReadinessObserver
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.runner.state import State
from netpol_harness.runner.target_state import recreated_workloads, target_state
from netpol_harness.runner.transition import paths_with
from netpol_harness.scenario.governance import Governance
from netpol_harness.scenario.notices import counted, notices
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Scenario, Step


class ScenarioRun:
    """One scenario on one cluster. One thread at a time.

    ``observer`` probes it; ``applied`` are its objects on the cluster. Without a ``turn`` it runs beside any other.

    >>> run.open()
    >>> run.enter("deny-all")
    >>> run.observer.observe(run.step, run.step.expectations, others=False)
    >>> run.close()
    """

    def __init__(
        self, scenario: Scenario, placement: Placement, context: RunContext, turn: Turn | None = Turn.SHARED
    ) -> None:
        self.scenario = scenario
        self.placement = placement
        self.context = context
        self.capabilities = requirements.capabilities(context.cluster, placement)
        if foreign := requirements.other_policies(scenario):
            enforced = all(context.client.serves(*kind) for kind in foreign)
            self.capabilities |= {Capability.OTHER_POLICIES} if enforced else frozenset()
        hosts = requirements.possible_hosts(scenario, self.capabilities)
        self._hosts = ScenarioHosts(hosts, placement, context.router, context.run_directory.run)
        self.applied = AppliedState(scenario, placement, context, self._hosts)
        self.applied.use(path for step in scenario.steps for path in step.paths)
        self.observer = StepObserver(placement, context, self.applied, self.capabilities, scenario)
        self.readiness = ReadinessObserver(self.applied, placement, context.timeouts.interval)
        self._turn = turn
        self._turn_taken = ExitStack()
        self._index: int | None = None

    @property
    def step(self) -> Step | None:
        """The step whose state the cluster is in; ``None`` before the first."""
        return None if self._index is None else self.scenario.steps[self._index]

    @property
    def current_step(self) -> Step:
        """The state that the cluster is in: before the first step the workloads alone, with the first inventory."""
        if self.step is not None:
            return self.step
        steps = self.scenario.steps
        return Step("before the first step", "", steps[0].inventory if steps else self.scenario.inventory)

    def open(self) -> None:
        """Wait for the scenario's turn, create namespaces, external hosts and workloads, and wait for the pods.

        Raises ``CapabilityMissing`` where the cluster lacks what the whole scenario requires.
        """
        for need in requirements.requirements(self.scenario):
            if need not in self.capabilities:
                raise CapabilityMissing(need)
        self._await_turn()
        if self.scenario.externals:
            self._hosts.start(self.context.backend.external_hosts(self.context.cluster))
        self._prefer_own_containers()
        self.applied.apply(self._target(None))
        self._record_readiness()
        self.observer.record_baseline(self.scenario)

    def enter(self, step: Step | str) -> None:
        """Change the cluster through the states before a step to its own, so that every transition is a real one.

        Does nothing if the cluster is in the step already. From the next step it goes one back; from a later one it
        starts over. Paths that the step probes ``throughout`` or ``first`` are probed on the way. Raises ``ValueError``
        for an unknown name, and ``CapabilityMissing`` before anything is changed.
        """
        __tracebackhide__ = True  # an unknown name is an error of the test that passes it
        names = [known.name for known in self.scenario.steps]
        name = step if isinstance(step, str) else step.name
        if name not in names:
            raise ValueError(f"{self.scenario.name} has no step '{name}'; it has {', '.join(names)}")
        goal = names.index(name)
        indices = self._indices_to(goal)
        self._check(self.scenario.steps[index] for index in indices)
        for index in indices:
            self._index = None
            self._change_to(index, probed=index == goal)
            self._index = index

    @property
    def notices(self) -> Sequence[str]:
        """What was assumed and left out, a line each: of the files, and of the objects that the cluster lacks."""
        left_out, replaced = self.applied.kinds.left_out, self.applied.kinds.as_deployments
        lines = [*notices(self.scenario)]
        if left_out:
            lines.append(f"not applied: {counted(left_out.values())}; this cluster lacks these kinds")
        if replaced:
            lines.append(f"made as Deployments: {counted(replaced.values())}; this cluster lacks their controllers")
        return lines

    @property
    def client(self) -> Client:
        """The client of the cluster's API, for changes that no step of a scenario can make."""
        return self.context.client

    def key(self, kind: str, name: str, namespace: str = "default", *, api_version: str = "v1") -> ObjectKey:
        """Return the key for ``client`` of an object of the scenario, in its namespace on the cluster."""
        if GroupKind.in_version(api_version, kind) == CLUSTER_NETWORK_POLICY:
            return ObjectKey(api_version, kind, "", self.placement.policy(name))
        return ObjectKey(api_version, kind, self.placement.real(namespace), name)

    def recreate_namespace(self, name: str) -> None:
        """Delete a namespace of the scenario with its contents, create all of it again, and wait for the pods.

        Raises ``ValueError`` for an unknown name, and ``CapabilityMissing`` for a namespace that existed before.
        """
        names = self.scenario.namespaces
        if name not in names:
            raise ValueError(f"{self.scenario.name} has no namespace '{name}'; it has {', '.join(names)}")
        if ObjectKey("v1", "Namespace", "", self.placement.real(name)) not in self.applied:
            raise CapabilityMissing(Capability.NAMESPACES)
        self.applied.recreate_namespace(self.placement.real(name))

    def snapshot(self) -> ClusterSnapshot:
        """Return the live pods, Services and external hosts."""
        return self.applied.snapshot()

    def close(self) -> None:
        """End all probes, remove external hosts and all objects, and release the turn."""
        with self._turn_taken:
            self.observer.close()
            self._hosts.stop()
            self.applied.remove()
            self._index = None

    def _await_turn(self) -> None:
        if self._turn is None:
            return
        run_directory, name = self.context.run_directory, self.scenario.name
        run_directory.report_activity(f"scenario {name} waits for its turn", by=name)
        try:
            self._turn_taken.enter_context(run_directory.turn(self._turn))
        finally:
            run_directory.report_activity("", by=name)

    def _prefer_own_containers(self) -> None:
        """Probe from the containers that the manifests name: admission webhooks may add others to a pod."""
        containers: dict[str, set[str]] = {}
        for manifest in self.scenario.workloads:
            spec = (manifest.pod or {}).get("spec") or {}
            names = {str(container.get("name")) for container in spec.get("containers") or ()}
            containers.setdefault(self.placement.real(manifest.name.ref.namespace), set()).update(names)
        for namespace, names in containers.items():
            self.context.prober.prefer(namespace, names)

    def _indices_to(self, goal: int) -> Sequence[int]:
        """Return the steps to enter, one after the other."""
        if self._index is not None and goal in (self._index, self._index - 1):
            return (goal,) if goal < self._index else ()
        return range(0 if self._index is None or self._index > goal else self._index + 1, goal + 1)

    def _check(self, steps: Iterable[Step]) -> None:
        """Raise ``CapabilityMissing`` for the first step that the cluster cannot enter."""
        for step in steps:
            for need in map(Capability, (*Governance.of(step.policies).everywhere, *step.needs)):
                if need not in self.capabilities:
                    raise CapabilityMissing(need, f"step {step.name} needs it")

    def _change_to(self, index: int, *, probed: bool) -> None:
        """Enter one step from whatever state the cluster is in; ``probed``: with the probes of the transition."""
        step, later = self.scenario.steps[index], self.scenario.steps[index:]
        self.observer.end_transition()
        self.observer.keep_connections([path for step in later for path in paths_with(step, ProbeMode.PERSISTENT)])
        recreate = recreated_workloads(self.scenario, step, self.placement)
        transition = self.observer.transition(step) if probed else nullcontext(tuple)
        with self._explaining(step), transition as prepare:
            self.applied.apply(self._target(step), recreate, step=step, prepare=prepare)
        self._record_readiness()
        self.observer.open_connections(step)

    def _record_readiness(self) -> None:
        if any(step.readiness for step in self.scenario.steps):
            self.readiness.record()

    @contextmanager
    def _explaining(self, step: Step) -> Iterator[None]:
        """Add to an error about pods that are not ready what their init containers ask, if policies do not allow it."""
        try:
            yield
        except WorkloadFailed as error:
            predictor = Predictor(self.scenario, step)
            lines = (line for workload in step.inventory.workloads for line in waits_for(predictor, workload))
            raise WorkloadFailed("\n".join([str(error), *(f"    {line}" for line in lines)])) from error

    def _target(self, step: Step | None) -> State:
        able = Capability.EXTERNAL_HOSTS in self.capabilities
        return target_state(self.scenario, step, self.placement, self._hosts.pods if able else ())
