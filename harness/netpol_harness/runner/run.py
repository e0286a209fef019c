"""A scenario on a cluster: opened once, led from state to state, observed, and taken away again.

Invariant: ``_state`` names every object that this stage has made or is about to make. It is written before the cluster
is touched, so that closing removes a half-built scenario too.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Protocol

from netpol_harness.backends.base import Backend, Capability, Cluster
from netpol_harness.backends.runs.directory import RunDirectory, Turn
from netpol_harness.backends.runs.owner import marked
from netpol_harness.deadline import Deadline
from netpol_harness.errors import CapabilityMissing, ScenarioInvalid, Unproven
from netpol_harness.kube.client import Client
from netpol_harness.kube.wait import wait_ready
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import ObjectKey
from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.paths.expectations import resolve
from netpol_harness.paths.grammar import parse
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Inventory, Path, ProbeMode
from netpol_harness.probe.bulk import WORTH_AN_AGENT, bulk_probe
from netpol_harness.probe.converge import converge
from netpol_harness.probe.prober import Prober
from netpol_harness.probe.question import Question
from netpol_harness.results.evidence import Evidence, Judgement
from netpol_harness.results.table import PathResult, PodPairResult, TruthTable
from netpol_harness.runner import requirements
from netpol_harness.runner.external_hosts import ExternalMachines, Switchboard
from netpol_harness.runner.external_pods import external_objects
from netpol_harness.runner.held_connections import HeldConnections
from netpol_harness.runner.reconcile import Reconciler
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.runner.state import Act, Change, State, changes, recreated, state_of
from netpol_harness.runner.targets import ResolvedProbe, resolve_probes
from netpol_harness.runner.transition import StepTransition, TransitionContext, paths
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import CLUSTER_SCOPED, EXTERNAL_NAMESPACE, Restart, Scenario, Step, closed_world
from netpol_harness.timeouts import Timeouts

ExpectedByPath = Mapping[Path, Expected]
"""What is expected of each cell of a closed world."""

PrepareChanges = Callable[[Sequence[Change]], Sequence[Change]]
"""Changes as they are to be made, from changes as the states demand them."""


class ProbeStrategy(Protocol):
    """How questions become evidence: ``converge`` asks as a user would type it, ``bulk_probe`` by the fastest means."""

    def __call__(
        self, prober: Prober, questions: Sequence[Question], timeouts: Timeouts, *, since: float
    ) -> Mapping[Question, Evidence]:
        """Evidence for every question."""
        ...


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a stage stands on: one cluster, the way to its API and into its pods, the run and its durations."""

    cluster: Cluster
    client: Client
    prober: Prober
    timeouts: Timeouts
    rundir: RunDirectory
    backend: Backend
    switchboard: Switchboard


@dataclass(frozen=True, slots=True)
class StepResult:
    """What was seen of a step: a finding per path that the cluster can carry, and one per cell of the closed world."""

    path_results: Mapping[Expectation, PathResult]
    others: tuple[PathResult, ...] = ()


class ScenarioRun:
    """One scenario on one cluster. One thread at a time."""

    def __init__(self, scenario: Scenario, placement: Placement, context: RunContext, turn: Turn = Turn.SHARED) -> None:
        self.scenario = scenario
        self.placement = placement
        self.context = context
        self.capabilities = requirements.capabilities(context.cluster, placement)
        self._turn = turn
        self._held = ExitStack()
        self._machines: ExternalMachines | None = None
        self._reconciler = Reconciler(context.client, context.timeouts, context.rundir.run)
        self._lines = HeldConnections(context.prober)
        self._transition: StepTransition | None = None
        self._state: State = {}
        self._at: int | None = None
        self._changed = time.monotonic()

    @property
    def step(self) -> Step | None:
        """The step whose state the cluster is in; ``None`` before the first."""
        return None if self._at is None else self.scenario.steps[self._at]

    @property
    def present(self) -> Step:
        """The state that the cluster is in: before the first step the workloads alone, with all that this step has."""
        return self.step or Step("before the first step", "", self._inventory)

    def open(self) -> None:
        """Wait for the scenario's turn, make namespaces, external hosts and the first workloads, and wait for pods.

        Raises ``CapabilityMissing`` where the cluster lacks what the whole scenario requires.
        """
        for need in requirements.requirements(self.scenario):
            if need not in self.capabilities:
                raise CapabilityMissing(need)
        self._await_turn()
        self._start_machines()
        self._prefer_written()
        self._lead(self._target(None))

    def enter(self, step: Step | str) -> None:
        """Lead the cluster through the states before a step to its own, so that every transition is a real one.

        Does nothing where the cluster is there already, and goes back where it is one step further on; where it is
        further, it starts over. What the step asks ``throughout`` or ``first`` is asked on the way. Raises
        ``ValueError`` for a name that is no step's, and ``CapabilityMissing``.
        """
        __tracebackhide__ = True  # a wrong name is an error of the test that gives it
        names = [known.name for known in self.scenario.steps]
        name = step if isinstance(step, str) else step.name
        if name not in names:
            raise ValueError(f"{self.scenario.name} has no step '{name}'; it has {', '.join(names)}")
        goal = names.index(name)
        way = self._way(goal)
        self._check([self.scenario.steps[index] for index in way])
        for index in way:
            self._at = None
            self._go(self.scenario.steps[index], follow=index == goal)
            self._at = index

    def observe(
        self,
        step: Step,
        expectations: Sequence[Expectation],
        *,
        others: bool,
        words: ExpectedByPath | None = None,
        snapshot: ClusterSnapshot | None = None,
    ) -> StepResult:
        """Ask until every path is as expected or the settle time has passed: the given ones, and the closed world.

        Paths that the cluster cannot carry are left out. A small closed world is asked along with the paths; a large
        one by the fast means, side by side with them. ``words`` are those for its cells, by default the step's one;
        ``snapshot`` is who is there, where that is known already.
        """
        snapshot = snapshot or self.snapshot()
        able = [expectation for expectation in expectations if self.lacks(expectation.path) is None]
        cells = [
            Expectation(path, words[path] if words is not None else Expected(step.others), step.where)
            for path in (closed_world(step) if others else ())
        ]
        if len(cells) < WORTH_AN_AGENT:
            found = self._ask(converge, [*able, *cells], snapshot)
            return StepResult(dict(zip(able, found, strict=False)), found[len(able) :])
        with ThreadPoolExecutor(2, thread_name_prefix="observe") as pool:
            typed = pool.submit(self._ask, converge, able, snapshot)
            swept = pool.submit(self._ask, bulk_probe, cells, snapshot)
            return StepResult(dict(zip(able, typed.result(), strict=True)), swept.result())

    def look(self, path: str, expected: Expected, where: str) -> PathResult:
        """Ask one path in the present state. ``where`` says who wants to know.

        Raises ``ScenarioInvalid`` for a path that cannot be read, and ``CapabilityMissing``.
        """
        expectation = self._expectation(path, expected, where)
        if expectation.path.mode in (ProbeMode.FIRST_PACKET, ProbeMode.CONTINUOUS):
            what = f"'{path}' can only be asked by a step, while it is entered"
            raise ScenarioInvalid([f"{what}; leave out '{expectation.path.mode}'"])
        if lack := self.lacks(expectation.path):
            raise CapabilityMissing(lack)
        return self._ask(converge, [expectation], self.snapshot())[0]

    def look_around(self, expected: Expected, where: str) -> TruthTable:
        """Ask every pair of workloads and served port in the present state, for one word."""
        paths = closed_world(Step("now", "", self._inventory))
        everything = [Expectation(path, expected, where) for path in paths]
        return TruthTable.of(self._ask(bulk_probe, everything, self.snapshot()))

    def probe(self, path: str, expected: str = "undefined") -> PathResult:
        """Ask one path as ``look`` does, for one of the verdict words. Raises ``Unproven`` too."""
        return _proven((self.look(path, Expected(expected), "probe()"),))[0]

    def lacks(self, path: Path) -> Capability | None:
        """The first ability that this path needs and the cluster does not have."""
        return next((need for need in requirements.needs(path) if need not in self.capabilities), None)

    def snapshot(self, without: Collection[str] = ()) -> ClusterSnapshot:
        """Who is there right now, but for the objects of these uids."""
        client = self.context.client
        objects: list[JsonMapping] = [*client.list("v1", "Pod", namespace="kube-system", labels="k8s-app=kube-dns")]
        for namespace in self._namespaces():
            objects += client.list("v1", "Pod", namespace=namespace)
            objects += client.list("v1", "Service", namespace=namespace)
        machines = self._machines.standing if self._machines else ()
        objects = [data for data in objects if data["metadata"].get("uid") not in without]
        return ClusterSnapshot.of([*objects, *machines], self.placement)

    def lost_policies(self) -> Sequence[str]:
        """The names of policies that this stage has put in force and that are not on the cluster any more."""
        policies = [key for key in self._state if key.kind == "NetworkPolicy"]
        return tuple(key.name for key in policies if self.context.client.find(key) is None)

    def close(self) -> None:
        """Remove all that was made. The namespaces take their contents along; what is gone already is success."""
        with self._held:
            self._leave()
            self._lines.keep(())
            if self._machines:
                self._machines.stop()
            ours = _made_namespaces(self._state)
            self._reconciler.make(
                Change(Act.DELETE, key, data)
                for key, data in self._state.items()
                if key.kind in CLUSTER_SCOPED or key.namespace not in ours
            )
            self._state, self._at = {}, None

    @property
    def _inventory(self) -> Inventory:
        """What exists; before the first step, all that it has too."""
        steps = self.scenario.steps
        return (self.step or steps[0]).inventory if steps else self.scenario.inventory

    def _expectation(self, text: str, expected: Expected, where: str) -> Expectation:
        sentence = parse(text, expected, Place("probe()", 1))
        if isinstance(sentence, Problem):
            raise ScenarioInvalid([str(sentence)])
        expectations, problems = resolve([sentence], self._inventory)
        if problems or len(expectations) != 1:
            raise ScenarioInvalid([str(problem) for problem in problems] or [f"'{text}' is not one path but several"])
        return replace(expectations[0], where=where)

    def _ask(
        self, asking: ProbeStrategy, expectations: Sequence[Expectation], snapshot: ClusterSnapshot
    ) -> tuple[PathResult, ...]:
        aimed = [(expectation, self._resolved(expectation, snapshot)) for expectation in expectations]
        questions = [resolved_probe.question for _, several in aimed for resolved_probe in several]
        timeouts = self.context.timeouts
        timeouts = replace(timeouts, settle=timeouts.settle + self._lines.patience(expectations))
        evidence = asking(self.context.prober, questions, timeouts, since=self._changed)
        return tuple(
            PathResult(expectation, tuple(self._asked(expectation, *one, evidence) for one in enumerate(several)))
            for expectation, several in aimed
        )

    def _resolved(self, expectation: Expectation, snapshot: ClusterSnapshot) -> tuple[ResolvedProbe, ...]:
        held = expectation.path.mode is ProbeMode.PERSISTENT
        return self._lines.resolve_probes(expectation, snapshot) if held else resolve_probes(expectation, snapshot)

    def _asked(
        self,
        expectation: Expectation,
        position: int,
        resolved_probe: ResolvedProbe,
        evidence: Mapping[Question, Evidence],
    ) -> PodPairResult:
        """All that was seen of one aim, on the way into the step and in it."""
        found = evidence[resolved_probe.question]
        if self._transition is not None and expectation.path.mode in (ProbeMode.FIRST_PACKET, ProbeMode.CONTINUOUS):
            found = self._transition.merge(expectation, position, resolved_probe, found)
        return PodPairResult(resolved_probe.source, resolved_probe.target, found)

    def _check(self, way: Iterable[Step]) -> None:
        """Nothing is begun that the cluster cannot end."""
        for step in way:
            for need in map(Capability, step.needs):
                if need not in self.capabilities:
                    raise CapabilityMissing(need, f"step {step.name} needs it")

    def _way(self, goal: int) -> Sequence[int]:
        """The steps to enter, one after the other."""
        if self._at is not None and goal in (self._at, self._at - 1):
            return (goal,) if goal < self._at else ()
        return range(0 if self._at is None or self._at > goal else self._at + 1, goal + 1)

    def _go(self, step: Step, *, follow: bool) -> None:
        """Enter one step from wherever the cluster is; ``follow`` what is asked on the way."""
        self._leave()
        index = self.scenario.steps.index(step)
        self._lines.keep([path for later in self.scenario.steps[index:] for path in paths(later, ProbeMode.PERSISTENT)])
        target, recreate = self._target(step), recreated(self.scenario, step, self.placement)
        if not (follow and any(paths(step, ProbeMode.FIRST_PACKET, ProbeMode.CONTINUOUS))):
            self._lead(target, recreate, step=step)
        else:
            self._follow(step, target, recreate)
        self._hold(step)

    def _follow(self, step: Step, target: State, recreate: Collection[ObjectKey]) -> None:
        """Make the cluster hold ``target`` while it is being asked."""
        ways = TransitionContext(self.context.prober, self.context.client, self.placement, self.snapshot)
        self._transition = transition = StepTransition(step, ways, self.snapshot(), time.monotonic())
        try:
            transition.start()
            self._lead(target, recreate, step=step, equip=transition.inject)
            transition.finish(self.snapshot(), self._changed)
        except BaseException:
            transition.end()
            raise

    def _leave(self) -> None:
        """The way into the present step is over."""
        if self._transition is not None:
            self._transition.end()
            self._transition = None

    def _hold(self, step: Step) -> None:
        """Open the connections that this step is the first to hold."""
        fresh = [
            path for path in paths(step, ProbeMode.PERSISTENT) if path not in self._lines and self.lacks(path) is None
        ]
        if fresh:
            self._ask(converge, [Expectation(path, Expected.ALLOWED, step.where) for path in fresh], self.snapshot())

    def _lead(
        self,
        target: State,
        recreate: Collection[ObjectKey] = (),
        *,
        step: Step | None = None,
        equip: PrepareChanges = tuple,
    ) -> None:
        """Make the cluster hold ``target``, restart what ``step`` restarts, and wait for the pods that this starts."""
        todo = changes(self._state, target, recreate)
        self._state = {**self._state, **target}
        self._reconciler.make(equip(todo), f"step {step.name}" if step else "")
        self._state = target
        if step is not None and step.restart is Restart.AGENT:
            self.context.backend.restart_agent(self.context.cluster)
        if any(change.starts_pods for change in todo):
            self._wait_ready()
        self._changed = time.monotonic()

    def _await_turn(self) -> None:
        rundir = self.context.rundir
        rundir.tell(f"scenario {self.scenario.name} waits for its turn")
        try:
            self._held.enter_context(rundir.turn(self._turn))
        finally:
            rundir.tell("")

    def _prefer_written(self) -> None:
        """Have pods asked from the containers that the manifests name: an admission may add others to a pod."""
        written: dict[str, set[str]] = {}
        for manifest in self.scenario.workloads:
            names = {str(one.get("name")) for one in ((manifest.pod or {}).get("spec") or {}).get("containers") or ()}
            written.setdefault(self.placement.real(manifest.name.ref.namespace), set()).update(names)
        for namespace, names in written.items():
            self.context.prober.prefer(namespace, names)

    def _wait_ready(self) -> None:
        timeouts, rundir = self.context.timeouts, self.context.rundir
        rundir.tell(f"waiting for the pods of scenario {self.scenario.name}")
        try:
            wait_ready(
                self.context.client, self._namespaces(), deadline=Deadline(timeouts.ready), interval=timeouts.interval
            )
        finally:
            rundir.tell("")

    def _target(self, step: Step | None) -> State:
        """All objects that a step wants, or the workloads alone, with marks on those that no namespace takes along."""
        state = {**self._furniture(), **state_of(self.scenario, step, self.placement)}
        if self.placement.given:
            state = {key: data for key, data in state.items() if key.kind != "Namespace"}
        homes, run = _made_namespaces(state), self.context.rundir.run
        return {key: data if key.namespace in homes else marked(data, run) for key, data in state.items()}

    def _furniture(self) -> State:
        """What no manifest says: namespaces of this run's own, and the external hosts that are pods."""
        able = Capability.EXTERNAL_HOSTS in self.capabilities
        hosts = self.scenario.externals if able and self._machines is None else ()
        real = self.placement.real
        homes = {real(home) for home in self.scenario.namespaces if real(home) != home and home != EXTERNAL_NAMESPACE}
        if hosts:
            homes.add(real(EXTERNAL_NAMESPACE))
        objects = (*map(_namespace, sorted(homes)), *external_objects(hosts, self.placement))
        return {ObjectKey.of(data): data for data in objects}

    def _start_machines(self) -> None:
        """The external hosts, where the backend makes them itself."""
        hosts = self.context.backend.external_hosts(self.context.cluster) if self.scenario.externals else None
        if hosts is not None:
            home = self.placement.real(EXTERNAL_NAMESPACE)
            unique = home if home != EXTERNAL_NAMESPACE else f"{home}-{self.context.rundir.run}"
            self._machines = ExternalMachines(hosts, unique, self.context.switchboard)
            self._machines.start(self.scenario.externals)

    def _namespaces(self) -> tuple[str, ...]:
        """The real namespaces of everything that this stage has made."""
        return tuple(sorted({key.namespace or "default" for key in self._state if key.kind not in CLUSTER_SCOPED}))


def _made_namespaces(state: State) -> frozenset[str]:
    return frozenset(key.name for key in state if key.kind == "Namespace")


def _namespace(name: str) -> JsonMapping:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _proven(path_results: tuple[PathResult, ...]) -> tuple[PathResult, ...]:
    """The findings, unless one of them rests on nothing."""
    for path_result in path_results:
        if path_result.judgement in (Judgement.BROKEN, Judgement.UNPROVEN):
            reply = path_result.worst.evidence.last.reply
            raise Unproven(f"{path_result}: {path_result.judgement}: {reply.outcome} {reply.detail}".rstrip())
    return path_results
