"""Laws: the oracle agrees with the text of networking.k8s.io/v1, which ``reading`` evaluates a second time."""

from collections.abc import Iterable, Mapping
from itertools import product
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import World
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.points import SPECIFICATION, Decision, OpenPoint, Profile
from netpol_harness.oracle.profiles import EMBEDDED, PROFILES
from netpol_harness.oracle.verdict import Answer, Flow, Host
from tests.laws.dense_clusters import NODES, complete, completed, from_seed, policy, unusual, usual
from tests.laws.reading import EMBEDDED as AS_EMBEDDED
from tests.laws.reading import QUESTIONS, Dict, End, Reading
from tests.laws.small_clusters import NAMESPACES, OUTSIDE, PODS, Cluster

Case = tuple[End, End, str, int, str]
"""Source, target, protocol, port, and the virtual address that the client used, if any."""

ENDS: tuple[End, ...] = (*PODS, *OUTSIDE)
VIRTUAL = ("", "10.96.0.7", "203.0.113.100")
PORTS = [
    Port(Protocol.TCP, 80),
    Port(Protocol.TCP, 81),
    Port(Protocol.UDP, 80),
    Port(Protocol.SCTP, 80),
    Port(Protocol.ICMP, 0),
]
CASES: list[Case] = [
    (source, target, port.protocol.value, port.number, virtual)
    for source, target, port, virtual in product(ENDS, ENDS, PORTS, VIRTUAL)
]
STRIDE = 17
SERVICE = NamespacedName("x", "s")
OPTIONAL = "optional-features"
ENDED: Dict = {
    "kind": "Pod",
    "metadata": {"namespace": "x", "name": "done"},
    "spec": {"containers": []},
    "status": {"phase": "Succeeded", "podIPs": [{"ip": "10.244.0.2"}]},
}


def answers(random: Random) -> dict[str, bool]:
    return {question: random.random() < 0.5 for question in QUESTIONS}


def read_by(random: Random) -> Profile:
    return random.choice((*PROFILES.values(), profile(answers(random)), profile(answers(random))))


def profile(decided: Mapping[str, bool]) -> Profile:
    return Profile("drawn", {OpenPoint(name): Decision.YES if yes else Decision.NO for name, yes in decided.items()})


several = settings(max_examples=100, suppress_health_check=list(HealthCheck))
cases = st.integers(0, STRIDE - 1).map(lambda offset: CASES[offset::STRIDE])
decisions = from_seed(answers)
questions = from_seed(lambda random: {question for question in QUESTIONS if random.random() < 0.5})


@several
@given(objects=from_seed(usual), asked=cases)
def test_the_embedded_profile_agrees_with_the_documentation_of_the_embedded_cluster(
    objects: Cluster, asked: list[Case]
) -> None:
    oracle, reading = Oracle(World.parse(objects), EMBEDDED), Reading(objects, AS_EMBEDDED)
    assert not wrong(objects, ((case, answer(oracle, case), read(reading, case)) for case in asked))


@several
@given(objects=from_seed(complete), decided=decisions, asked=cases)
def test_a_profile_that_decides_everything_leaves_nothing_open(
    objects: Cluster, decided: dict[str, bool], asked: list[Case]
) -> None:
    oracle, reading = Oracle(World.parse(objects), profile(decided)), Reading(objects, decided)
    assert not wrong(objects, ((case, answer(oracle, case), read(reading, case)) for case in asked))


@several
@given(objects=from_seed(usual), asked=cases)
def test_undefined_is_what_the_decisions_of_implementations_change(objects: Cluster, asked: list[Case]) -> None:
    """For pods in their own networks, without Services, each open point admits by yes and refuses by no."""
    direct: list[Case] = [(*case[:4], "") for case in asked if case[2] != Protocol.ICMP]
    widest, narrowest = (Reading(objects, {**dict.fromkeys(QUESTIONS, yes), OPTIONAL: True}) for yes in (True, False))
    oracle = Oracle(World.parse(objects))

    def expected(case: Case) -> Answer:
        answers = {read(widest, case), read(narrowest, case)}
        return answers.pop() if len(answers) == 1 else Answer.UNDEFINED

    assert not wrong(objects, ((case, answer(oracle, case), expected(case)) for case in direct))


@several
@given(
    objects=from_seed(unusual),
    decided=decisions.map(lambda drawn: {**drawn, OPTIONAL: True}),
    decided_points=questions,
    node=st.sampled_from(tuple(NODES)),
    address=st.sampled_from((*PODS.values(), "10.244.0.130", "203.0.113.7", "8.8.8.8")),
    asked=cases,
)
def test_a_definite_answer_holds_for_every_decision_and_every_unknown_address(
    objects: Cluster, decided: dict[str, bool], decided_points: set[str], node: str, address: str, asked: list[Case]
) -> None:
    oracle = Oracle(World.parse(objects), profile({question: decided[question] for question in decided_points}))
    reading = Reading(completed(objects, node, address), decided)
    answers = ((case, answer(oracle, case)) for case in asked)
    definite = ((case, given) for case, given in answers if given is not Answer.UNDEFINED)
    assert not wrong(objects, ((case, given, read(reading, case)) for case, given in definite))


@several
@given(objects=from_seed(unusual), reads=from_seed(read_by), version=st.sampled_from((0, 4, 6)))
def test_the_table_equals_the_verdicts(objects: Cluster, reads: Profile, version: int) -> None:
    oracle = Oracle(World.parse([*objects, ENDED]), reads)
    table = oracle.table(PORTS, version)
    assert table.pods == tuple(NamespacedName(*name) for name in sorted(PODS))
    for port in PORTS:
        flows = [Flow(source, target, port, version=version) for source, target in product(table.pods, repeat=2)]
        judged = {flow: oracle.judge(flow).answer for flow in flows}
        tabled = {
            Flow(source, target, port, version=version): table.answer(source, target, port)
            for source, target in product(table.pods, repeat=2)
        }
        assert tabled == judged
        assert table.counts(port) == {a: list(judged.values()).count(a) for a in Answer}


@several
@given(objects=from_seed(unusual), asked=cases, seed=st.integers())
def test_the_order_of_policies_and_objects_does_not_matter(objects: Cluster, asked: list[Case], seed: int) -> None:
    shuffled = Random(seed).sample(objects, len(objects))
    oracle, other = Oracle(World.parse(objects)), Oracle(World.parse(shuffled))
    assert not wrong(objects, ((case, answer(oracle, case), answer(other, case)) for case in asked))


@several
@given(
    objects=from_seed(unusual), more=from_seed(lambda random: [policy(random, 100 + n) for n in range(3)]), asked=cases
)
def test_another_policy_never_blocks_what_isolated_pods_may_do(
    objects: Cluster, more: list[Dict], asked: list[Case]
) -> None:
    """Policies are additive: if everything is isolated, each can only admit."""
    isolated = [*objects, *map(denial, NAMESPACES)]
    before, after = Oracle(World.parse(isolated)), Oracle(World.parse([*isolated, *more]))
    rank = [Answer.BLOCKED, Answer.UNDEFINED, Answer.ALLOWED].index
    assert all(rank(answer(before, case)) <= rank(answer(after, case)) for case in asked)


@several
@given(objects=from_seed(unusual), decided=decisions, decided_points=questions, asked=cases)
def test_a_decision_only_turns_undefined_into_definite(
    objects: Cluster, decided: dict[str, bool], decided_points: set[str], asked: list[Case]
) -> None:
    """Apart from the features that the API promises and a network plugin may lack."""
    world = World.parse(objects)
    by_profile = profile({name: decided[name] for name in decided_points - {OPTIONAL}})
    undecided, deciding = Oracle(world, SPECIFICATION), Oracle(world, by_profile)
    assert all(answer(undecided, case) in (answer(deciding, case), Answer.UNDEFINED) for case in asked)


@several
@given(objects=from_seed(unusual), asked=cases)
def test_an_undefined_answer_has_a_point_and_an_admitting_policy_isolates(objects: Cluster, asked: list[Case]) -> None:
    world = World.parse(objects)
    oracle, policies = Oracle(world), {policy.ref: policy for policy in world.policies}
    for verdict in (oracle.judge(flow_of(case)) for case in asked):
        assert verdict.points or verdict.answer is not Answer.UNDEFINED
        for side in (verdict.egress, verdict.ingress):
            assert side.points or side.answer is not Answer.UNDEFINED
            assert {admission.policy for admission in side.admissions} <= set(side.isolating)
            assert all(a.rule < len(policies[a.policy].rules(side.direction)) for a in side.admissions)
            assert side.answer is Answer.ALLOWED or all(admission.points for admission in side.admissions)


def answer(oracle: Oracle, case: Case) -> Answer:
    return oracle.judge(flow_of(case)).answer


def flow_of(case: Case) -> Flow:
    source, target, protocol, port, virtual = case
    through = SERVICE if virtual else None
    return Flow(flow_end(source), flow_end(target), Port(Protocol(protocol), port), through, virtual)


def flow_end(end: End) -> NamespacedName | Host:
    return Host(end) if isinstance(end, str) else NamespacedName(*end)


def read(reading: Reading, case: Case) -> Answer:
    source, target, protocol, port, virtual = case
    passes = reading.allows(source, target, protocol, port, virtual=virtual)
    return Answer.ALLOWED if passes else Answer.BLOCKED


def wrong(objects: Cluster, answers: Iterable[tuple[Case, Answer, Answer]]) -> str:
    """Return the first case with an unexpected answer, with the objects that can decide it; empty if there is none."""
    for case, actual, expected in answers:
        if actual is not expected:
            homes = {end[0] for end in case[:2] if not isinstance(end, str)}
            return f"{case}: {actual}, not {expected}\n{objects.within(homes)}"
    return ""


def denial(space: str) -> Dict:
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    return {"kind": "NetworkPolicy", "metadata": {"namespace": space, "name": "deny"}, "spec": spec}
