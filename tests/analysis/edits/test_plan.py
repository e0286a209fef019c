"""Mistakes of policies, each with the sentence that names it and the lines that correct it."""

from collections.abc import Callable

import pytest

from netpol_harness.analysis.explain import explain
from netpol_harness.analysis.solve import Solution
from netpol_harness.scenario.scenario import Scenario

Shop = Callable[..., Scenario]
METADATA_NAME = "kubernetes.io/metadata.name"


def solutions(scenario: Scenario) -> tuple[Solution, ...]:
    step = scenario.steps[-1]
    return explain(scenario, step, step.expectations[0].path).solutions


def changes(solution: Solution) -> list[str]:
    """Return the lines that a solution changes, without their indentation."""
    lines = [line for edit in solution.plan.edits for hunk in edit.hunks for line in hunk.lines]
    return [f"{line[0]} {line[1:].strip()}" for line in lines if line[0] != " "]


def from_pods(labels: str) -> str:
    return f"[{{podSelector: {{matchLabels: {{{labels}}}}}}}]"


@pytest.mark.parametrize(
    ("policy", "path", "sentence", "lines"),
    [
        (
            f"back/db {{podSelector: {{}}, ingress: [{{from: {from_pods('app: web')}}}]}}",
            "web -> db:5432: allowed",
            "selects pods of its own namespace back, and web is in shop: add a namespaceSelector to the same peer",
            ["+ namespaceSelector:", "+ matchLabels:", f"+ {METADATA_NAME}: shop"],
        ),
        (
            "back/db {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: shp}}}]}]}",
            "web -> db:5432: allowed",
            "means all pods in namespaces team=shp, of which there are none; namespace shop has team=shop: write",
            ["- team: shp", "+ team: shop"],
        ),
        (
            "shop/web {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: idl}}}]}]}",
            "idle -> web:8080: allowed",
            "means pods app=idl of namespace shop, of which there are none; idle has app=idle: write pods app=idle",
            ["- app: idl", "+ app: idle"],
        ),
        (
            "shop/web {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {role: client}}}]}]}",
            "idle -> web:8080: allowed",
            "requires role=client, which pod idle lacks: add the label",
            ["+ role: client"],
        ),
        (
            f"shop/web {{podSelector: {{}}, ingress: [{{from: {from_pods('app: web')}, ports: [{{port: 8080}}]}}]}}",
            "idle -> web:8080: allowed",
            "means pods app=web of namespace shop, not idle: add a peer for it",
            ["+ - podSelector:", "+ matchLabels:", "+ app: idle"],
        ),
        (
            f"shop/web {{podSelector: {{}}, ingress: [{{from: {from_pods('app: web')}, ports: [{{port: 8080}}]}}]}}",
            "partner -> web:8080: allowed",
            "selects pods, and partner is not a pod: add an ipBlock for its address",
            ["+ - ipBlock:", "+ cidr: 203.0.113.7/32"],
        ),
        (
            "shop/web {podSelector: {}, ingress: [{from: [ipBlock: {cidr: 203.0.0.0/16, except: [203.0.113.0/24]}]}]}",
            "partner -> web:8080: allowed",
            "excepts 203.0.113.0/24, and partner is in it: remove it",
            ["- except:", "- - 203.0.113.0/24"],
        ),
        (
            "shop/web {podSelector: {}, ingress: [{ports: [{port: 8443}, {port: 9443}]}]}",
            "idle -> web:8080: allowed",
            "isolates web for ingress, and no rule admits its ingress from idle on 8080/TCP: add a rule",
            ["+ - from:", "+ - podSelector:", "+ matchLabels:", "+ app: idle", "+ ports:", "+ - port: 8080"],
        ),
        (
            "shop/web {podSelector: {}, ingress: [{from: [{podSelector: {}}], ports: [{port: 8443}]}]}",
            "idle -> web:8080: allowed",
            "lists 8443/TCP, not 8080/TCP: add it to its ports",
            ["+ - port: 8080"],
        ),
        (
            "shop/web {podSelector: {}, ingress: [{from: [{podSelector: {}}], ports: [{port: 8080, protocol: UDP}]}]}",
            "idle -> web:8080: allowed",
            "admits 8080/UDP, and the connection is to 8080/TCP: write protocol: TCP",
            ["- protocol: UDP", "+ protocol: TCP"],
        ),
        (
            "shop/web {podSelector: {}, ingress: [{from: [{podSelector: {}}], ports: [{port: web}]}]}",
            "idle -> web:8080: allowed",
            "names port web, which is not 8080/TCP at web: write 8080",
            ["- - port: web", "+ - port: 8080"],
        ),
        (
            "shop/web {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 53, protocol: UDP}]}, {to: "
            "[{podSelector: {matchLabels: {app: web}}}], ports: [{port: 80}]}]}",
            "'idle -> ip(front):80': allowed",
            "rule 2 (policy.yaml:4) of web names 80, the Service's port, but policies apply to the pod's own: write",
            ["- - port: 80", "+ - port: 8080"],
        ),
        (
            "back/db {podSelector: {matchLabels: {app: dbs}}, ingress: []}",
            "web -> db:5432: blocked",
            "back/db (policy.yaml:1) selects pods app=dbs, and there are none: select app=db",
            ["- app: dbs", "+ app: db"],
        ),
        (
            "shop/db {podSelector: {matchLabels: {app: db}}, ingress: []}",
            "web -> db:5432: blocked",
            "shop/db (policy.yaml:1) is in namespace shop, where it selects no pod: write namespace: back",
            ["- namespace: shop", "+ namespace: back"],
        ),
        (
            "back/db {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}",
            "web -> db:5432: blocked",
            "means pods of all namespaces: without its namespaceSelector it means those of back alone",
            ["- - namespaceSelector: {}", "+ - podSelector: {}"],
        ),
        (
            "shop/web {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]}",
            "partner -> web:8080: blocked",
            "admits 203.0.113.0/24, and partner is in it: except its address",
            ["+ except:", "+ - 203.0.113.7/32"],
        ),
        (
            "shop/web {podSelector: {}, ingress: [{from: [{podSelector: {}}], ports: [{port: 8080}, {port: 8081}]}]}",
            "idle -> web:8080: blocked",
            "admits 8080/TCP: remove this port",
            ["- - port: 8080"],
        ),
    ],
)
def test_a_mistake_has_a_sentence_and_an_edit(
    shop: Shop, policy: str, path: str, sentence: str, lines: list[str]
) -> None:
    first, *_ = solutions(shop(policy, paths=path))
    assert sentence in first.plan.sentences[0]
    assert changes(first) == lines


DNS = "{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}"


@pytest.mark.parametrize(
    ("rule", "sentence", "lines"),
    [
        (
            f"{{to: {from_pods('k8s-app: kube-dns')}, ports: [{{port: 53, protocol: UDP}}]}}",
            "selects pods of its own namespace shop, and kube-system/kube-dns is in kube-system: add a namespace",
            ["+ namespaceSelector:", "+ matchLabels:", f"+ {METADATA_NAME}: kube-system", "+ - port: 53"],
        ),
        (
            f"{{to: [{DNS}], ports: [{{port: 53}}]}}",
            "lists 53/TCP, not 53/UDP, by which names are looked up: add it to its ports",
            ["+ - port: 53", "+ protocol: UDP"],
        ),
        (
            "{to: [{ipBlock: {cidr: 10.96.0.10/32}}], ports: [{port: 53, protocol: UDP}]}",
            "has the ipBlock 10.96.0.10/32, and plugins differ on whether ipBlocks mean pods; if it is the address of",
            [
                *("- - ipBlock:", "- cidr: 10.96.0.10/32", "+ - namespaceSelector:", "+ matchLabels:"),
                *(f"+ {METADATA_NAME}: kube-system", "+ podSelector:", "+ matchLabels:", "+ k8s-app: kube-dns"),
                "+ - port: 53",
            ],
        ),
        (
            f"{{to: [{DNS}], ports: [{{port: name-server, protocol: UDP}}]}}",
            "names port name-server, which is not 53/UDP at kube-system/kube-dns: write 53",
            ["- - port: name-server", "+ - port: 53", "+ - port: 53"],
        ),
        (
            "{ports: [{port: 5432}]}",
            "forget the name server kube-system/kube-dns on 53/UDP and 53/TCP: add a rule",
            [
                *("+ - to:", "+ - namespaceSelector:", "+ matchLabels:", f"+ {METADATA_NAME}: kube-system"),
                *("+ podSelector:", "+ matchLabels:", "+ k8s-app: kube-dns"),
                *("+ ports:", "+ - port: 53", "+ protocol: UDP", "+ - port: 53"),
            ],
        ),
    ],
)
def test_each_way_to_miss_the_name_server_has_its_own_edit(
    shop: Shop, rule: str, sentence: str, lines: list[str]
) -> None:
    servers = "{to: [{namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}]}"
    policy = f"shop/web {{podSelector: {{}}, policyTypes: [Egress], egress: [{servers}, {rule}]}}"
    first, *_ = solutions(shop(policy, paths="web -> store:5432: allowed"))
    assert sentence in first.plan.sentences[0]
    assert changes(first) == lines


OPENSHIFT = "dns: {namespace: openshift-dns, service: dns-default, labels: {dns: default}, port: 5353}"


@pytest.mark.parametrize(
    ("server", "rule", "sentence", "lines"),
    [
        (
            OPENSHIFT,
            f"{{to: [{DNS}], ports: [{{port: 53, protocol: UDP}}]}}",
            "means pods k8s-app=kube-dns in all namespaces, of which there are none; openshift-dns/dns-default has no",
            ["- k8s-app: kube-dns", "+ dns: default", "- - port: 53", "+ - port: 5353", "+ - port: 5353"],
        ),
        (
            OPENSHIFT,
            "{to: [{namespaceSelector: {}}], ports: [{port: 53, protocol: UDP}]}",
            "names 53, the Service's port, but policies apply to the pod's own: write 5353",
            ["- - port: 53", "+ - port: 5353", "+ - port: 5353"],
        ),
        (
            "dns: {address: 192.0.2.53}",
            f"{{to: [{DNS}], ports: [{{port: 53, protocol: UDP}}, {{port: 53}}]}}",
            "selects pods, and 192.0.2.53 is not a pod: add an ipBlock for its address",
            ["+ - ipBlock:", "+ cidr: 192.0.2.53/32"],
        ),
    ],
)
def test_the_name_server_of_the_cluster_is_meant(
    shop: Shop, server: str, rule: str, sentence: str, lines: list[str]
) -> None:
    servers = "{to: [{namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}]}"
    policy = f"shop/web {{podSelector: {{}}, policyTypes: [Egress], egress: [{servers}, {rule}]}}"
    first, *_ = solutions(shop(policy, paths="web -> store:5432: allowed", extra=server))
    assert sentence in first.plan.sentences[0]
    assert changes(first) == lines


def test_look_ups_by_udp_alone_are_noted(shop: Shop) -> None:
    rule = f"{{to: [{DNS}], ports: [{{port: dns, protocol: UDP}}]}}"
    servers = "{to: [{namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}]}"
    policy = f"shop/web {{podSelector: {{}}, policyTypes: [Egress], egress: [{servers}, {rule}]}}"
    (only,) = solutions(shop(policy, paths="web -> store:5432: allowed"))
    assert (only.label, only.state) == ("note", "large answers arrive too")
    assert "lists port dns (UDP), not 53/TCP, by which large answers are looked up" in only.plan.sentences[0]
    assert changes(only) == ["+ - port: 53"]


def test_both_sides_of_a_connection_are_opened_together(shop: Shop) -> None:
    policies = (
        f"shop/web {{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: {from_pods('app: db')}}}]}}",
        "back/db {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}",
    )
    first, *_ = solutions(shop(*policies, paths="web -> db:5432: allowed"))
    assert [edit.name.ref.name for edit in first.plan.edits] == ["web", "db"]
    assert len(first.plan.sentences) == 2


def test_a_default_deny_stays_as_it_is_and_a_policy_is_added(shop: Shop) -> None:
    deny = "shop/deny {podSelector: {}, policyTypes: [Ingress, Egress]}"
    first, *_ = solutions(shop(deny, "shop/in {podSelector: {}, ingress: [{}]}", paths="idle -> web:8080: allowed"))
    assert (
        "shop/deny (policy.yaml:1) isolates idle for egress, and no rule admits its egress to web on 8080/TCP"
        in (first.plan.sentences[0])
    )
    (edit,) = first.plan.edits
    assert (edit.before, str(edit.name)) == (None, "NetworkPolicy shop/idle-egress")
    assert edit.after["spec"] == {
        "podSelector": {"matchLabels": {"app": "idle"}},
        "policyTypes": ["Egress"],
        "egress": [{"to": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 8080}]}],
    }


def test_all_rules_that_admit_have_to_change(shop: Shop) -> None:
    one, two = (f"shop/{name} {{podSelector: {{}}, ingress: [{{}}, {{ports: [{{port: 1}}]}}]}}" for name in ("a", "b"))
    first, *_ = solutions(shop(one, two, paths="idle -> web:8080: blocked"))
    assert sorted(edit.name.ref.name for edit in first.plan.edits) == ["a", "b"]


OPEN = "shop/web {podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {}}]}]}"


def test_an_edit_that_would_break_another_path_comes_after_one_that_does_not(shop: Shop) -> None:
    (only,) = solutions(shop(OPEN, paths="idle -> web:8080: blocked, db -> web:8080: allowed"))
    assert only.plan.harms == ()
    assert only.plan.sentences == ("no policy isolates idle for egress: add one that does",)


def test_what_an_edit_would_break_is_said(shop: Shop) -> None:
    paths = "idle -> web:8080: blocked, db -> web:8080: allowed, idle -> db:5432: allowed"
    scenario = shop(OPEN, paths=paths)
    step = scenario.steps[-1]
    advice = explain(scenario, step, step.expectations[0].path).advice
    assert [line.text for line in advice if line.label == "but"] == [
        "then db -> web:8080 is not allowed any more, as scenario.yaml:12 expects"
    ]


def test_only_what_has_no_effect_is_named_for_a_denial_that_is_expected(shop: Shop) -> None:
    inert = f"back/db {{podSelector: {{}}, ingress: [{{from: {from_pods('app: web')}}}]}}"
    (only,) = solutions(shop(inert, paths="web -> db:5432: blocked"))
    assert only.state == "allowed"
    meant = f"back/db {{podSelector: {{}}, ingress: [{{from: {from_pods('app: api')}}}]}}"
    assert solutions(shop(meant, paths="web -> db:5432: blocked")) == ()


def test_a_representative_of_a_peer_is_no_pod_that_the_author_meant(shop: Shop) -> None:
    inert = f"back/db {{podSelector: {{}}, ingress: [{{from: {from_pods('app: web')}}}]}}"
    first, *_ = solutions(shop(inert, paths="web -> db:5432: allowed", extra="    strangers: true"))
    assert changes(first) == ["+ namespaceSelector:", "+ matchLabels:", f"+ {METADATA_NAME}: shop"]
