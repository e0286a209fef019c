"""Laws: what depends on labels of a namespace that are not known is undefined, and nothing else is."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import Namespace, World
from netpol_harness.model.policy import PodPeer
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.points import OpenPoint
from netpol_harness.oracle.profiles import EMBEDDED
from netpol_harness.oracle.verdict import Answer, Flow
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL
from tests.laws.dense_clusters import from_seed, usual
from tests.laws.small_clusters import KEYS, NAMESPACES, PODS, VALUES, Cluster

PORT = Port(Protocol.TCP, 80)
REFS = [NamespacedName(*name) for name in PODS]
FLOWS = [Flow(source, target, PORT) for source, target in product(REFS, repeat=2)]
COMPLETIONS = [
    {key: value for key, value in zip(KEYS, values, strict=True) if value}
    for values in product(("", *VALUES), repeat=len(KEYS))
]
"""All labels that a namespace can have, as far as policies ask for them."""

several = settings(max_examples=60, suppress_health_check=list(HealthCheck))


def with_labels(world: World, name: str, labels: Mapping[str, str], *, known: bool = True) -> World:
    namespace = Namespace(name, {NAMESPACE_NAME_LABEL: name, **labels}, labels_known=known)
    return replace(world, namespaces={**world.namespaces, name: namespace})


@several
@given(objects=from_seed(usual), name=st.sampled_from(NAMESPACES))
def test_a_definite_answer_holds_whatever_the_labels_are(objects: Cluster, name: str) -> None:
    world = World.parse(objects)
    oracle = Oracle(with_labels(world, name, {}, known=False), EMBEDDED)
    completed = [Oracle(with_labels(world, name, labels), EMBEDDED) for labels in COMPLETIONS]
    for flow in FLOWS:
        verdict = oracle.judge(flow)
        answers = {each.judge(flow).answer for each in completed}
        assert answers == {verdict.answer} or verdict.answer is Answer.UNDEFINED
        assert verdict.answer is not Answer.UNDEFINED or verdict.points == {OpenPoint.NAMESPACE_LABELS}


@several
@given(objects=from_seed(usual), name=st.sampled_from(NAMESPACES), data=st.data())
def test_with_one_rule_for_it_an_answer_is_undefined_only_if_labels_change_it(
    objects: Cluster, name: str, data: st.DataObject
) -> None:
    """Several rules may exclude each other, such as ``a`` and ``!a``, of which one always admits."""
    world = World.parse(objects)
    world = replace(world, policies=(data.draw(st.sampled_from(world.policies)),) if world.policies else ())
    oracle = Oracle(with_labels(world, name, {}, known=False), EMBEDDED)
    rules = [rule for policy in world.policies for direction in policy.directions for rule in policy.rules(direction)]
    if sum(len(rule.peers or ()) for rule in rules) > 1:
        return
    peers = [peer for rule in rules for peer in rule.peers or () if isinstance(peer, PodPeer)]
    if any(peer.namespaces and len(peer.namespaces.requirements) > 1 for peer in peers):
        return
    completed = [Oracle(with_labels(world, name, labels), EMBEDDED) for labels in COMPLETIONS]
    for flow in FLOWS:
        answers = {each.judge(flow).answer for each in completed}
        assert oracle.judge(flow).answer is (answers.pop() if len(answers) == 1 else Answer.UNDEFINED)


@several
@given(objects=from_seed(usual), names=st.sets(st.sampled_from(NAMESPACES)))
def test_the_table_equals_the_verdicts(objects: Cluster, names: set[str]) -> None:
    world = World.parse(objects)
    for name in names:
        world = with_labels(world, name, {}, known=False)
    oracle = Oracle(world, EMBEDDED)
    table = oracle.table([PORT])
    assert {flow: table.answer(flow.source, flow.destination, PORT) for flow in FLOWS} == {  # type: ignore[arg-type]
        flow: oracle.judge(flow).answer for flow in FLOWS
    }
