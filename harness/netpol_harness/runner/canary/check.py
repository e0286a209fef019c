"""Runs the canary's scenario, and says what its results mean.

Without the canary, a cluster whose CNI ignores policies would fail every ``blocked`` path, and pass every ``allowed``
one. Its scenario is beside this file: ``scenario.yaml``, or ``two-nodes.yaml`` where two nodes accept pods.

It asks three times. Before its policies, every path must be open; while they are in force, some must be closed; after
they are gone, every path must be open again. The controls of every path apply: listeners are asked inside their own
pods, unused ports must not answer, and servers give their names.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path

from netpol_harness.analysis.broken_part import ControlFinder
from netpol_harness.backends.base import Capability
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ApiError
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import Protocol
from netpol_harness.paths.endpoints import EndpointResolver
from netpol_harness.paths.ends import PodSource
from netpol_harness.paths.outcome import Outcome
from netpol_harness.paths.path import Expectation, Scheme
from netpol_harness.probe.converge import Convergence
from netpol_harness.probe.plan.question import Probe, Question
from netpol_harness.probe.rounds import is_satisfied
from netpol_harness.results.evidence import Evidence, Proof
from netpol_harness.results.table import PathResult
from netpol_harness.runner.canary import findings
from netpol_harness.runner.canary.findings import Fault, Finding
from netpol_harness.runner.canary.report import CanaryReport
from netpol_harness.runner.canary.traffic import PLAIN, Traffic
from netpol_harness.runner.canary.variant import PORTS, variant, with_protocols
from netpol_harness.runner.context import RunContext
from netpol_harness.runner.run import ScenarioRun
from netpol_harness.scenario.load import load
from netpol_harness.scenario.placement import Placement

NAMESPACE = "default"
"""The namespace of all its objects, as the scenario's files call it."""

UNOWNED = {4: "192.0.2.99", 6: "2001:db8:ffff::99"}
"""By IP version, an address of the documentation's ranges (RFC 5737, RFC 3849) that no host of a scenario has."""

_PATIENCE = 8  # times the settle time, for probes that fail on a slow machine


def run_canary(
    context: RunContext, namespaces: Mapping[str, str], traffic: Collection[Traffic] = (PLAIN,)
) -> CanaryReport:
    """Run the canary for some traffic, and return what it shows. Traffic that the cluster cannot carry is left out.

    It runs in the first of the given ``namespaces`` (the values), or in a namespace of its own if there are none.

    Raises ``NotEnforcing`` where policies have no effect or the wrong one, or where something else than the pods
    answers; ``ClusterFailed`` where the network is broken without any policy; and ``LabError`` where the pods could not
    be created or probed. A fault that only some of the traffic has is a problem of the report.
    """
    possible = sorted(each for each in set(traffic) if context.cluster.capabilities.issuperset(_needs(each)))
    if not possible:
        return CanaryReport("not needed, since the cluster carries no path of this run")
    two_nodes = _has_two_nodes(context)
    scenario = load(Path(str(files(__package__))) / ("two-nodes.yaml" if two_nodes else "scenario.yaml"))
    scenario = with_protocols(scenario, {each.protocol for each in possible})
    run = ScenarioRun(scenario, _placement(context, namespaces, possible), context, turn=None)
    try:
        run.open()
        examined = {each: _canonical(each, run) for each in possible}
        found = _Examination(run).of(sorted(set(examined.values())))
    finally:
        run.close()
    if found.keys() == set(examined.values()):
        raise findings.error_of(found, context.cluster.dataplane)
    summary = _summary(sorted(set(examined.values())), found, two_nodes=two_nodes)
    problems = {each: findings.problem(same, found[same]) for each, same in examined.items() if same in found}
    return CanaryReport(summary, problems)


def _canonical(traffic: Traffic, run: ScenarioRun) -> Traffic:
    """Return the traffic without its IP version if that is the version of the pods' first addresses."""
    pods = run.snapshot().world.pods.values()
    first = {ip_address(pod.addresses[0]).version for pod in pods}
    return Traffic(traffic.protocol) if first == {traffic.family} else traffic


@dataclass(slots=True)
class _Examination:
    """The three observations of one run of the canary, and what they have found so far, by traffic."""

    run: ScenarioRun
    found: dict[Traffic, Finding] = field(default_factory=dict)

    def of(self, traffic: Sequence[Traffic]) -> Mapping[Traffic, Finding]:
        """Return the faults of this traffic."""
        opened = {t: list(map(_as_counterfactual, found)) for t, found in self._observe("open", traffic).items()}
        controls = ControlFinder([result for several in opened.values() for result in several], self._endpoints)
        namespace = self.run.placement.real(NAMESPACE)
        for each, results in opened.items():
            self._note(each, findings.before_policies(results, controls, namespace))
        enforced = self._observe("enforced", [each for each in opened if each not in self.found])
        for each, closed in enforced.items():
            self._note(each, findings.under_policies(closed, self._unowned_answer(each, closed)))
        doubtful = (None, Fault.WRONG_EFFECT)
        again = [each for each in enforced if (self.found[each].fault if each in self.found else None) in doubtful]
        for each, reopened in self._observe("open", again).items():
            self._note(each, findings.after_policies(reopened))
        return self.found

    def _note(self, traffic: Traffic, finding: Finding | None) -> None:
        if finding is not None:
            self.found[traffic] = finding

    def _observe(self, name: str, traffic: Sequence[Traffic]) -> Mapping[Traffic, Sequence[PathResult]]:
        """Enter a step and return its results; probe again while probes fail, since the machine may be too slow."""
        if not traffic:
            return {}
        self.run.enter(name)
        expectations = {each: self._expectations(each) for each in traffic}
        patience = Deadline(_PATIENCE * self.run.context.timeouts.settle)
        while True:
            observed = self._results([expectation for several in expectations.values() for expectation in several])
            if patience.passed or not any(r.outcome is Outcome.PROBE_FAILED for r in observed.values()):
                return {each: [observed[e] for e in several] for each, several in expectations.items() if several}

    def _results(self, expectations: Sequence[Expectation]) -> Mapping[Expectation, PathResult]:
        step = self.run.current_step
        return self.run.observer.observe(step, expectations, others=False, strategy=_Brief).path_results

    def _expectations(self, traffic: Traffic) -> Sequence[Expectation]:
        """Return the expectations of the present step for some traffic; none if the pods have no such address."""
        snapshot = self.run.snapshot()
        expectations = self.run.current_step.expectations
        variants = (variant(e, traffic, lambda ref: snapshot.pods_of(ref)[0].addresses) for e in expectations)
        return tuple(expectation for expectation in variants if expectation is not None)

    @property
    def _endpoints(self) -> EndpointResolver:
        return EndpointResolver(self.run.current_step.inventory.world())

    def _unowned_answer(self, traffic: Traffic, results: Sequence[PathResult]) -> str:
        """Say that the source of an open path is connected to an address that nobody has; empty if none is."""
        paths = [result.expectation.path for result in findings.leaks(results)]
        snapshot = self.run.snapshot()
        pods = [pod for p in paths if isinstance(p.source, PodSource) for pod in snapshot.pods_of(p.source.ref)]
        scheme, number = Scheme(traffic.protocol.lower()), PORTS[traffic.protocol]
        asked = {pod.ref: [Probe(scheme, UNOWNED[ip_address(pod.addresses[0]).version], number)] for pod in pods}
        replies = self.run.context.prober.observe(asked)
        connected = [pair for pair, reply in replies.items() if reply.outcome is Outcome.CONNECTED]
        return next((f"{pod.name} is connected to {p.host} as well, which nobody has" for pod, p in connected), "")


def _as_counterfactual(result: PathResult) -> PathResult:
    """Return the result as one without policies, which shows what the network itself does."""
    pairs = tuple(
        replace(pair, evidence=replace(pair.evidence, proof=Proof.BASELINE, counterfactual=pair.evidence.attempts[-1]))
        for pair in result.pairs
    )
    return PathResult(result.expectation, pairs)


def _needs(traffic: Traffic) -> Iterator[Capability]:
    if traffic.protocol is Protocol.SCTP:
        yield Capability.SCTP
    if traffic.family:
        yield Capability(f"IPv{traffic.family}")


def _placement(context: RunContext, namespaces: Mapping[str, str], traffic: Sequence[Traffic]) -> Placement:
    """Return the first of the given namespaces, or one whose name tells apart the canaries of a run."""
    if given := next(iter(namespaces.values()), ""):
        return Placement({NAMESPACE: given}, given=True)
    name = f"{traffic[0].protocol.lower()}{traffic[0].family or ''}"
    return Placement({NAMESPACE: f"netpol-canary-{name}-{context.run_directory.run}"}, given=False)


def _summary(examined: Sequence[Traffic], found: Collection[Traffic], *, two_nodes: bool) -> str:
    enforced = [str(each) for each in examined if each not in found]
    over = "" if examined == [PLAIN] else f" over {' and '.join(enforced)}"
    return f"policies have effect{over}, {'on one node and across two' if two_nodes else 'on one node'}"


class _Brief(Convergence):
    """Probes everything once, with controls, and again only if that is not as expected: the whole run waits for it."""

    def settle(self) -> None:
        """Probe once with controls, and go on as usual if that is not as expected."""
        self._settle(self._run(tuple(self._attempts), controlled=True))

    def confirm(self) -> Mapping[Question, Evidence]:
        """Probe again unless the first round was as expected."""
        first = ((q, found.attempts[0]) for q, found in self.evidence.items() if len(found.attempts) == 1)
        good = [is_satisfied(q, attempt) and (attempt.is_genuine or not attempt.is_open) for q, attempt in first]
        return self.evidence if all(good) and len(good) == len(self._attempts) else super().confirm()


def _has_two_nodes(context: RunContext) -> bool:
    """Return whether two nodes accept ordinary pods; ``False`` also if the user may not list nodes."""
    try:
        nodes = context.client.list("v1", "Node")
    except ApiError as error:
        if error.code != 403:
            raise
        return False
    return sum(map(_accepts_pods, nodes)) > 1


def _accepts_pods(node: JsonMapping) -> bool:
    spec = node.get("spec") or {}
    tainted = any(taint.get("effect") in ("NoSchedule", "NoExecute") for taint in spec.get("taints") or ())
    return not (spec.get("unschedulable") or tainted)
