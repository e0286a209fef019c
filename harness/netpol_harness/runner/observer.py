"""Observes a scenario in its present state, and during the transition into a step."""

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from netpol_harness.backends.base import Capability
from netpol_harness.errors import CapabilityMissing, ScenarioInvalid, WorkloadFailed
from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.expectations import resolve
from netpol_harness.paths.grammar import parse
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Inventory, Path, ProbeMode
from netpol_harness.probe.bulk import BULK_THRESHOLD, BulkConvergence
from netpol_harness.probe.converge import Convergence
from netpol_harness.results.proof import Proof
from netpol_harness.results.table import PathResult, TruthTable
from netpol_harness.runner import requirements
from netpol_harness.runner.applied_state import AppliedState, PrepareChanges
from netpol_harness.runner.context import RunContext
from netpol_harness.runner.ipv4_verdicts import Ipv4Verdicts
from netpol_harness.runner.path_prober import PathProber, ProbeStrategy
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.runner.targets import resolve_probes
from netpol_harness.runner.transition import DURING_TRANSITION, StepTransition, TransitionContext, paths_with
from netpol_harness.scenario.governance import Governance
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Others, Scenario, Step, closed_world

ExpectedByPath = Mapping[Path, Expected]
"""The verdict expected of each cell of a closed world."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """The results of one step: one per path that the cluster can carry, and one per cell of the closed world.

    ``left_out`` counts the cells that the cluster cannot carry, by the capability that it lacks.
    """

    path_results: Mapping[Expectation, PathResult]
    others: tuple[PathResult, ...] = ()
    left_out: Mapping[Capability, int] = field(default_factory=dict)


class StepObserver:
    """Observes one scenario: its steps, single paths, and the transitions into steps.

    ``scenario`` tells what its Services lead to.
    """

    def __init__(
        self,
        placement: Placement,
        context: RunContext,
        applied: AppliedState,
        capabilities: Collection[Capability],
        scenario: Scenario,
    ) -> None:
        self._placement = placement
        self._context = context
        self._applied = applied
        self._capabilities = capabilities
        self._scenario = scenario
        self._ipv4_verdicts: dict[str, Ipv4Verdicts] = {}
        self._endpoints: dict[str, EndpointResolver] = {}
        self._governance: dict[str, Governance] = {}
        self._path_prober = PathProber(context, applied)

    def observe(
        self,
        step: Step,
        expectations: Sequence[Expectation],
        *,
        others: bool,
        verdicts: ExpectedByPath | None = None,
        snapshot: ClusterSnapshot | None = None,
        strategy: ProbeStrategy = Convergence,
    ) -> StepResult:
        """Probe until every path is as expected or the settle time has passed: these paths, and the closed world.

        Paths that the cluster cannot carry are left out. A small closed world is probed along with the paths; a large
        one by the fastest means, at the same time as the paths, which ``strategy`` probes. ``verdicts`` are those
        expected of its cells, by default the step's one; ``snapshot`` spares a request if the caller has one already.
        """
        possible = [e for e in expectations if self.missing_capability(e.path, step) is None]
        cells, left_out = self._possible_cells(step, verdicts) if others else ([], {})
        snapshot = self._applied.snapshot_for([e.path for e in possible], snapshot)
        if len(cells) < BULK_THRESHOLD:
            (results,) = self._path_prober.probe(snapshot, (strategy, [*possible, *cells]))
            return StepResult(dict(zip(possible, results, strict=False)), results[len(possible) :], left_out)
        path_results, cell_results = self._path_prober.probe(snapshot, (strategy, possible), (BulkConvergence, cells))
        return StepResult(dict(zip(possible, path_results, strict=True)), cell_results, left_out)

    def _possible_cells(
        self, step: Step, verdicts: ExpectedByPath | None
    ) -> tuple[list[Expectation], Mapping[Capability, int]]:
        """Return the cells that the cluster can carry, and the number of others by the capability that they need."""
        cells, left_out = [], Counter[Capability]()
        for expectation in _cells(step, verdicts):
            if capability := self.missing_capability(expectation.path, step):
                left_out[capability] += 1
            else:
                cells.append(expectation)
        return cells, left_out

    def record_baseline(self, scenario: Scenario) -> None:
        """Probe the paths whose denial a later step cannot prove by a lift, in the present state, without policies."""
        proof = self._context.proof
        if proof is Proof.LIFT and self._applied.can_be_lifted:
            self._applied.check_lift()
        families = {policy.family for step in scenario.steps for policy in step.policies} - {None}
        lasting = any(family and not family.can_be_lifted for family in families)
        unready = any(not readiness.ready for step in scenario.steps for readiness in step.readiness)
        without_lift = lasting or unready or not self._applied.can_be_lifted
        if not (proof is Proof.BASELINE or (proof is Proof.LIFT and without_lift)):
            return
        denied = {
            replace(e, expected=Expected.ALLOWED): None
            for step in scenario.steps
            for e in (*step.expectations, *_cells(step, None))
            if e.expected.needs_proof and e.path.mode is ProbeMode.NEW and self.missing_capability(e.path, step) is None
        }
        snapshot = self._applied.snapshot_for([e.path for e in denied])
        self._path_prober.record_baseline(snapshot, [e for e in denied if self._exists(e, snapshot)])

    def probe(self, step: Step, path: str, expected: Expected, where: str) -> PathResult:
        """Probe one path in the present state, which is that of ``step``. ``where`` is the place of the expectation.

        Raises ``ScenarioInvalid`` for a path that cannot be read, and ``CapabilityMissing``.
        """
        expectation = _expectation(path, expected, where, step.inventory)
        if expectation.path.mode in DURING_TRANSITION:
            problem = f"'{path}' can only be asked by a step, while it is entered"
            raise ScenarioInvalid([f"{problem}; leave out '{expectation.path.mode}'"])
        if lack := self.lack(expectation.path, step):
            raise lack
        snapshot = self._applied.snapshot_for([expectation.path])
        return self._path_prober.probe(snapshot, (Convergence, [expectation]))[0][0]

    def truth_table(self, step: Step, expected: Expected, where: str) -> TruthTable:
        """Probe every pair of workloads and served port in the present state, which is that of ``step``."""
        snapshot = self._applied.snapshot()
        now = Step("now", "", step.inventory).without_pods_of(snapshot.without_pods(step.inventory.workloads.values()))
        expectations = [Expectation(path, expected, where) for path in closed_world(now)]
        return TruthTable.of(self._path_prober.probe(snapshot, (BulkConvergence, expectations))[0])

    def missing_capability(self, path: Path, step: Step) -> Capability | None:
        """Return the first capability that this path needs in a step and the cluster does not have."""
        lack = self.lack(path, step)
        return Capability(lack.capability) if lack else None

    def lack(self, path: Path, step: Step) -> CapabilityMissing | None:
        """Return the error about the first capability that is missing, with the reason if the path does not show it."""
        if step.name not in self._governance:
            self._governance[step.name] = Governance.of(step.policies)
            self._endpoints[step.name] = EndpointResolver(step.inventory.world(), step.inventory.host_addresses)
        needs = requirements.needs(path, self._endpoints[step.name], self._governance[step.name])
        if missing := next((need for need in needs if need not in self._capabilities), None):
            return CapabilityMissing(missing)
        if self._needs_ipv4(path, step):
            return CapabilityMissing(Capability.IPV4, "blocks of IPv4 addresses decide this verdict")
        return None

    def _needs_ipv4(self, path: Path, step: Step) -> bool:
        """Return whether the cluster lacks IPv4, and the verdict on the path means it."""
        if Capability.IPV4 in self._capabilities:
            return False
        if step.name not in self._ipv4_verdicts:
            self._ipv4_verdicts[step.name] = Ipv4Verdicts(self._scenario, step)
        return self._ipv4_verdicts[step.name].needs_ipv4(path)

    @contextmanager
    def transition(self, step: Step) -> Iterator[PrepareChanges]:
        """Probe the paths that ``step`` wants probed while the caller, inside the context, changes the cluster.

        Yields the function through which the changes must go. Probing ends with ``end_transition``, or at once if the
        caller fails.
        """
        paths = tuple(paths_with(step, *DURING_TRANSITION))
        if not paths:
            yield tuple
            return
        before, prober = self._applied.snapshot_for(paths), self._context.prober
        prober.expect_addresses(dict.fromkeys(before.own_addresses, ()))  # pods may be recreated at other addresses
        context = TransitionContext(prober, self._context.client, self._placement, self._applied.snapshot)
        self._path_prober.transition = transition = StepTransition(step, context, before, time.monotonic())
        try:
            transition.start()
            yield transition.inject
            transition.finish(self._applied.snapshot_for(paths), self._applied.changed)
        except BaseException:
            transition.end()
            raise

    def end_transition(self) -> None:
        """End the probes of the last transition and forget their evidence."""
        if self._path_prober.transition is not None:
            self._path_prober.transition.end()
            self._path_prober.transition = None

    def open_connections(self, step: Step) -> None:
        """Open the held connections that ``step`` is the first to have."""
        new = [
            path
            for path in paths_with(step, ProbeMode.PERSISTENT)
            if path not in self._path_prober.held and self.missing_capability(path, step) is None
        ]
        if new:
            expectations = [Expectation(path, Expected.ALLOWED, step.where) for path in new]
            self._path_prober.probe(self._applied.snapshot_for(new), (Convergence, expectations))

    def keep_connections(self, paths: Collection[Path]) -> None:
        """Close the held connections of all other paths."""
        self._path_prober.held.close_others(paths)

    def close(self) -> None:
        """End all probes and close all connections."""
        self.end_transition()
        self._path_prober.held.close_others(())

    def _exists(self, expectation: Expectation, snapshot: ClusterSnapshot) -> bool:
        """Whether the pods and Services of a path are there before the first step."""
        try:
            resolve_probes(expectation, snapshot)
        except WorkloadFailed:
            return False
        return True


def _cells(step: Step, verdicts: ExpectedByPath | None) -> list[Expectation]:
    """Return the cells of a step's closed world; ``verdicts`` are in the place of the step's one."""
    if verdicts is None and step.others in (Others.UNCHECKED, Others.ORACLE):
        return []
    return [
        Expectation(path, verdicts[path] if verdicts is not None else Expected(step.others), step.where)
        for path in closed_world(step)
    ]


def _expectation(text: str, expected: Expected, where: str, inventory: Inventory) -> Expectation:
    """Parse one path. Raises ``ScenarioInvalid`` unless it is exactly one."""
    sentence = parse(text, expected, Place("probe()", 1))
    if isinstance(sentence, Problem):
        raise ScenarioInvalid([str(sentence)])
    expectations, problems = resolve([sentence], inventory)
    if problems or len(expectations) != 1:
        raise ScenarioInvalid([str(problem) for problem in problems] or [f"'{text}' is not one path but several"])
    return replace(expectations[0], where=where)
