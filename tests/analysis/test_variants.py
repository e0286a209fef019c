from collections.abc import Callable

from netpol_harness.analysis.variants import variants
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.scenario.scenario import Scenario

Shop = Callable[..., Scenario]
RICH = """shop/rich
  podSelector: {}
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        - namespaceSelector: {matchLabels: {team: back}}
          podSelector: {matchLabels: {app: db}}
        - ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}
      ports:
        - port: 8000
          endPort: 8080
        - {port: http, protocol: UDP}
  egress:
    - {}
"""


def test_every_part_is_dropped_or_weakened_once(shop: Shop) -> None:
    (manifest,) = shop(RICH.replace("\n  podSelector", " \n  podSelector")).steps[-1].policies
    parts = list(variants(manifest))
    assert [(variant.part, int(variant.where.rpartition(":")[2])) for variant in parts] == [
        ("policy rich", 1),
        ("policyTypes Egress of rich", 6),
        ("policyTypes Ingress of rich", 6),
        ("egress rule 1 of rich", 17),
        ("ingress rule 1 of rich", 8),
        ("'from' of ingress rule 1 of rich", 9),
        ("pods app=db in namespaces team=back in ingress rule 1 of rich", 9),
        ("namespaceSelector in ingress rule 1 of rich", 9),
        ("podSelector in ingress rule 1 of rich", 10),
        ("10.0.0.0/8 except 10.1.0.0/16 in ingress rule 1 of rich", 11),
        ("except 10.1.0.0/16 in ingress rule 1 of rich", 11),
        ("'ports' of ingress rule 1 of rich", 13),
        ("8000-8080/TCP in ingress rule 1 of rich", 13),
        ("endPort 8080 in ingress rule 1 of rich", 14),
        ("port http (UDP) in ingress rule 1 of rich", 15),
    ]
    assert len({variant.policy for variant in parts}) == len(parts)
    assert NetworkPolicy.parse(manifest.data) not in {variant.policy for variant in parts}


def test_selectors_lose_one_requirement_or_all(shop: Shop) -> None:
    selector = "{matchLabels: {app: web}, matchExpressions: [{key: tier, operator: Exists}]}"
    peers = f"[{{namespaceSelector: {{matchLabels: {{team: shop}}}}}}, {{podSelector: {selector}}}]"
    spec = f"shop/narrow {{podSelector: {selector}, ingress: [{{from: {peers}}}]}}"
    (manifest,) = shop(spec).steps[-1].policies
    parts = {variant.part: variant.policy for variant in variants(manifest)}
    assert [part for part in parts if "elector" in part] == [
        "podSelector of narrow",
        "app=web of podSelector of narrow",
        "tier of podSelector of narrow",
        "namespaceSelector in ingress rule 1 of narrow",
        "podSelector in ingress rule 1 of narrow",
        "app=web of podSelector in ingress rule 1 of narrow",
        "tier of podSelector in ingress rule 1 of narrow",
    ]
    without = parts["app=web of podSelector of narrow"]
    assert without is not None
    assert [requirement.key for requirement in without.subject.requirements] == ["tier"]
