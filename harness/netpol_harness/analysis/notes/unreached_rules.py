"""Rules of ClusterNetworkPolicies that are never reached, because earlier ones with another action match first. Pure.

What is noted is certain: a rule counts as covered only by earlier rules, of its policy or of one of the same tier that
goes first and selects all of its pods, with selectors, networks and protocols that every implementation knows. A rule
that is reached in some step is meant, also if the policy has it at another place there.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from netpol_harness.analysis.describe import natural_list
from netpol_harness.analysis.notes.cluster_policy_parts import rule_names
from netpol_harness.analysis.notes.note import Note
from netpol_harness.analysis.notes.view import StepView
from netpol_harness.analysis.rule_cover import covering, includes
from netpol_harness.model.cluster_policy import ClusterNetworkPolicy, ClusterRule, PodSelection
from netpol_harness.model.names import Direction
from netpol_harness.scenario.scenario import Manifest, Scenario, Step, cluster_policies


@dataclass(frozen=True, slots=True)
class _Policy:
    """A policy with its place."""

    manifest: Manifest
    parsed: ClusterNetworkPolicy

    def precedes(self, other: "_Policy") -> bool:
        """Whether the policy goes first for every pod that the other one selects."""
        one, two = self.parsed, other.parsed
        is_before = one.tier is two.tier and one.priority < two.priority
        return is_before and includes(one.subject, two.subject)


@dataclass(frozen=True, slots=True)
class _PlacedRule:
    """A rule of a policy; ``index`` counts from 0."""

    policy: _Policy
    direction: Direction
    index: int

    @property
    def rule(self) -> ClusterRule:
        """The rule itself."""
        return self.policy.parsed.rules(self.direction)[self.index]

    @property
    def place(self) -> tuple[str, Direction, int]:
        """What tells it from all others."""
        return self.policy.manifest.where, self.direction, self.index

    @property
    def content(self) -> tuple[str, Direction, ClusterRule]:
        """What it has in common with the same rule of another version of its policy."""
        return self.policy.parsed.name, self.direction, replace(self.rule, name="")


def unreached_rules(scenario: Scenario) -> Iterator[Note]:
    """Yield a note for each policy and direction that has rules which are reached in no step."""
    found: dict[tuple[str, Direction, int], tuple[_PlacedRule, list[_PlacedRule]]] = {}
    reached = set[tuple[str, Direction, ClusterRule]]()
    for view in (StepView(scenario, step) for step in scenario.steps):
        for placed, earlier in _rules(view.step):
            if not _means_something(view, placed.rule):
                continue  # it has a note for that
            covers = covering([each.rule for each in earlier], placed.rule)
            if not covers:
                reached.add(placed.content)
            elif any(earlier[number].rule.action is not placed.rule.action for number in covers):
                found.setdefault(placed.place, (placed, [earlier[number] for number in covers]))
    left = [pair for pair in found.values() if pair[0].content not in reached]
    for _, group in groupby(left, key=lambda pair: pair[0].place[:2]):
        yield _note(scenario, [*group])


def _means_something(view: StepView, rule: ClusterRule) -> bool:
    return any(not isinstance(peer, PodSelection) or view.selected(peer) for peer in rule.peers)


def _rules(step: Step) -> Iterator[tuple[_PlacedRule, Sequence[_PlacedRule]]]:
    """Yield each rule of a step's policies, with those that go first."""
    policies = [_Policy(manifest, ClusterNetworkPolicy.parse(manifest.data)) for manifest in cluster_policies(step)]
    for policy in policies:
        first = sorted((each for each in policies if each.precedes(policy)), key=lambda each: each.parsed.priority)
        for direction in sorted(Direction):
            before = [rule for each in first for rule in _placed(each, direction)]
            own = _placed(policy, direction)
            for rule in own:
                yield rule, [*before, *own[: rule.index]]


def _placed(policy: _Policy, direction: Direction) -> list[_PlacedRule]:
    return [_PlacedRule(policy, direction, index) for index in range(len(policy.parsed.rules(direction)))]


def _note(scenario: Scenario, pairs: Sequence[tuple[_PlacedRule, Sequence[_PlacedRule]]]) -> Note:
    rules = [rule for rule, _ in pairs]
    policy, way = rules[0].policy, rules[0].direction.lower()
    several, them = len(rules) > 1, "them" if len(rules) > 1 else "it"
    names = rule_names(policy.parsed, rules[0].direction, [rule.index for rule in rules])
    head = f"{names} {'are' if several else 'is'} never reached"
    coverers = {each.place: each for _, covers in pairs for each in covers}.values()
    earlier = natural_list([*_earlier(policy, coverers, them)])
    text = f"{head}: {earlier} cover{'s' * (len(coverers) == 1)} {them}"
    views = (StepView(scenario, step) for step in scenario.steps)
    homes = frozenset(pod.ref.namespace for view in views for pod in view.selected(policy.parsed.subject))
    return Note(policy.manifest.at("spec", way, rules[0].index), text, homes)


def _earlier(policy: _Policy, coverers: Iterable[_PlacedRule], them: str) -> Iterator[str]:
    """Yield ``rule 1 before it``, and ``rules 1 and 2 of no-shop (file:line), which goes first``."""
    by_policy: dict[str, list[_PlacedRule]] = defaultdict(list)
    for rule in coverers:
        by_policy[rule.policy.manifest.where].append(rule)
    for where, rules in by_policy.items():
        rules.sort(key=lambda rule: rule.index)
        name = f"rule{'s' * (len(rules) > 1)} {natural_list([str(rule.index + 1) for rule in rules])}"
        other = rules[0].policy
        place = other.manifest.at("spec", rules[0].direction.lower(), rules[0].index)
        rank = f"which goes first (priority {other.parsed.priority})"
        is_own = where == policy.manifest.where
        yield f"{name} before {them}" if is_own else f"{name} ({place}) of {other.parsed.name}, {rank},"
