from collections.abc import Sequence
from typing import Any

import pytest

from netpol_harness.emulator.dataplane.rules import NamedSet, Ruleset, digest, identifier
from netpol_harness.emulator.dataplane.ruleset import ruleset
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import World

A, B, OTHER = "10.244.0.2", "10.244.0.3", "10.244.0.4"


def pod(name: str, address: str, *ports: tuple[str, int], namespace: str = "x", **spec: Any) -> JsonObject:
    declared = [{"name": port, "containerPort": number} for port, number in ports]
    return {
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": {"app": name}},
        "spec": {"containers": [{"ports": declared}], **spec},
        "status": {"podIPs": [{"ip": address}] if address else []},
    }


def policy(name: str = "p", **spec: Any) -> JsonObject:
    subject = {"podSelector": {"matchLabels": {"app": "a"}}}
    return {"kind": "NetworkPolicy", "metadata": {"namespace": "x", "name": name}, "spec": {**subject, **spec}}


def service(address: str = "10.96.0.5", **port: Any) -> JsonObject:
    spec = {"clusterIP": address, "selector": {"app": "a"}, "ports": [{"port": 80, **port}]}
    return {"kind": "Service", "metadata": {"namespace": "x", "name": "s"}, "spec": spec}


PODS = (pod("a", A, ("http", 8080)), pod("b", B, ("http", 9090)), pod("c", OTHER, ("http", 1), namespace="y"))


def rules_of(*objects: JsonObject) -> Ruleset:
    return ruleset(World.parse(list(objects)))


def admitted(rules: Ruleset, name: str) -> list[str]:
    """Return the conditions of a policy chain, with names of sets replaced by their elements."""
    first, *rest = rules.chains[name].rules
    assert first == "meta mark 1 return"
    assert all(rule.endswith("meta mark set 1 return") for rule in rest)
    return [_with_elements(rule.removesuffix("meta mark set 1 return").rstrip(), rules.sets) for rule in rest]


def _with_elements(rule: str, sets: Any) -> str:
    words = [
        "{" + ", ".join(sets[word[1:]].elements) + "}" if word.startswith("@") else word for word in rule.split(" ")
    ]
    return " ".join(words)


INGRESS: Sequence[tuple[str, JsonObject, list[str]]] = [
    ("no rules admit nothing", {}, []),
    ("an empty rule admits everything", {"ingress": [{}]}, [""]),
    ("a protocol", {"ingress": [{"ports": [{"protocol": "UDP"}]}]}, ["meta l4proto udp"]),
    ("SCTP", {"ingress": [{"ports": [{"protocol": "SCTP", "port": 7}]}]}, ["sctp dport 7"]),
    ("a range", {"ingress": [{"ports": [{"port": 80, "endPort": 90}]}]}, ["tcp dport 80-90"]),
    ("a range of one", {"ingress": [{"ports": [{"port": 80, "endPort": 80}]}]}, ["tcp dport 80"]),
    (
        "peers times ports",
        {
            "ingress": [
                {
                    "from": [{"podSelector": {}}, {"ipBlock": {"cidr": "192.168.0.0/31"}}],
                    "ports": [{"port": 80}, {"port": 81}],
                }
            ]
        },
        [
            f"ip saddr {{{A}, {B}}} tcp dport 80",
            "ip saddr {192.168.0.0-192.168.0.1} tcp dport 80",
            f"ip saddr {{{A}, {B}}} tcp dport 81",
            "ip saddr {192.168.0.0-192.168.0.1} tcp dport 81",
        ],
    ),
    (
        "a named port is the subject's",
        {"podSelector": {}, "ingress": [{"ports": [{"port": "http"}]}]},
        [f"ip daddr . tcp dport {{{A} . 8080, {B} . 9090}}"],
    ),
    ("a named port that no pod declares", {"ingress": [{"ports": [{"port": "nobody"}]}]}, []),
    (
        "peers that no selector picks",
        {"ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "none"}}}]}]},
        [],
    ),
    (
        "an except is subtracted from its own block only",
        {
            "ingress": [
                {
                    "from": [
                        {"ipBlock": {"cidr": "10.0.0.0/30", "except": ["10.0.0.0/31"]}},
                        {"ipBlock": {"cidr": "10.0.0.1/32"}},
                    ]
                }
            ]
        },
        ["ip saddr {10.0.0.1-10.0.0.3}"],
    ),
    ("a whole block excepted", {"ingress": [{"from": [{"ipBlock": {"cidr": "::/0", "except": ["::/0"]}}]}]}, []),
]


@pytest.mark.parametrize(("spec", "expected"), [case[1:] for case in INGRESS], ids=[case[0] for case in INGRESS])
def test_ingress_rules(spec: JsonObject, expected: list[str]) -> None:
    rules = rules_of(*PODS, policy(**spec, policyTypes=["Ingress"]))
    assert admitted(rules, "policy/x/p/ingress") == expected
    assert "policy/x/p/egress" not in rules.chains


@pytest.mark.parametrize(
    ("peers", "expected"),
    [
        ([], f"ip daddr . tcp dport {{{A} . 8080, {B} . 9090, {OTHER} . 1}}"),
        ([{"podSelector": {}}], f"ip daddr . tcp dport {{{A} . 8080, {B} . 9090}}"),
        ([{"ipBlock": {"cidr": f"{OTHER}/32"}}], f"ip daddr . tcp dport {{{OTHER} . 1}}"),
    ],
    ids=["everyone", "pods", "block"],
)
def test_a_named_port_of_egress_is_the_peers(peers: list[JsonObject], expected: str) -> None:
    rules = rules_of(*PODS, policy(egress=[{"to": peers, "ports": [{"port": "http"}]}], policyTypes=["Egress"]))
    assert admitted(rules, "policy/x/p/egress") == [expected]


def test_an_isolated_pod_jumps_to_all_its_policies_and_drops() -> None:
    rules = rules_of(*PODS, policy("q"), policy("p"))
    assert rules.chains[f"pod/{A}/ingress"].rules == (
        f"ip saddr {A} return",
        "jump policy/x/p/ingress",
        "jump policy/x/q/ingress",
        "meta mark != 1 drop",
    )
    assert rules.chains[f"pod/{A}/egress"].rules == ()
    assert rules.chains[f"pod/{B}/ingress"].rules == ()


def test_policies_leave_the_maps_alone() -> None:
    before, after = rules_of(*PODS), rules_of(*PODS, policy())
    assert before.sets == after.sets
    assert before.chains["forward"] == after.chains["forward"]


@pytest.mark.parametrize(
    "absent",
    [
        pod("a", A, hostNetwork=True),
        pod("a", ""),
        {**pod("a", A), "status": {"podIPs": [{"ip": A}], "phase": "Succeeded"}},
    ],
    ids=["on the host's network", "without address", "finished"],
)
def test_pods_that_policies_do_not_apply_to(absent: JsonObject) -> None:
    rules = rules_of(absent, PODS[1], policy(podSelector={}, ingress=[{"from": [{"podSelector": {}}]}]))
    assert set(rules.sets["pods/ingress/ip"].elements) == {B}
    assert admitted(rules, "policy/x/p/ingress") == [f"ip saddr {{{B}}}"]


def test_equal_selections_share_a_set_whatever_the_order_of_their_values() -> None:
    def peer(*values: str) -> JsonObject:
        return {"podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": list(values)}]}}

    one = rules_of(*PODS, policy(ingress=[{"from": [peer("a", "b")]}]))
    two = rules_of(*PODS, policy(ingress=[{"from": [peer("b", "a")]}]))
    assert one == two


def test_a_set_keeps_its_name_when_its_members_change() -> None:
    peers = policy(ingress=[{"from": [{"podSelector": {}}]}])
    few, many = rules_of(PODS[0], peers), rules_of(*PODS, peers)
    assert few.chains["policy/x/p/ingress"] == many.chains["policy/x/p/ingress"]


def test_names_from_files_are_checked_before_nft_sees_them() -> None:
    evil = policy("p; } flush ruleset")
    names = [*rules_of(*PODS, evil).chains]
    assert not [name for name in names if ";" in name or " " in name]
    assert identifier("policy", "x" * 200) == f"policy/{digest('x' * 200)}"
    assert identifier("policy", "x", "y") != identifier("policy", "x/y".replace("/", " "))


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ({}, f"meta l4proto tcp dnat ip to numgen random mod 1 map {{ 0 : {A} . 80 }}"),
        (
            {"targetPort": "http", "protocol": "TCP"},
            f"meta l4proto tcp dnat ip to numgen random mod 1 map {{ 0 : {A} . 8080 }}",
        ),
        ({"targetPort": "nobody"}, "goto refused"),
    ],
    ids=["number", "name", "unknown name"],
)
def test_a_service_port_leads_to_its_endpoints(port: JsonObject, expected: str) -> None:
    rules = rules_of(*PODS, service(**port))
    assert rules.sets["service-ports/ip"].elements == {"10.96.0.5 . tcp . 80": "goto service-ip/x/s/tcp/80"}
    assert rules.chains["service-ip/x/s/tcp/80"].rules == (expected,)


def test_a_service_spreads_over_all_endpoints() -> None:
    twin = {**pod("twin", B), "metadata": {"namespace": "x", "name": "twin", "labels": {"app": "a"}}}
    [rule] = rules_of(PODS[0], twin, service()).chains["service-ip/x/s/tcp/80"].rules
    assert rule.endswith(f"mod 2 map {{ 0 : {A} . 80, 1 : {B} . 80 }}")


def test_an_unready_pod_is_not_an_endpoint() -> None:
    rules = ruleset(World.parse([*PODS, service()]), unready={NamespacedName("x", "a")})
    assert rules.chains["service-ip/x/s/tcp/80"].rules == ("goto refused",)


def test_a_node_port_goes_where_the_cluster_ip_goes() -> None:
    rules = rules_of(*PODS, service(nodePort=30080))
    assert rules.sets["node-ports/ip"].elements == {"tcp . 30080": "goto service-ip/x/s/tcp/80"}


def test_a_headless_service_has_no_translation() -> None:
    assert rules_of(*PODS, service("None")).sets["service-ports/ip"] == NamedSet(
        "ipv4_addr . inet_proto . inet_service : verdict"
    )


def test_an_invalid_address_is_refused() -> None:
    with pytest.raises(ValueError, match="drop"):
        rules_of(pod("a", "drop"), policy())
