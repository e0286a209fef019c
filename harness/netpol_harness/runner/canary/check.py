"""Runs the canary's scenario, and says what its results mean.

Without the canary, a cluster whose CNI ignores policies would fail every ``blocked`` path, and pass every ``allowed``
one. Its scenario is beside this file: ``scenario.yaml``, or ``two-nodes.yaml`` where two nodes accept pods.
"""

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ApiError, ClusterFailed, NotEnforcing
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Expectation
from netpol_harness.probe.converge import Convergence
from netpol_harness.probe.plan.question import Question
from netpol_harness.probe.rounds import is_satisfied
from netpol_harness.results.evidence import Evidence
from netpol_harness.results.table import PathResult
from netpol_harness.runner.context import RunContext
from netpol_harness.runner.run import ScenarioRun
from netpol_harness.scenario.load import load
from netpol_harness.scenario.placement import Placement

NAMESPACE = "default"
"""The namespace of all its objects, as the scenario's files call it."""

_PATIENCE = 8  # times the settle time, for probes that fail on a slow machine
_EGRESS_SUBJECT = "canary-closed-"  # how the names of the pods begin that a policy for egress selects


def run_canary(context: RunContext, namespaces: Mapping[str, str]) -> str:
    """Run the canary and return a one-line summary.

    It runs in the first of the given ``namespaces`` (the values), or in a namespace of its own if there are none.

    Raises ``NotEnforcing`` where policies have no effect or the wrong one, ``ClusterFailed`` where the network is
    broken before any policy, and ``LabError`` where the pods could not be created or probed.
    """
    given = next(iter(namespaces.values()), "")
    two_nodes = _has_two_nodes(context)
    placement = Placement({NAMESPACE: given or f"netpol-canary-{context.run_directory.run}"}, given=bool(given))
    scenario = load(Path(str(files(__package__))) / ("two-nodes.yaml" if two_nodes else "scenario.yaml"))
    run = ScenarioRun(scenario, placement, context, turn=None)
    try:
        run.open()
        _check(run)
    finally:
        run.close()
    return f"policies have effect, {'on one node and across two' if two_nodes else 'on one node'}"


def verdict(dataplane: str, wrong: Mapping[Expectation, Outcome]) -> ClusterFailed:
    """Return the error that says why these paths are not what the policies say."""
    details = ", ".join(f"{e.path} should be {e.expected} and is {outcome}" for e, outcome in wrong.items())
    opened = [expectation for expectation, outcome in wrong.items() if outcome is Outcome.CONNECTED]
    closed = [expectation for expectation in wrong if expectation.expected is Expected.ALLOWED]
    if opened:
        return NotEnforcing(
            f"{_ineffective(opened)} no effect on this cluster ({dataplane}): {details}. Every verdict would be about "
            "a network without policies, so the run stops; install a CNI that enforces NetworkPolicy (flannel alone "
            "does not), or go on regardless with --no-canary"
        )
    if closed and Outcome.PROBE_FAILED not in wrong.values():
        return NotEnforcing(
            f"policies have the wrong effect on this cluster ({dataplane}), it closes what a rule allows: {details}; "
            "see what else is in the way, or go on regardless with --no-canary"
        )
    return ClusterFailed(
        f"the canary could not find out whether policies have effect: {details}; is the cluster healthy?"
    )


def _check(run: ScenarioRun) -> None:
    """Raise the error of the first step in which a path is not as expected."""
    for result in _wrong(_results(run, "open")):
        reply = result.worst.evidence.decisive.reply
        raise ClusterFailed(
            f"{result.source} cannot connect to {result.target} ({reply.outcome} {reply.detail}), and the canary has "
            "applied no policy yet; is the cluster's network up, and is namespace "
            f"{run.placement.real(NAMESPACE)} free of other policies? (--no-canary goes on regardless)"
        )
    if wrong := _wrong(_results(run, "enforced")):
        raise verdict(run.context.cluster.dataplane, {result.expectation: result.outcome for result in wrong})


def _results(run: ScenarioRun, name: str) -> Sequence[PathResult]:
    """Enter a step and return its results; probe again while probes fail, since the machine may be too slow."""
    run.enter(name)
    patience = Deadline(_PATIENCE * run.context.timeouts.settle)
    while True:
        step = run.current_step
        observed = run.observer.observe(step, step.expectations, others=False, strategy=_ProbeOnce)
        results = tuple(observed.path_results.values())
        if patience.passed or not any(result.outcome is Outcome.PROBE_FAILED for result in results):
            return results


class _ProbeOnce(Convergence):
    """Probes everything once, and again only if that is not as expected: the whole run waits for this."""

    def confirm(self) -> Mapping[Question, Evidence]:
        """Probe again unless the first round was as expected."""
        as_expected = all(
            len(found.attempts) == 1 and is_satisfied(question, found.attempts[0])
            for question, found in self.evidence.items()
        )
        return self.evidence if as_expected else super().confirm()


def _wrong(results: Iterable[PathResult]) -> Sequence[PathResult]:
    """Return those that are not as expected in the end: while policies come into force, paths may flap."""
    return [result for result in results if not _is_as_expected(result)]


def _is_as_expected(result: PathResult) -> bool:
    last = result.worst.evidence.decisive
    return result.expected.admits(last.reply.outcome) and (last.proven or not result.expected.needs_proof)


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


def _ineffective(opened: Sequence[Expectation]) -> str:
    """Return the policies that have no effect, with the verb: all, or those of one direction."""
    egress = [expectation.path.source_text.startswith(_EGRESS_SUBJECT) for expectation in opened]
    return "egress policies have" if all(egress) else "policies have" if any(egress) else "ingress policies have"
