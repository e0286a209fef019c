"""Notes on ClusterNetworkPolicies: parts that match nothing, open orders and rules that are never reached."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netpol_harness.analysis.notes.all_notes import notes_on
from netpol_harness.analysis.notes.note import Note
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

Shop = Callable[..., Scenario]
SHOP = "{namespaces: {matchLabels: {team: shop}}}"
OFFICE = "{namespaces: {matchLabels: {kubernetes.io/metadata.name: back}}}"
EVERYWHERE = "{namespaces: {}}"
API = "{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: api}}}}"


def policy(rules: str = "", *, name: str = "p", subject: str = SHOP, priority: int = 5, tier: str = "Admin") -> str:
    head = "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy"
    rank = f"tier: {tier}, priority: {priority}"
    return f"{head}\nmetadata: {{name: {name}}}\nspec: {{{rank}, subject: {subject}{rules and ', ' + rules}}}\n"


def egress(*rules: str) -> str:
    return f"egress: [{', '.join(rules)}]"


def rule(action: str, *peers: str, protocols: str = "", name: str = "") -> str:
    fields = f"{name and f'name: {name}, '}action: {action}, to: [{', '.join(peers)}]"
    return f"{{{fields}{protocols and f', protocols: [{protocols}]'}}}"


def tcp(number: int) -> str:
    return f"{{tcp: {{destinationPort: {{number: {number}}}}}}}"


def between(first: int, last: int) -> str:
    return f"{{tcp: {{destinationPort: {{range: {{start: {first}, end: {last}}}}}}}}}"


def networks(*blocks: str) -> str:
    return f"{{networks: [{', '.join(blocks)}]}}"


def notes(scenario: Scenario, *policies: str) -> list[Note]:
    """Return the notes on the scenario with these policies in place of its own."""
    (scenario.file.parent / "policy.yaml").write_text("---\n".join(policies))
    scenario.file.write_text(f"exclusive: true\n{scenario.file.read_text()}")
    return [*notes_on(load(scenario.file))]


def noted(shop: Shop, *policies: str) -> list[str]:
    return [note.text for note in notes(shop(), *policies)]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (
            policy(subject="{namespaces: {matchLabels: {team: shpo}}}"),
            "policy p selects no pod: no namespace has team=shpo; shop has team=shop",
        ),
        (
            policy(subject="{pods: {podSelector: {matchLabels: {app: wbe}}}}"),
            "policy p selects no pod: no pod has app=wbe; web has app=web",
        ),
        (
            policy(
                egress(rule("Deny", "{pods: {namespaceSelector: {matchLabels: {team: shop}}, podSelector: "
                "{matchLabels: {app: db}}}}"))
            ),
            "egress rule 1 of p means pods app=db in namespaces team=shop, of which there are none: no pod of shop has"
            " app=db",
        ),
        (
            policy(egress(rule("Accept", SHOP, protocols="{destinationNamedPort: htpp}", name="typo"))),
            "egress rule 1 'typo' of p names port htpp, which no pod that it leads to declares; they declare http"
            " (9000/TCP) and http (8080/TCP)",
        ),
        (
            policy("ingress: [{action: Deny, from: [{namespaces: {}}], protocols: [{destinationNamedPort: dns}]}]"),
            "ingress rule 1 of p names port dns, which no pod that it leads to declares; they declare http (9000/TCP)"
            " and http (8080/TCP)",
        ),
    ],
)  # fmt: skip
def test_a_part_that_matches_nothing_has_a_note(shop: Shop, written: str, text: str) -> None:
    assert noted(shop, written) == [text]


@pytest.mark.parametrize(
    "written",
    [
        policy(),
        policy(egress(rule("Deny", SHOP, OFFICE, networks("203.0.113.0/24")))),
        policy(egress(rule("Accept", SHOP, protocols="{destinationNamedPort: http}"))),
        policy(egress(rule("Accept", "{nodes: {matchLabels: {a: b}}}", "{domainNames: [example.org]}"))),
    ],
)
def test_what_matches_something_or_is_outside_the_scenario_has_no_note(shop: Shop, written: str) -> None:
    assert noted(shop, written) == []


def test_pods_on_a_nodes_network_are_not_selected(shop: Shop) -> None:
    scenario = shop()
    file = scenario.file.parent / "workloads.yaml"
    file.write_text(file.read_text().replace("spec: {containers", "spec: {hostNetwork: true, containers", 1))
    subject = "{pods: {podSelector: {matchLabels: {app: web}}}}"
    (note,) = notes(scenario, policy(subject=subject))
    assert "on the networks of their nodes" in note.text


def test_two_policies_of_one_rank_that_differ_have_a_note(shop: Shop) -> None:
    deny = policy(egress(rule("Deny", OFFICE)), name="deny")
    accept = policy(egress(rule("Accept", OFFICE)), name="accept", subject=EVERYWHERE)
    (text,) = noted(shop, deny, accept)
    assert text == (
        "policies deny and accept have the Admin tier and priority 5, and both select shop/idle and shop/web: the API"
        " leaves open which of them goes first"
    )


@pytest.mark.parametrize(
    "other",
    [
        policy(egress(rule("Accept", SHOP)), name="other", priority=6),
        policy(egress(rule("Accept", OFFICE)), name="other", tier="Baseline"),
        policy(egress(rule("Accept", OFFICE)), name="other", subject=OFFICE),
        policy(egress(rule("Deny", SHOP)), name="other"),
        policy("ingress: [{action: Accept, from: [{namespaces: {}}]}]", name="other"),
    ],
)
def test_two_policies_whose_order_does_not_matter_have_none(shop: Shop, other: str) -> None:
    assert noted(shop, policy(egress(rule("Deny", OFFICE))), other) == []


@pytest.mark.parametrize(
    ("rules", "covering"),
    [
        ([rule("Deny", OFFICE), rule("Accept", OFFICE, protocols=tcp(80))], "rule 1 before it covers it"),
        ([rule("Deny", EVERYWHERE), rule("Accept", API)], "rule 1 before it covers it"),
        (
            [rule("Deny", EVERYWHERE, protocols=between(1, 99)), rule("Pass", API, protocols=tcp(80))],
            "rule 1 before it covers it",
        ),
        ([rule("Deny", networks("10.0.0.0/8")), rule("Accept", networks("10.1.0.0/16"))], "rule 1 before it covers it"),
        (
            [rule("Deny", OFFICE), rule("Pass", SHOP), rule("Accept", SHOP, OFFICE)],
            "rules 1 and 2 before it cover it",
        ),
    ],
)
def test_a_rule_that_earlier_ones_cover_is_never_reached(shop: Shop, rules: list[str], covering: str) -> None:
    text = f"egress rule {len(rules)} of p is never reached: {covering}"
    assert noted(shop, policy(egress(*rules))) == [text]


@pytest.mark.parametrize(
    "rules",
    [
        [rule("Accept", API), rule("Deny", EVERYWHERE)],
        [rule("Accept", OFFICE, protocols=tcp(80)), rule("Deny", OFFICE)],
        [rule("Accept", OFFICE, protocols=between(1, 79)), rule("Deny", OFFICE, protocols=between(1, 80))],
        [rule("Deny", networks("10.0.0.0/8")), rule("Accept", networks("10.1.0.0/16", "11.0.0.0/8"))],
        [rule("Deny", networks("0.0.0.0/0")), rule("Accept", networks("'::/0'"))],
        [rule("Accept", OFFICE, "{nodes: {}}"), rule("Deny", OFFICE)],  # the first may fail closed
        [rule("Accept", "{domainNames: [example.org]}"), rule("Accept", "{domainNames: [example.org]}")],
    ],
)
def test_a_rule_that_may_be_reached_has_no_note(shop: Shop, rules: list[str]) -> None:
    assert noted(shop, policy(egress(*rules))) == []


def test_rules_of_one_policy_that_are_never_reached_have_one_note(shop: Shop) -> None:
    rules = [rule("Deny", EVERYWHERE), rule("Accept", API), rule("Deny", API), rule("Pass", SHOP, name="own")]
    text = "egress rules 2 and 4 'own' of p are never reached: rule 1 before them covers them"
    assert noted(shop, policy(egress(*rules))) == [text]


def test_a_rule_that_is_reached_at_another_place_in_another_step_has_no_note(shop: Shop) -> None:
    rules = [rule("Deny", EVERYWHERE), rule("Accept", API, name="first")]
    scenario = shop()
    (scenario.file.parent / "again.yaml").write_text(policy(egress(*reversed(rules))))
    step = "  - {name: again, policies: [again.yaml], paths: {web -> store:5432: undefined}}\n"
    scenario.file.write_text(f"{scenario.file.read_text().rstrip()}\n{step}")
    assert notes(scenario, policy(egress(*rules))) == []


def test_a_rule_is_never_reached_if_a_policy_that_goes_first_covers_it(shop: Shop) -> None:
    first = policy(egress(rule("Deny", EVERYWHERE)), name="first", subject=EVERYWHERE)
    (text,) = noted(shop, first, policy(egress(rule("Accept", OFFICE)), priority=6))
    assert text == (
        "egress rule 1 of p is never reached: rule 1 (policy.yaml:4) of first, which goes first (priority 5), covers it"
    )


@pytest.mark.parametrize(
    "first",
    [
        policy(egress(rule("Deny", EVERYWHERE)), name="first", subject=API),
        policy(egress(rule("Deny", SHOP)), name="first", subject=EVERYWHERE),
        policy(egress(rule("Accept", EVERYWHERE)), name="first", subject=EVERYWHERE),
        policy(egress(rule("Deny", EVERYWHERE)), name="first", subject=EVERYWHERE, tier="Baseline"),
        policy("ingress: [{action: Deny, from: [{namespaces: {}}]}]", name="first", subject=EVERYWHERE),
    ],
)
def test_a_policy_that_goes_first_for_others_or_does_the_same_covers_nothing(shop: Shop, first: str) -> None:
    assert noted(shop, first, policy(egress(rule("Accept", OFFICE)), priority=6)) == []


@pytest.mark.parametrize(
    ("listed", "text"),
    [
        ("api.example.com", ""),
        ("'*.example.com'", ""),
        ("api.exmaple.com", "means api.exmaple.com, which is no name of the scenario; the nearest is api.example.com"),
        (
            "'*.api.example.com'",
            "means *.api.example.com, which is no name of the scenario: a wildcard does not mean api.example.com"
            " itself",
        ),
        ("example.com", "means example.com, which is no name of the scenario; the nearest is api.example.com"),
        ("other.org", "means other.org, which is no name of the scenario"),
    ],
)
def test_a_domain_name_that_the_scenario_lacks_has_a_note(shop: Shop, listed: str, text: str) -> None:
    scenario = shop()
    scenario.file.write_text(f"names: {{api.example.com: [partner]}}\n{scenario.file.read_text()}")
    found = notes(scenario, policy(egress(rule("Accept", f"{{domainNames: [{listed}]}}"))))
    assert [note.text for note in found] == ([f"egress rule 1 of p {text}"] if text else [])


def test_rules_with_the_same_peer_share_the_note_that_it_means_nothing(shop: Shop) -> None:
    nobody = "{namespaces: {matchLabels: {team: nobody}}}"
    (text,) = noted(shop, policy(egress(rule("Deny", nobody, SHOP), rule("Accept", nobody))))
    assert text.startswith("egress rules 1 and 2 of p mean all pods in namespaces team=nobody, of which there are none")


def test_a_note_has_its_place_and_the_namespaces_of_the_subject(shop: Shop) -> None:
    deny_then_pass = f"\n  egress: [{rule('Deny', EVERYWHERE)},\n    {rule('Pass', EVERYWHERE)}]"
    (note,) = notes(shop(), policy(deny_then_pass))
    assert (Path(note.where).name, note.namespaces) == ("policy.yaml:6", frozenset({"shop"}))
