"""Law: with ClusterNetworkPolicies too, packets pass or not as the API says, also after each change of them.

Brute force (``cluster_reading``), the oracle under the profile of this dataplane, and real packets have to agree. The
rules of a changed cluster are installed by the transaction from those before, as in a running cluster.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from netpol_harness.emulator.dataplane.rules import Ruleset
from netpol_harness.emulator.dataplane.ruleset import ruleset
from netpol_harness.emulator.dataplane.transaction import EMPTY, transaction
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import World
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.points import Decision, OpenPoint, Profile
from netpol_harness.oracle.profiles import EMBEDDED
from netpol_harness.oracle.verdict import Answer, Flow, Host, Verdict
from tests.laws.cluster_policies import DOMAIN_NAMES, cluster_policy, tiered, with_tiers
from tests.laws.cluster_reading import TIER_QUESTIONS, TieredReading
from tests.laws.dense_clusters import from_seed, labels, usual
from tests.laws.reading import EMBEDDED as EMBEDDED_ANSWERS
from tests.laws.small_clusters import NAMES, OUTSIDE, PATHS, PODS, PORTS, Cluster, Dict, Path

OUTCOMES = {Answer.ALLOWED: "connected", Answer.BLOCKED: "silent"}
LEARNING = Profile("learning", {**EMBEDDED.decided, OpenPoint.DOMAIN_NAMES: Decision.YES})
"""The data plane in a cluster that knows what names resolve to."""
ANSWERS = {**EMBEDDED_ANSWERS, **dict.fromkeys(TIER_QUESTIONS, True), "other-direction": False}
packets = settings(
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)


@pytest.fixture(scope="module")
def hosts(lab: Any) -> Any:
    lab.hosts([*PODS.values(), *OUTSIDE], PORTS)
    return lab


@pytest.mark.live
@settings(packets, max_examples=150)
@given(objects=from_seed(lambda random: with_tiers(random, usual(random), misplaced=0.1)))
def test_packets_follow_the_tiers(hosts: Any, objects: Cluster) -> None:
    hosts.flush()
    install(hosts, EMPTY, objects)
    compare(hosts, objects)


@pytest.mark.live
@settings(packets, max_examples=25)
@given(states=from_seed(lambda random: list(transitions(random, 5))))
def test_packets_follow_every_change(hosts: Any, states: Sequence[tuple[str, Cluster]]) -> None:
    hosts.flush()
    installed = EMPTY
    for change, objects in states:
        installed = install(hosts, installed, objects)
        compare(hosts, objects, change)


def install(hosts: Any, installed: Ruleset, objects: Cluster) -> Ruleset:
    rules = ruleset(world_of(objects))
    hosts.apply(transaction(installed, rules))
    return rules


def compare(hosts: Any, objects: Cluster, change: str = "") -> None:
    """Compare the three readings on all paths."""
    reading, oracle = TieredReading(objects, ANSWERS, DOMAIN_NAMES), Oracle(world_of(objects), LEARNING)
    existing = {(o["metadata"]["namespace"], o["metadata"]["name"]) for o in objects if o["kind"] == "Pod"}
    paths = [path for path in PATHS if all(end in OUTSIDE or NAMES[end] in existing for end in path[:2])]
    expected = {path: allowed(reading, path) for path in paths}
    verdicts = {path: oracle.judge(flow(path)) for path in paths}
    definite = {path: verdict.answer for path, verdict in verdicts.items() if not is_open(verdict)}
    assert definite == {path: expected[path] for path in definite}
    first = hosts.probe(paths, patience=0.03)
    again = [path for path in paths if first[path] != OUTCOMES[expected[path]]]
    confirmed = hosts.probe(again, patience=0.3) if again else {}
    wrong = {path: outcome for path, outcome in confirmed.items() if outcome != OUTCOMES[expected[path]]}
    for path, outcome in wrong.items():
        reasons = f"{oracle.judge(flow(path))}\n{list(objects)}"
        pytest.fail(f"{change}: {path} is {outcome}, one of {len(wrong)} that are wrong\n{reasons}", pytrace=False)


def is_open(verdict: Verdict) -> bool:
    """Whether it depends on ``domainNames`` where they are not meant to be, of which no profile decides."""
    return verdict.answer is Answer.UNDEFINED and OpenPoint.DOMAIN_NAMES_ELSEWHERE in verdict.points


def transitions(random: Random, count: int) -> Any:
    """Yield a cluster, and what becomes of it by one change after the other, each with its name."""
    objects = tiered(random)
    yield "at first", objects
    for _ in range(count):
        change = random.choice(CHANGES)
        objects = Cluster(deepcopy(list(objects)))
        change(random, objects)
        yield change.__name__, objects


def priorities_swapped(random: Random, objects: Cluster) -> None:
    first, last = (random.choice(tiers(objects)) for _ in range(2)) if tiers(objects) else ({"spec": {}}, {"spec": {}})
    mine, other = first["spec"].get("priority"), last["spec"].get("priority")
    first["spec"]["priority"], last["spec"]["priority"] = other, mine


def tier_changed(random: Random, objects: Cluster) -> None:
    for policy in random.sample(tiers(objects), min(1, len(tiers(objects)))):
        policy["spec"]["tier"] = {"Admin": "Baseline", "Baseline": "Admin"}[policy["spec"]["tier"]]


def action_changed(random: Random, objects: Cluster) -> None:
    rules = [r for p in tiers(objects) for key in ("ingress", "egress") for r in p["spec"].get(key, [])]
    for rule in random.sample(rules, min(2, len(rules))):
        rule["action"] = random.choice(("Accept", "Deny", "Pass"))


def policy_deleted(random: Random, objects: Cluster) -> None:
    every = [o for o in objects if o["kind"] in ("ClusterNetworkPolicy", "NetworkPolicy")]
    for policy in random.sample(every, min(1, len(every))):
        objects.remove(policy)


def policy_added(random: Random, objects: Cluster) -> None:
    taken = {policy["metadata"]["name"] for policy in tiers(objects)}
    free = next(f"cluster-{number}" for number in range(99) if f"cluster-{number}" not in taken)
    objects.append(cluster_policy(random, free, misplaced=0.1))


def relabelled(random: Random, objects: Cluster) -> None:
    for item in random.sample([o for o in objects if o["kind"] in ("Pod", "Namespace", "Node")], 2):
        kept = {key: value for key, value in item["metadata"]["labels"].items() if key not in ("a", "b")}
        item["metadata"]["labels"] = {**kept, **labels(random)}


def namespace_gone(random: Random, objects: Cluster) -> None:
    names = [o["metadata"]["name"] for o in objects if o["kind"] == "Namespace"]
    if len(names) > 1:
        gone = random.choice(names)
        objects[:] = [o for o in objects if gone not in (o["metadata"].get("namespace"), o["metadata"]["name"])]


def namespace_back(random: Random, objects: Cluster) -> None:
    names = {o["metadata"]["name"] for o in objects if o["kind"] == "Namespace"}
    fresh = [o for o in usual(random) if o["kind"] in ("Namespace", "Pod")]
    missing = [o for o in fresh if not {o["metadata"]["name"], o["metadata"].get("namespace")} & names]
    objects.extend(missing)


CHANGES: Sequence[Callable[[Random, Cluster], None]] = (
    priorities_swapped,
    tier_changed,
    action_changed,
    policy_deleted,
    policy_added,
    relabelled,
    namespace_gone,
    namespace_back,
)


def tiers(objects: Cluster) -> list[Dict]:
    return [o for o in objects if o["kind"] == "ClusterNetworkPolicy"]


def world_of(objects: Cluster) -> World:
    return replace(World.parse(objects), domain_names=DOMAIN_NAMES)


def allowed(reading: TieredReading, path: Path) -> Answer:
    source, target, protocol, port = path
    passes = reading.allows(NAMES.get(source, source), NAMES.get(target, target), protocol, port)
    return Answer.ALLOWED if passes else Answer.BLOCKED


def flow(path: Path) -> Flow:
    source, target, protocol, port = path
    return Flow(end(source), end(target), Port(Protocol(protocol), port))


def end(address: str) -> NamespacedName | Host:
    return NamespacedName(*NAMES[address]) if address in NAMES else Host(address)
