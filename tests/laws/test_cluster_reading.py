"""Laws: the oracle agrees with the text of ClusterNetworkPolicy, which ``cluster_reading`` evaluates a second time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from random import Random

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import World
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.points import SPECIFICATION, Decision, OpenPoint, Profile
from netpol_harness.oracle.profiles import PROFILES
from netpol_harness.oracle.verdict import Answer, Flow, Host, Stage, Verdict
from tests.laws.cluster_policies import DOMAIN_NAMES, cluster_policy, tiered, tiered_complete, tiered_unusual
from tests.laws.cluster_reading import OPTIONAL, TIER_QUESTIONS, TieredReading
from tests.laws.dense_clusters import NODES, completed, from_seed
from tests.laws.reading import QUESTIONS, Dict, End
from tests.laws.small_clusters import OUTSIDE, PODS, Cluster

Case = tuple[End, End, str, int, str, str]
"""Source, target, protocol, port, the virtual address that the client used, and the name that it looked up, if any."""

ENDS: tuple[End, ...] = (*PODS, *OUTSIDE)
PORTS = [Port(Protocol.TCP, 80), Port(Protocol.TCP, 81), Port(Protocol.UDP, 80), Port(Protocol.SCTP, 80)]
PORTS += [Port(Protocol.ICMP, 0)]
WAYS = [("", ""), ("", "www.example.com"), ("", "example.com"), ("10.96.0.7", "")]
CASES: list[Case] = [
    (source, target, port.protocol.value, port.number, virtual, name)
    for source, target, port, (virtual, name) in product(ENDS, ENDS, PORTS, WAYS)
]
STRIDE = 101
SERVICE = NamespacedName("x", "s")
EVERY_QUESTION = (*QUESTIONS, *TIER_QUESTIONS)
PROMISED = ("optional-features", *OPTIONAL)


def answers(random: Random) -> dict[str, bool]:
    return {question: random.random() < 0.5 for question in EVERY_QUESTION}


def kept_promises(random: Random) -> dict[str, bool]:
    return {**answers(random), **dict.fromkeys(PROMISED, True)}


def profile(decided: Mapping[str, bool], *, by_name: bool = True) -> Profile:
    points = {OpenPoint(name): Decision.YES if yes else Decision.NO for name, yes in decided.items()}
    return Profile("drawn", {**points, **({OpenPoint.ADMIN_TIERS: Decision.YES} if by_name else {})})


def some_profile(random: Random) -> Profile:
    return random.choice((*PROFILES.values(), profile(answers(random)), profile(answers(random), by_name=False)))


several = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
many = settings(several, max_examples=1000)
cases = st.integers(0, STRIDE - 1).map(lambda offset: CASES[offset::STRIDE])
decisions = from_seed(kept_promises)
questions = from_seed(lambda random: {question for question in EVERY_QUESTION if random.random() < 0.5})
orders = st.permutations([f"cluster-{number}" for number in range(6)])


def world_of(objects: list[Dict]) -> World:
    return replace(World.parse(objects), domain_names=DOMAIN_NAMES)


@many
@given(objects=from_seed(tiered_complete), decided=from_seed(answers), asked=cases)
def test_a_profile_that_decides_everything_leaves_nothing_open(
    objects: Cluster, decided: dict[str, bool], asked: list[Case]
) -> None:
    oracle, reading = Oracle(world_of(objects), profile(decided)), TieredReading(objects, decided, DOMAIN_NAMES)
    assert not wrong(objects, ((case, answer(oracle, case), read(reading, case)) for case in asked))


@several
@given(
    objects=from_seed(tiered_unusual),
    decided=decisions,
    decided_points=questions,
    order=orders,
    node=st.sampled_from(tuple(NODES)),
    address=st.sampled_from((*PODS.values(), "10.244.0.130", "203.0.113.7", "8.8.8.8")),
    asked=cases,
)
def test_a_definite_answer_holds_for_every_decision_every_order_and_every_unknown_address(
    objects: Cluster,
    decided: dict[str, bool],
    decided_points: set[str],
    order: Sequence[str],
    node: str,
    address: str,
    asked: list[Case],
) -> None:
    known = {question: decided[question] for question in decided_points}
    oracle = Oracle(world_of(objects), profile(known, by_name=False))
    reading = TieredReading(completed(objects, node, address), decided, DOMAIN_NAMES, order)
    answered = ((case, answer(oracle, case)) for case in asked)
    definite = ((case, given) for case, given in answered if given is not Answer.UNDEFINED)
    assert not wrong(objects, ((case, given, read(reading, case)) for case, given in definite))


@several
@given(objects=from_seed(tiered), asked=cases)
def test_undefined_is_what_some_decision_or_some_order_changes(objects: Cluster, asked: list[Case]) -> None:
    """With all questions but that of ties decided, an undefined answer has two orders with different answers.

    One tie at a time is open: in clusters with several, the order of one may hide that of another.
    """
    decided = dict.fromkeys(EVERY_QUESTION, True)
    oracle = Oracle(world_of(objects), profile(decided, by_name=False))
    names = [o["metadata"]["name"] for o in objects if o["kind"] == "ClusterNetworkPolicy"]
    shifts = [[*names[shift:], *names[:shift]] for shift in range(len(names))]
    readings = [TieredReading(objects, decided, DOMAIN_NAMES, order) for order in (*shifts, *map(reverse, shifts))]
    for case in asked:
        seen = {read(reading, case) for reading in readings}
        given = answer(oracle, case)
        assert seen == {given} or (given is Answer.UNDEFINED and OpenPoint.ADMIN_TIERS in judge(oracle, case).points)
        assert given is not Answer.UNDEFINED or len(seen) == 2


def reverse(names: list[str]) -> list[str]:
    return names[::-1]


@several
@given(objects=from_seed(tiered_unusual), reads=from_seed(some_profile))
def test_the_table_equals_the_verdicts(objects: Cluster, reads: Profile) -> None:
    oracle = Oracle(world_of(objects), reads)
    table = oracle.table(PORTS)
    for port in PORTS:
        for source, target in product(table.pods, repeat=2):
            assert table.answer(source, target, port) is oracle.judge(Flow(source, target, port)).answer


@several
@given(objects=from_seed(tiered_unusual), asked=cases, seed=st.integers())
def test_the_order_of_objects_does_not_matter(objects: Cluster, asked: list[Case], seed: int) -> None:
    shuffled = Random(seed).sample(objects, len(objects))
    oracle, other = Oracle(world_of(objects)), Oracle(world_of(shuffled))
    assert not wrong(objects, ((case, answer(oracle, case), answer(other, case)) for case in asked))


@several
@given(objects=from_seed(tiered_unusual), decided=decisions, decided_points=questions, asked=cases)
def test_a_decision_only_turns_undefined_into_definite(
    objects: Cluster, decided: dict[str, bool], decided_points: set[str], asked: list[Case]
) -> None:
    world = world_of(objects)
    chosen = {name: decided[name] for name in decided_points - set(PROMISED)}
    undecided, deciding = Oracle(world, SPECIFICATION), Oracle(world, profile(chosen))
    assert all(answer(undecided, case) in (answer(deciding, case), Answer.UNDEFINED) for case in asked)


@several
@given(objects=from_seed(tiered_unusual), asked=cases)
def test_reasons_agree_with_the_answer(objects: Cluster, asked: list[Case]) -> None:
    world = world_of(objects)
    oracle, policies = Oracle(world), {policy.name: policy for policy in world.cluster_policies}
    for verdict in (judge(oracle, case) for case in asked):
        for side in (verdict.egress, verdict.ingress):
            assert side.points or side.answer is not Answer.UNDEFINED
            assert not (side.bypassed and side.isolating)
            for ruling in side.rulings:
                rule = policies[ruling.policy].rules(side.direction)[ruling.rule]
                assert ruling.action is rule.action or ruling.fails_closed or ruling.points
                assert ruling.peer is None or ruling.peer < len(rule.peers)
            if side.stages == {Stage.ADMIN}:
                assert side.rulings
                assert not side.admissions


def is_tiered(item: Dict) -> bool:
    return bool(item["kind"] == "ClusterNetworkPolicy")


def denial(random: Random) -> Dict:
    peers: list[Dict] = [{"namespaces": {}}]
    fields: Dict = {"tier": "Admin", "priority": 0, "ingress": [{"action": "Deny", "from": peers}], "egress": []}
    return cluster_policy(random, "denial", **fields)


@several
@given(objects=from_seed(tiered), more=from_seed(denial), asked=cases)
def test_a_denial_of_the_first_priority_only_ever_blocks(objects: Cluster, more: Dict, asked: list[Case]) -> None:
    above = [
        {**o, "spec": {**o["spec"], "priority": o["spec"]["priority"] + 1}} if is_tiered(o) else o for o in objects
    ]
    subject_to_tiers = Profile("drawn", {OpenPoint.TIER_HAIRPIN: Decision.YES})
    before, after = (Oracle(world_of(all_objects), subject_to_tiers) for all_objects in (above, [*above, more]))
    assert all(answer(after, case) in (Answer.BLOCKED, answer(before, case)) for case in asked)


def judge(oracle: Oracle, case: Case) -> Verdict:
    return oracle.judge(flow_of(case))


def flow_of(case: Case) -> Flow:
    source, target, protocol, port, virtual, name = case
    through = SERVICE if virtual else None
    return Flow(flow_end(source), flow_end(target), Port(Protocol(protocol), port), through, virtual, name=name)


def answer(oracle: Oracle, case: Case) -> Answer:
    return judge(oracle, case).answer


def flow_end(end: End) -> NamespacedName | Host:
    return Host(end) if isinstance(end, str) else NamespacedName(*end)


def read(reading: TieredReading, case: Case) -> Answer:
    source, target, protocol, port, virtual, name = case
    passes = reading.allows_named(source, target, protocol, port, virtual=virtual, name=name)
    return Answer.ALLOWED if passes else Answer.BLOCKED


def wrong(objects: Cluster, answers: Iterable[tuple[Case, Answer, Answer]]) -> str:
    """Return the first case with an unexpected answer, with the objects that can decide it; empty if there is none."""
    for case, actual, expected in answers:
        if actual is not expected:
            homes = {end[0] for end in case[:2] if not isinstance(end, str)}
            tiers = [o for o in objects if o["kind"] in ("ClusterNetworkPolicy", "Node")]
            shown = f"{objects.within(homes)}\n{yaml.safe_dump_all(tiers)}"
            return f"{case}: {actual}, not {expected}\n{shown}"
    return ""
