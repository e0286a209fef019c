"""Parts of policies that match nothing, each with its note and with a policy whose part matches."""

from collections.abc import Callable

import pytest

from netpol_harness.analysis.notes.all_notes import notes_on
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

Shop = Callable[..., Scenario]


def texts(scenario: Scenario) -> list[str]:
    return [note.text for note in notes_on(scenario)]


def ingress(rule: str) -> str:
    return f"shop/p {{podSelector: {{}}, ingress: [{rule}]}}"


def egress(rule: str) -> str:
    return f"shop/p {{podSelector: {{}}, policyTypes: [Egress], egress: [{rule}]}}"


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (
            "shop/p {podSelector: {matchLabels: {app: wbe}}, ingress: [{from: [podSelector: {matchLabels: {a: b}}]}]}",
            "policy p selects no pod: no pod of shop has app=wbe; web has app=web",
        ),
        (
            "shop/p {podSelector: {matchLabels: {app: db}}}",
            "policy p selects no pod: pods of back have app=db, and a policy selects in its own namespace",
        ),
        (
            "back/p {podSelector: {matchLabels: {chart: api}}}",
            "policy p selects no pod: no pod of back has chart=api; api has app=api",
        ),
        (
            ingress("{from: [{podSelector: {matchLabels: {app: db}}}]}"),
            "ingress rule 1 of p means pods app=db of namespace shop, of which there are none: pods of back have"
            " app=db; add a namespaceSelector to the same peer",
        ),
        (
            ingress("{from: [{namespaceSelector: {matchLabels: {name: back}}}]}"),
            "ingress rule 1 of p means all pods in namespaces name=back, of which there are none: no namespace has"
            " name=back; back has kubernetes.io/metadata.name=back",
        ),
        (
            egress("{to: [{namespaceSelector: {matchLabels: {team: shop}}, podSelector: {matchLabels: {app: db}}}]}"),
            "egress rule 1 of p means pods app=db in namespaces team=shop, of which there are none: no pod of shop has"
            " app=db",
        ),
        (
            ingress("{ports: [{port: htpp}]}"),
            "ingress rule 1 of p names port htpp (TCP), which no pod that it leads to declares; they declare http"
            " (9000/TCP) and http (8080/TCP)",
        ),
        (
            egress(
                "{to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: dns}]}"
            ),
            "egress rule 1 of p names port dns (TCP), and the pods declare it as 53/UDP: write its protocol",
        ),
    ],
)
def test_a_part_that_matches_nothing_has_a_note(shop: Shop, policy: str, text: str) -> None:
    assert texts(shop(policy)) == [text]


@pytest.mark.parametrize(
    "policy",
    [
        "shop/p {podSelector: {}}",
        ingress("{from: [{podSelector: {}}, {namespaceSelector: {matchLabels: {team: shop}}}], ports: [{port: http}]}"),
        ingress("{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}"),
        egress("{to: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: https}]}"),
        egress("{to: [{namespaceSelector: {}}], ports: [{port: dns, protocol: UDP}]}"),
    ],
)
def test_what_matches_something_has_no_note(shop: Shop, policy: str) -> None:
    assert texts(shop(policy)) == []


def test_a_note_has_the_place_of_its_part(shop: Shop) -> None:
    (note,) = notes_on(
        shop("shop/p \n  podSelector: {}\n  ingress:\n  - from:\n    - podSelector: {matchLabels: {app: x}}")
    )
    assert (note.where, note.namespaces) == ("policy.yaml:8", frozenset({"shop"}))


def test_labels_of_a_controller_are_not_those_of_its_pods(shop: Shop) -> None:
    scenario = shop("back/p {podSelector: {matchLabels: {chart: api}}}")
    assert len(texts(scenario)) == 1
    file = scenario.file.parent / "workloads.yaml"
    file.write_text(
        file.read_text().replace("{name: api, namespace: back}", "{name: api, namespace: back, labels: {chart: api}}")
    )
    assert texts(load(scenario.file)) == [
        "policy p selects no pod: Deployment api itself has chart=api, but the labels of its pods are app=api"
    ]


def test_what_matches_in_one_step_is_meant(shop: Shop) -> None:
    policy = "shop/p {podSelector: {matchLabels: {role: x}}}"
    step = "{name: last, policies: [policy.yaml], labels: {pods: {web: {role: x}}}, paths: {idle -> web:8080: blocked}}"
    relabelled = f"  - {step}"
    assert texts(shop(policy, extra=relabelled)) == []
    assert len(texts(shop(policy, extra=relabelled.replace("role: x}}}", "role: y}}}")))) == 1


def test_representatives_of_a_peer_do_not_make_it_match(shop: Shop) -> None:
    policy = ingress("{from: [{podSelector: {matchLabels: {app: nobody}}}]}")
    assert texts(shop(policy, extra="    strangers: true")) == texts(shop(policy)) != []
