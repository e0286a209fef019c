"""From a path to its connections, and from the oracle's verdicts on these to the verdict on the path. Pure.

A path by a Service's name has two parts: the look-up of the name, which is a flow of its own to the name server, and
the connection to the pods behind the Service, at their own ports. A path is UNDEFINED if the oracle cannot know its
outcome; the route says why.
"""

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from functools import cache, cached_property

from netpol_harness.analysis.doubts import beyond
from netpol_harness.analysis.route import Route
from netpol_harness.analysis.router import Router
from netpol_harness.analysis.world import name_server_of, world_of
from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import Direction, NamespacedName, Port
from netpol_harness.model.objects import World
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.oracle.cluster_refusals import ClusterRefusal
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.points import SPECIFICATION, Decision, OpenPoint, Profile
from netpol_harness.oracle.table import AllPairs
from netpol_harness.oracle.verdict import Answer, Flow, Verdict
from netpol_harness.paths.ends import NodeSource, PodSource, PodTarget
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, KnownAddresses, Path, ProbeMode
from netpol_harness.scenario.scenario import Scenario, Step, closed_world

PortOfWorkload = tuple[NamespacedName, Port]


@dataclass(frozen=True, slots=True)
class Prediction:
    """The oracle's verdicts on one path: its route, the verdict on each of its flows, and the verdict on the path.

    ``settled`` is the verdict on new connections once the step has settled, which the path's mode may change.
    """

    path: Path
    route: Route
    lookups: tuple[Verdict, ...]
    connections: tuple[Verdict, ...]
    settled: Expected
    verdict: Expected


class Predictor:
    """Predicts the verdicts of one step."""

    def __init__(
        self, scenario: Scenario, step: Step, profile: Profile = SPECIFICATION, addresses: KnownAddresses | None = None
    ) -> None:
        self.scenario = scenario
        self.step = step
        self.profile = profile
        self.addresses = addresses or KnownAddresses()
        world = world_of(step, scenario, addresses)
        self._set_world(world, Router(scenario, step, world, self.addresses))

    @property
    def name_server(self) -> NameServer:
        """The cluster's name server, as far as it is known."""
        return name_server_of(self.scenario, self.addresses)

    @property
    def beyond(self) -> str:
        """Why no verdict of the step can be known; empty if some can."""
        return str(beyond(self._router.governance.everywhere) or "")

    def route(self, path: Path) -> Route:
        """Return the flows of a path."""
        return self._router.route(path)

    def predict(self, path: Path) -> Prediction:
        """Return the route of a path and its verdicts."""
        route = self.route(path)
        lookups = tuple(map(self.judge, route.lookups))
        connections = tuple(map(self.judge, route.connections))
        settled = _settled_verdict(route, lookups, connections)
        return Prediction(path, route, lookups, connections, settled, self._by_mode(path, settled))

    def verdict(self, path: Path) -> Expected:
        """Return ALLOWED, BLOCKED, UNRESOLVED or UNDEFINED; REJECTED for a Service that rejects by itself."""
        return self.predict(path).verdict

    def with_predicted_verdicts(self) -> Step:
        """Return the step with an expectation for each path without a verdict.

        It keeps these paths, so that another predictor can derive their verdicts again.
        """
        places = {inquiry.path: inquiry.where for inquiry in self.step.paths_without_verdict}
        written = [expectation for expectation in self.step.expectations if expectation.path not in places]
        derived = [Expectation(path, self.verdict(path), where) for path, where in places.items()]
        return replace(self.step, expectations=(*written, *derived))

    def closed_world_verdicts(self) -> Mapping[Path, Expected]:
        """Return the verdict on every cell of the step's closed world."""
        return self.verdicts(closed_world(self.with_predicted_verdicts()))

    def verdicts(self, paths: Iterable[Path]) -> Mapping[Path, Expected]:
        """Return the verdict on each path: those between pods from one table, which is far faster."""
        governance, paths = self._router.governance, tuple(paths)
        are_known, of_path = not self.beyond, self._router.ip_versions.of_path
        ends = [_workloads(path) if are_known and not governance.families_of(path) else None for path in paths]
        # Lists, since a hash of each path for each question would take longer than the table.
        cells = [(of_path(path), path.port) if own else None for path, own in zip(paths, ends, strict=True)]
        distinct = dict.fromkeys(filter(None, cells))
        ports = [*dict.fromkeys(port for _, port in distinct)]
        tables = {version: self._oracle.table(ports, version) for version, _ in distinct}
        pairs = cache(lambda source, target: tuple(self._router.replicas.pairs(source, target)))
        return {
            path: _combined(tables[cell[0]].answer(one.ref, other.ref, cell[1]) for one, other in pairs(*own))
            if own and cell
            else self.verdict(path)
            for path, own, cell in zip(paths, ends, cells, strict=True)
        }

    def cluster_refusals(self, flow: Flow, direction: Direction) -> tuple[ClusterRefusal, ...]:
        """Return the rules of ClusterNetworkPolicies that do not match one direction of a flow, with the reasons."""
        return self._oracle.cluster_refusals(flow, direction)

    def single_pod(self, workload: NamespacedName) -> NamespacedName | None:
        """Return the pod that stands for all pods of a workload.

        ``None``: it has none, policies tell its pods apart, or policies that the oracle does not read govern it.
        """
        if self._router.governance.families([workload.namespace]):
            return None
        pods = self._router.replicas.distinct(workload)
        return pods[0].ref if len(pods) == 1 else None

    def tables(self, targets: Iterable[PortOfWorkload]) -> Mapping[PortOfWorkload, AllPairs]:
        """Return the table of all pairs of pods that has the answers about each target."""
        versions = {target: self._router.ip_versions.of_workload(target[0]) for target in targets}
        ports = [*dict.fromkeys(port for _, port in versions)]
        tables = {version: self._oracle.table(ports, version) for version in {*versions.values()}}
        return {target: tables[version] for target, version in versions.items()}

    def with_step(self, step: Step) -> "Predictor":
        """Return the predictor of another step of the same scenario."""
        return Predictor(self.scenario, step, self.profile, self.addresses)

    def with_policies(self, policies: tuple[NetworkPolicy, ...]) -> "Predictor":
        """Return the predictor of the same step with these policies in place of its own."""
        other = copy(self)
        world = replace(self.world, policies=policies)
        other._set_world(world, self._router.with_policies(world))
        return other

    def with_world(self, world: World) -> "Predictor":
        """Return the predictor of the same step with this world in place of its own, and with its routes."""
        other = copy(self)
        other._set_world(world, Router(self.scenario, self.step, world, self.addresses))
        return other

    def _set_world(self, world: World, router: Router) -> None:
        self.world = world
        self._router = router
        self._oracle = Oracle(world, self.profile)
        self.judge: Callable[[Flow], Verdict] = cache(self._oracle.judge)

    @cached_property
    def _previous_step(self) -> "Predictor | None":
        """The predictor of the step before; ``None`` for the first step."""
        names = [step.name for step in self.scenario.steps]
        index = names.index(self.step.name) if self.step.name in names else 0
        return self.with_step(self.scenario.steps[index - 1]) if index else None

    def _by_mode(self, path: Path, settled: Expected) -> Expected:
        """Return the verdict for the path's mode, given that on new connections in the settled step."""
        if path.mode is ProbeMode.PERSISTENT and settled is not Expected.ALLOWED:
            is_cut = self.profile.decided.get(OpenPoint.ESTABLISHED)
            return settled if is_cut is Decision.YES else Expected.ALLOWED if is_cut else Expected.UNDEFINED
        source = path.source.ref if isinstance(path.source, PodSource | NodeSource) else None
        before = self._previous_step if path.mode is ProbeMode.CONTINUOUS else None
        if before and source in before.step.inventory.workloads:
            earlier = before.verdict(replace(path, mode=ProbeMode.NEW))
            return settled if earlier is settled else Expected.UNDEFINED
        return settled


def broad_verdict(verdict: Expected) -> Expected:
    """Return BLOCKED for DROPPED and REJECTED, between which the API leaves the choice to implementations."""
    return Expected.BLOCKED if verdict in (Expected.DROPPED, Expected.REJECTED) else verdict


def contradicts(predicted: Expected, expected: Expected) -> bool:
    """Whether a predicted verdict makes an expectation fail; never if either is UNDEFINED."""
    if Expected.UNDEFINED in (predicted, expected):
        return False
    if predicted is Expected.REJECTED:
        return expected not in (Expected.REJECTED, Expected.BLOCKED)
    return predicted is not broad_verdict(expected)


def _workloads(path: Path) -> tuple[NamespacedName, NamespacedName] | None:
    """Return the two workloads of a new connection between pods; ``None`` for other paths, and for single replicas."""
    if isinstance(path.source, PodSource) and isinstance(path.target, PodTarget) and path.mode is ProbeMode.NEW:
        if path.target.replica is not None or path.source.replica is not None:
            return None
        return path.source.ref, path.target.ref
    return None


def _settled_verdict(route: Route, lookups: tuple[Verdict, ...], connections: tuple[Verdict, ...]) -> Expected:
    """Return the verdict on new connections: first the look-up, then the connections."""
    looked_up = _combined(verdict.answer for verdict in lookups)
    if route.nameless or looked_up is Expected.BLOCKED:
        return Expected.UNRESOLVED
    if route.doubt or looked_up is Expected.UNDEFINED:
        return Expected.UNDEFINED
    reached = _combined(verdict.answer for verdict in connections)
    if route.rejected:
        return Expected.REJECTED if reached is Expected.ALLOWED else Expected.BLOCKED
    return reached


def _combined(answers: Iterable[Answer]) -> Expected:
    """Return the verdict on several connections: if they differ, none that holds for all of them."""
    distinct = set(answers)
    if len(distinct) > 1:
        return Expected.UNDEFINED
    return _VERDICTS[distinct.pop()] if distinct else Expected.ALLOWED


_VERDICTS = {answer: Expected(answer) for answer in Answer}
