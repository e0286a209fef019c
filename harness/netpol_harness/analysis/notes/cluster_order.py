"""ClusterNetworkPolicies whose order is open, and rules that are never reached. Pure.

What is noted is certain: a rule counts as covered only by earlier ones of its policy with selectors, networks and
protocols that every implementation knows, and two policies of one priority count only where their actions differ.
"""

from collections.abc import Iterable, Iterator
from itertools import combinations

from netpol_harness.analysis.describe import natural_list
from netpol_harness.analysis.notes.cluster_policy_parts import rule_name
from netpol_harness.analysis.notes.note import Note
from netpol_harness.analysis.notes.view import StepView
from netpol_harness.model.cluster_policy import (
    ClusterNetworkPolicy,
    ClusterPeer,
    ClusterPort,
    ClusterRule,
    Networks,
    PodSelection,
    PortRange,
)
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction
from netpol_harness.model.policy import Network
from netpol_harness.scenario.scenario import Manifest, Scenario, cluster_policies


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


def unreached_rules(scenario: Scenario) -> Iterator[Note]:
    """Yield a note for each rule that matches nothing which the rules before it have not matched."""
    manifests = {manifest.where: manifest for step in scenario.steps for manifest in cluster_policies(step)}
    for manifest in manifests.values():
        policy = ClusterNetworkPolicy.parse(manifest.data)
        for direction in sorted(Direction):
            rules = policy.rules(direction)
            for index, rule in enumerate(rules):
                if covering := _covering(rules[:index], rule):
                    yield _unreached(scenario, manifest, policy, direction, index, covering)


def _unreached(
    scenario: Scenario,
    manifest: Manifest,
    policy: ClusterNetworkPolicy,
    direction: Direction,
    index: int,
    covering: Iterable[int],
) -> Note:
    numbers = [str(number + 1) for number in covering]
    earlier = f"rule{'s' if len(numbers) > 1 else ''} {natural_list(numbers)} before it"
    text = f"{rule_name(policy, direction, index)} is never reached: {earlier} cover{'s' * (len(numbers) == 1)} it"
    views = (StepView(scenario, step) for step in scenario.steps)
    homes = frozenset(pod.ref.namespace for view in views for pod in view.selected(policy.subject))
    return Note(manifest.at("spec", direction.lower(), index), text, homes)


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


def _covering(earlier: Iterable[ClusterRule], rule: ClusterRule) -> list[int]:
    """Return which of the earlier rules cover the rule wholly, taken together; none if they do not."""
    if rule.has_unknown_parts:
        return []
    known = [(number, each) for number, each in enumerate(earlier) if not each.has_unknown_parts]
    found = set[int]()
    for peer, port in ((peer, port) for peer in rule.peers for port in rule.ports or (None,)):
        number = next((number for number, each in known if _covers(each, peer, port)), None)
        if number is None:
            return []
        found.add(number)
    return sorted(found)


def _covers(rule: ClusterRule, peer: ClusterPeer, port: ClusterPort | None) -> bool:
    """Whether the rule matches all that a peer and a port match; ``None`` stands for every protocol."""
    ports = rule.ports is None or (port is not None and any(_port_covers(each, port) for each in rule.ports))
    return ports and any(_peer_covers(each, peer) for each in rule.peers) and all(map(_is_core, rule.peers))


def _is_core(peer: ClusterPeer) -> bool:
    """Whether every implementation knows such a peer: a rule with another one may fail closed."""
    return isinstance(peer, PodSelection | Networks)


def _peer_covers(wide: ClusterPeer, narrow: ClusterPeer) -> bool:
    match wide, narrow:
        case PodSelection(), PodSelection():
            return _includes(wide.namespaces, narrow.namespaces) and _includes(wide.pods, narrow.pods)
        case Networks(), Networks():
            return all(any(_contains(block, part) for block in wide.blocks) for part in narrow.blocks)
    return False


def _includes(wide: LabelSelector, narrow: LabelSelector) -> bool:
    return set(wide.requirements) <= set(narrow.requirements)


def _contains(block: Network, part: Network) -> bool:
    return block.version == part.version and part.network_address in block and part.prefixlen >= block.prefixlen


def _port_covers(wide: ClusterPort, narrow: ClusterPort) -> bool:
    if isinstance(wide, PortRange) and isinstance(narrow, PortRange):
        return wide.protocol is narrow.protocol and wide.first <= narrow.first and narrow.last <= wide.last
    return wide == narrow
