from typing import Any

import pytest

from netpol_harness.emulator.dataplane.rules import Ruleset
from netpol_harness.emulator.dataplane.ruleset import ruleset
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.objects import World
from tests.emulator.dataplane.test_ruleset import PODS, A, B, pod
from tests.emulator.dataplane.test_ruleset import policy as network_policy

EVERY: JsonObject = {"namespaces": {}}
ACCEPT, DENY, PASS = "meta mark set 1 return", "drop", "meta mark set 2 return"
OUTSIDE = {"networks": ["203.0.113.0/24"]}


def policy(name: str = "p", tier: str = "Admin", priority: int = 5, **spec: Any) -> JsonObject:
    subject = {"pods": {"podSelector": {"matchLabels": {"app": "a"}}}}
    content = {"tier": tier, "priority": priority, "subject": subject, **spec}
    return {"kind": "ClusterNetworkPolicy", "metadata": {"name": name}, "spec": content}


def rule(action: str, *peers: JsonObject, to: str = "to", **fields: Any) -> JsonObject:
    return {"action": action, to: list(peers), **fields}


def rules_of(*objects: JsonObject, **fields: Any) -> Ruleset:
    return ruleset(World.parse(list(objects)), **fields)


def chain(rules: Ruleset, name: str = "p", direction: str = "egress") -> list[str]:
    """Return the rules of a policy's chain, with the elements of sets."""
    first, *rest = rules.chains[f"cluster-policy/{name}/{direction}"].rules
    assert first == "meta mark != 0 return"
    return [
        " ".join(",".join(rules.sets[w[1:]].elements) if w.startswith("@") else w for w in line.split(" "))
        for line in rest
    ]


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        (rule("Accept", EVERY), [f"ip daddr {A},{B},10.244.0.4 {ACCEPT}"]),
        (rule("Deny", OUTSIDE), [f"ip daddr 203.0.113.0-203.0.113.255 {DENY}"]),
        (rule("Pass", {"networks": ["::/0"]}), [f"ip6 daddr ::-{'f' * 4}{':ffff' * 7} {PASS}"]),
        (
            rule("Deny", OUTSIDE, protocols=[{"tcp": {"destinationPort": {"range": {"start": 1, "end": 9}}}}]),
            [f"ip daddr 203.0.113.0-203.0.113.255 tcp dport 1-9 {DENY}"],
        ),
        (
            rule("Accept", EVERY, protocols=[{"destinationNamedPort": "http"}]),
            [f"ip daddr {A},{B},10.244.0.4 ip daddr . tcp dport {A} . 8080,{B} . 9090,10.244.0.4 . 1 {ACCEPT}"],
        ),
        (rule("Accept", {}), []),
        (rule("Deny", EVERY, {}), [DENY]),
        (rule("Pass", {"serviceAccounts": {}}), [DENY]),
        (rule("Pass", EVERY, protocols=[{}]), [DENY]),
        (rule("Accept", {"pods": {"podSelector": {"matchLabels": {"app": "none"}}}}), []),
    ],
)
def test_a_rule_becomes_conditions_and_a_verdict(written: JsonObject, lines: list[str]) -> None:
    assert chain(rules_of(*PODS, policy(egress=[written]))) == lines


def test_peers_in_the_two_directions() -> None:
    rules = rules_of(*PODS, policy(ingress=[rule("Deny", EVERY, to="from")]))
    assert chain(rules, direction="ingress") == [f"ip saddr {A},{B},10.244.0.4 drop"]
    assert "cluster-policy/p/egress" not in rules.chains


def test_nodes_are_their_addresses() -> None:
    nodes = [
        {
            "kind": "Node",
            "metadata": {"name": name, "labels": {"pool": name}},
            "status": {
                "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}]
            },
        }
        for name, address in (("n1", "192.0.2.1"), ("n2", "192.0.2.2"))
    ]
    peer = {"nodes": {"matchLabels": {"pool": "n2"}}}
    assert chain(rules_of(*PODS, *nodes, policy(egress=[rule("Deny", peer)]))) == ["ip daddr 192.0.2.2 drop"]


def test_pods_on_the_network_of_a_node_are_neither_subjects_nor_peers() -> None:
    host = pod("a", "192.0.2.1", hostNetwork=True)
    rules = rules_of(host, PODS[1], policy(egress=[rule("Deny", EVERY)]))
    assert not any(name.startswith("cluster-policy/") for name in rules.chains)


def test_tiers_come_in_order_and_priorities_within_them() -> None:
    own = network_policy("own", egress=[{}], policyTypes=["Egress"])
    objects = [
        policy("last", priority=9, egress=[rule("Pass", EVERY)]),
        policy("b", priority=2, egress=[rule("Pass", EVERY)]),
        policy("a", priority=2, egress=[rule("Pass", EVERY)]),
        policy("base", tier="Baseline", priority=0, egress=[rule("Deny", EVERY)]),
    ]
    admin = [f"jump cluster-policy/{name}/egress" for name in ("a", "b", "last")]
    accepted = ["meta mark 1 return", "meta mark set 0"]
    isolated = [
        "fib daddr type local return",
        f"ip daddr {A} return",
        "jump policy/x/own/egress",
        "meta mark != 1 drop",
    ]
    chains = rules_of(*PODS, *objects, own).chains
    assert list(chains[f"pod/{A}/egress"].rules) == [*admin, *accepted, *isolated]
    chains = rules_of(*PODS, *objects).chains
    assert list(chains[f"pod/{A}/egress"].rules) == [*admin, *accepted, "jump cluster-policy/base/egress"]
    assert chains[f"pod/{A}/ingress"].rules == chains[f"pod/{B}/egress"].rules == ()


def test_only_rules_for_egress_judge_what_a_pod_sends_to_its_node() -> None:
    assert rules_of(*PODS, policy(ingress=[rule("Deny", EVERY, to="from")])).chains["input"].rules == ()
    assert rules_of(*PODS, policy(egress=[rule("Deny", EVERY)])).chains["input"].rules


@pytest.mark.parametrize(
    ("tier", "action", "lines"),
    [
        ("Admin", "Accept", [f"ip daddr 203.0.113.1,203.0.113.2 {ACCEPT}"]),
        ("Baseline", "Accept", []),
        ("Admin", "Deny", [DENY]),
        ("Admin", "Pass", [DENY]),
    ],
)
def test_domain_names_are_the_addresses_to_which_they_are_known_to_resolve(
    tier: str, action: str, lines: list[str]
) -> None:
    names = {
        "example.com": ("203.0.113.9",),
        "www.example.com": ("203.0.113.1",),
        "a.b.example.com": ("203.0.113.2",),
        "notexample.com": ("203.0.113.3",),
    }
    written = policy(tier=tier, egress=[rule(action, {"domainNames": ["*.example.com"]})])
    world = World.parse([*PODS, written])
    rules = ruleset(World(world.namespaces, world.pods, cluster_policies=world.cluster_policies, domain_names=names))
    assert chain(rules) == lines
