"""Runs the canary's scenario, and says what its results mean.

Without the canary, a cluster whose CNI ignores policies would fail every ``blocked`` path, and pass every ``allowed``
one. Its scenario is beside this file: ``scenario.yaml``, or ``two-nodes.yaml`` where two nodes accept pods.

It asks three times. Before its policies, every path must be open; while they are in force, some must be closed; after
they are gone, every path must be open again. The controls of every path apply: listeners are asked inside their own
pods, unused ports must not answer, and servers give their names.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path

from netpol_harness.backends.base import Capability
from netpol_harness.errors import ApiError
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import Protocol
from netpol_harness.runner.canary import findings
from netpol_harness.runner.canary.aspect import Aspect
from netpol_harness.runner.canary.examination import NAMESPACE, Examination
from netpol_harness.runner.canary.report import CanaryReport
from netpol_harness.runner.canary.traffic import PLAIN, Traffic
from netpol_harness.runner.canary.variant import with_protocols
from netpol_harness.runner.context import RunContext
from netpol_harness.runner.run import ScenarioRun
from netpol_harness.scenario.load import load
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Scenario


def run_canary(
    context: RunContext, namespaces: Mapping[str, str], traffic: Collection[Traffic] = (PLAIN,)
) -> CanaryReport:
    """Run the canary for some traffic, and return what it shows. Traffic that the cluster cannot carry is left out.

    It runs in the first of the given ``namespaces`` (the values), or in a namespace of its own if there are none.

    Raises ``NotEnforcing`` where policies have no effect or the wrong one, or where something else than the pods
    answers; ``ClusterFailed`` where the network is broken without any policy; and ``LabError`` where the pods could not
    be created or probed. A fault that only some of the traffic has is a problem of the report.
    """
    possible = carried(context, traffic)
    if not possible:
        return CanaryReport("not needed, since the cluster carries no path of this run")
    two_nodes = has_two_nodes(context)
    scenario = canary_scenario({each.protocol for each in possible}, two_nodes=two_nodes)
    run = ScenarioRun(scenario, placement(context, namespaces, possible), context, turn=None)
    try:
        run.open()
        examined = {each: canonical(each, run) for each in possible}
        faults = Examination(run).of([Aspect(each) for each in sorted(set(examined.values()))])
        found = {aspect.traffic: finding for aspect, finding in faults.items()}
    finally:
        run.close()
    if found.keys() == set(examined.values()):
        raise findings.error_of(found, context.cluster.dataplane)
    summary = _summary(sorted(set(examined.values())), found, two_nodes=two_nodes)
    problems = {each: findings.problem(same, found[same]) for each, same in examined.items() if same in found}
    return CanaryReport(summary, problems)


def carried(context: RunContext, traffic: Collection[Traffic]) -> Sequence[Traffic]:
    """Return the traffic that the cluster can carry."""
    return sorted(each for each in set(traffic) if context.cluster.capabilities.issuperset(_needs(each)))


def canary_scenario(protocols: Collection[Protocol], *, two_nodes: bool) -> Scenario:
    """Return the canary's scenario for one node or two, with the ports of these protocols."""
    file = Path(str(files(__package__))) / ("two-nodes.yaml" if two_nodes else "scenario.yaml")
    return with_protocols(load(file), protocols)


def canonical(traffic: Traffic, run: ScenarioRun) -> Traffic:
    """Return the traffic without its IP version if that is the version of the pods' first addresses."""
    pods = run.snapshot().world.pods.values()
    first = {ip_address(pod.addresses[0]).version for pod in pods}
    return Traffic(traffic.protocol) if first == {traffic.family} else traffic


def _needs(traffic: Traffic) -> Iterator[Capability]:
    if traffic.protocol is Protocol.SCTP:
        yield Capability.SCTP
    if traffic.family:
        yield Capability(f"IPv{traffic.family}")


def placement(context: RunContext, namespaces: Mapping[str, str], traffic: Sequence[Traffic]) -> Placement:
    """Return the first of the given namespaces, or one whose name tells apart the canaries of a run."""
    if given := next(iter(namespaces.values()), ""):
        return Placement({NAMESPACE: given}, given=True)
    name = f"{traffic[0].protocol.lower()}{traffic[0].family or ''}"
    return Placement({NAMESPACE: f"netpol-canary-{name}-{context.run_directory.run}"}, given=False)


def _summary(examined: Sequence[Traffic], found: Collection[Traffic], *, two_nodes: bool) -> str:
    enforced = [str(each) for each in examined if each not in found]
    over = "" if examined == [PLAIN] else f" over {' and '.join(enforced)}"
    return f"policies have effect{over}, {'on one node and across two' if two_nodes else 'on one node'}"


def has_two_nodes(context: RunContext) -> bool:
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
