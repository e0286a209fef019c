"""Typical mistakes, each with the sentence that names it and with a policy that does not make it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from netpol_harness.analysis.explain import explain
from netpol_harness.analysis.predict import Predictor
from netpol_harness.oracle.points import SPECIFICATION
from netpol_harness.oracle.profiles import CALICO
from netpol_harness.paths.outcome import Expected
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario
from netpol_harness.scenario.unused_policies import unused_policies

Shop = Callable[..., Scenario]
WEB_POD = "podSelector: {matchLabels: {app: web}}"
SHOP_SPACE = "namespaceSelector: {matchLabels: {team: shop}}"


def causes(scenario: Scenario) -> str:
    step = scenario.steps[-1]
    lines = explain(scenario, step, step.expectations[0].path, unused=unused_policies(scenario)).advice
    return "\n".join(line.text for line in lines if line.label in ("cause", "or", "and"))


@pytest.mark.parametrize(
    ("policy", "path", "sentence"),
    [
        (
            "back/db {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {name: shop}}}]}]}",
            "web -> db:5432: allowed",
            "requires name=shop, which namespace shop lacks: add the label",
        ),
        (
            f"back/db {{podSelector: {{}}, ingress: [{{from: [{{{SHOP_SPACE}, {WEB_POD}}}]}}]}}",
            "idle -> db:5432: allowed",
            "has both selectors in one peer, and both must match",
        ),
        (
            f"back/db {{podSelector: {{}}, ingress: [{{from: [{{{SHOP_SPACE}}}, {{{WEB_POD}}}]}}]}}",
            "idle -> db:5432: blocked",
            "two selectors as two peers, of which either is enough",
        ),
        (
            f"back/db {{podSelector: {{}}, ingress: [{{from: [{{{SHOP_SPACE}, {WEB_POD}}}]}}, "
            "{ports: [{port: 5432}]}]}",
            "idle -> db:5432: blocked",
            "hold the peers and the ports separately",
        ),
        (
            "shop/web {podSelector: {}, ingress: [{ports: [{port: 80}]}]}",
            "'db -> ip(front):80': allowed",
            "names 80, the Service's port, but policies apply to the pod's own: write 8080",
        ),
        (
            "back/db {podSelector: {}, egress: [{}]}",
            "web -> db:5432: allowed",
            "has no policyTypes, and therefore isolates for ingress too: write policyTypes: [Egress]",
        ),
        (
            "back/db {podSelector: {}, policyTypes: [Ingress], egress: [{ports: [{port: 1}]}]}",
            "db -> web:8080: blocked",
            "has egress rules without effect, since its policyTypes lack Egress",
        ),
        (
            "back/db {podSelector: {}, policyTypes: [Ingress]}",
            "db -> web:8080: blocked",
            "does not isolate for egress, since its policyTypes lack Egress",
        ),
        (
            "back/db {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}",
            "web -> db:5432: allowed",
            "an ipBlock is for hosts outside the cluster",
        ),
        (
            "shop/web {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]}",
            "user -> web:8080: allowed",
            "user has no address before there is a cluster: give it one under 'external'",
        ),
        (
            "shop/web {podSelector: {}, policyTypes: [Egress]}",
            "web -> store:5432: unresolved",
            "the egress rules of shop/web (policy.yaml:1) forget the name server kube-system/kube-dns on 53/UDP and",
        ),
    ],
)
def test_a_mistake_is_named(shop: Shop, policy: str, path: str, sentence: str) -> None:
    assert sentence in causes(shop(policy, paths=path))


LEGACY = """---
{apiVersion: v1, kind: Service, metadata: {name: legacy, namespace: shop}, spec: {ports: [{port: 5432}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, ports: [{port: 5432}],
 metadata: {name: legacy-1, namespace: shop, labels: {kubernetes.io/service-name: legacy}},
 endpoints: [{addresses: [203.0.113.7]}]}
"""


def test_an_ip_block_behind_a_service_that_leads_outside_is_open_without_a_plugin(shop: Shop, tmp_path: Path) -> None:
    """Source: kubernetes.io/docs/concepts/services-networking/network-policies, "ipBlock": it may or may not apply."""
    rules = "egress: [{ports: [{port: 53, protocol: UDP}]}, {to: [{ipBlock: {cidr: 203.0.113.7/32}}]}]"
    shop(f"shop/web {{{WEB_POD}, policyTypes: [Egress], {rules}}}")
    workloads, file = tmp_path / "workloads.yaml", tmp_path / "scenario.yaml"
    workloads.write_text(workloads.read_text() + LEGACY)
    file.write_text(file.read_text().replace("web -> store:5432: undefined", "web -> legacy:5432: allowed"))
    scenario = load(file)
    assert "connect to that address, or choose the plugin by --profile" in causes(scenario)
    assert "select the pods behind it" not in causes(scenario)
    step = scenario.steps[-1]
    verdicts = [Predictor(scenario, step, profile).verdict(step.paths[0]) for profile in (SPECIFICATION, CALICO)]
    assert verdicts == [Expected.UNDEFINED, Expected.ALLOWED]


def test_a_rule_that_opens_what_a_default_deny_closes_is_named(shop: Shop) -> None:
    deny, admit = "shop/deny {podSelector: {}}", "shop/admit {podSelector: {}, ingress: [{}]}"
    text = causes(shop(deny, admit, paths="idle -> web:8080: blocked"))
    assert (
        "shop/deny (policy.yaml:1) alone would deny this ingress of web, but policies add up: blocked would need the"
        " only rule (policy.yaml:9) of admit to change"
    ) in text


REPLY = (
    "shop/reply {podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{podSelector: {}}]}]}"
)


def test_a_rule_for_replies_is_needless(shop: Shop) -> None:
    deny = "shop/deny {podSelector: {matchLabels: {app: idle}}, policyTypes: [Egress]}"
    text = causes(shop(deny, REPLY, paths="idle -> web:8080: allowed"))
    assert (
        "the only rule (policy.yaml:9) of reply is for connections that web opens to idle: the replies of a connection"
        " need no rule, and no path of this step needs this one"
    ) in text


def test_a_rule_of_the_reverse_direction_that_a_path_needs_is_not_needless(shop: Shop) -> None:
    deny = "shop/deny {podSelector: {matchLabels: {app: idle}}, policyTypes: [Egress]}"
    text = causes(shop(deny, REPLY, paths="idle -> web:8080: allowed, web -> idle:9000: allowed"))
    assert "isolates idle for egress" in text
    assert "replies" not in text


@pytest.mark.parametrize(
    ("policy", "path"),
    [
        ("back/db {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}", "web -> db:5432: allowed"),
        (
            f"back/db {{podSelector: {{}}, ingress: [{{from: [{{{SHOP_SPACE}, {WEB_POD}}}]}}]}}",
            "idle -> db:5432: blocked",
        ),
        ("back/db {podSelector: {}, policyTypes: [Ingress]}", "db -> web:8080: allowed"),
        ("back/db {podSelector: {}, egress: [{}]}", "web -> db:5432: dropped"),
    ],
)
def test_a_verdict_that_the_author_expects_has_no_causes(shop: Shop, policy: str, path: str) -> None:
    assert causes(shop(policy, paths=path)) == ""


def test_a_policy_that_no_step_names_is_found(shop: Shop, tmp_path: Path) -> None:
    scenario = shop(paths="web -> db:5432: blocked")
    head = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
    (tmp_path / "unused").mkdir()
    body = "metadata: {name: late, namespace: back}\nspec: {podSelector: {}}\n"
    (tmp_path / "unused" / "late.yml").write_text(head + body)
    text = "late (unused/late.yml:1) isolates db for ingress, and is not in force in this step: with it, this would"
    assert f"{text} be blocked" in causes(scenario)


def test_a_policy_of_another_step_that_would_admit_is_found(shop: Shop) -> None:
    extra = "  - {name: last, policies: [policy.yaml], paths: {web -> db:5432: blocked}}"
    admit = "back/admit {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}"
    scenario = shop("back/none {podSelector: {}}", admit, extra=extra)
    closed = scenario.steps[1]
    assert [policy.name.ref.name for policy in closed.policies] == ["none", "admit"]
    path = scenario.steps[-1].expectations[0].path
    only_none = replace(closed, policies=closed.policies[:1])
    (cause,) = explain(scenario, only_none, path).advice
    assert cause.text == "admit (policy.yaml:6) is not in force in this step: with it, this would be allowed"


def test_another_version_of_a_policy_in_force_is_named_as_such(shop: Shop, tmp_path: Path) -> None:
    scenario = shop("back/db {podSelector: {}}", paths="web -> db:5432: allowed")
    other = (tmp_path / "policy.yaml").read_text().replace("podSelector: {}", "podSelector: {}, ingress: [{}]")
    (tmp_path / "other.yaml").write_text(other)
    text = "there is another db at other.yaml:1, which is not in force in this step: with it, this would be allowed"
    assert causes(scenario).splitlines()[-1] == text
