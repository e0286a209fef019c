"""ClusterNetworkPolicies whose order is open. Two policies of one priority count only if their actions differ. Pure."""

from collections.abc import Iterator
from itertools import combinations

from netpol_harness.analysis.describe import natural_list
from netpol_harness.analysis.notes.note import Note
from netpol_harness.analysis.notes.view import StepView
from netpol_harness.model.cluster_policy import ClusterNetworkPolicy
from netpol_harness.model.names import Direction
from netpol_harness.scenario.scenario import Scenario, cluster_policies


def open_orders(scenario: Scenario) -> Iterator[Note]:
    """Yield a note for each two policies of one tier and priority that select the same pod in some step."""
    noted = set[tuple[str, str]]()
    for view in (StepView(scenario, step) for step in scenario.steps):
        policies = [(each, ClusterNetworkPolicy.parse(each.data)) for each in cluster_policies(view.step)]
        for (first, one), (second, other) in combinations(policies, 2):
            places = (first.where, second.where)
            if places not in noted and _may_differ(one, other) and (pods := _common(view, one, other)):
                noted.add(places)
                rank = f"the {other.tier} tier and priority {other.priority}"
                text = (
                    f"policies {one.name} and {other.name} have {rank}, and both select {natural_list(pods)}: the API"
                    " leaves open which of them goes first"
                )
                yield Note(second.at("spec", "priority"), text, frozenset(pod.partition("/")[0] for pod in pods))


def _common(view: StepView, one: ClusterNetworkPolicy, other: ClusterNetworkPolicy) -> list[str]:
    """Return the workloads that both policies select: ``shop/web``."""
    also = {pod.ref for pod in view.selected(other.subject)}
    return sorted({str(pod.workload) for pod in view.selected(one.subject) if pod.ref in also})


def _may_differ(one: ClusterNetworkPolicy, other: ClusterNetworkPolicy) -> bool:
    """Whether the policies share tier and priority, and have rules with different actions in one direction."""
    if (one.tier, one.priority) != (other.tier, other.priority) or one.name == other.name:
        return False
    both = [(one.rules(direction), other.rules(direction)) for direction in Direction]
    return any(a and b and len({rule.action for rule in (*a, *b)}) > 1 for a, b in both)
