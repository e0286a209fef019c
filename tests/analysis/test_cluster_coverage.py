"""Parts of ClusterNetworkPolicies that no path would miss."""

from pathlib import Path

import pytest

from netpol_harness.analysis.coverage import Coverage, coverage
from netpol_harness.analysis.gap_reasons import GapKind
from netpol_harness.scenario.load import load

WORKLOADS = "---".join(
    f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec: {{containers: [{{name: main, image: stand-in, ports: [{{containerPort: 80}}, {{containerPort: 81}}]}}]}}
"""
    for name in ("web", "job", "guest")
)
POLICY = """
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: tier}
spec:
  tier: Admin
  priority: 5
  subject: {pods: {podSelector: {matchLabels: {app: web}}}}
  ingress:
    - action: Accept
      from: [{pods: {podSelector: {matchLabels: {app: job}}}}]
      protocols: [{tcp: {destinationPort: {number: 80}}}]
    - {action: Deny, from: [{namespaces: {}}]}
"""


def covered(folder: Path, paths: str, policies: str = POLICY) -> Coverage:
    (folder / "workloads.yaml").write_text(WORKLOADS)
    (folder / "tier.yaml").write_text(policies)
    step = f"{{name: only, policies: [tier.yaml], paths: {{{paths}}}}}"
    (folder / "scenario.yaml").write_text(f"title: x\nworkloads: [workloads.yaml]\nexclusive: true\nsteps: [{step}]\n")
    return coverage(load(folder / "scenario.yaml"))


def test_each_part_is_dropped_and_missed_or_has_a_line_that_would_miss_it(tmp_path: Path) -> None:
    found = covered(tmp_path, "'job -> web:80': allowed")
    gaps = {gap.part: (gap.where, str(gap.line)) for gap in found.gaps}
    assert found.tried == 7
    assert gaps == {
        "policy tier": ("tier.yaml:2", "guest -> web:80: blocked"),
        "podSelector of tier's subject": ("tier.yaml:8", "web -> job:80: allowed"),
        "ingress rule 2 of tier": ("tier.yaml:13", "guest -> web:80: blocked"),
        "podSelector of peer 1 of ingress rule 1 of tier": ("tier.yaml:11", "guest -> web:80: blocked"),
        "'protocols' of ingress rule 1 of tier": ("tier.yaml:12", "job -> web:81: blocked"),
    }


def test_paths_that_miss_every_part_leave_no_gap(tmp_path: Path) -> None:
    paths = "'job -> web:80': allowed, 'job -> web:81': blocked, 'guest -> web:80': blocked, 'guest -> job:80': allowed"
    assert covered(tmp_path, paths).gaps == ()


def policy(*rules: str, name: str = "tier", tier: str = "Admin", priority: int = 5, app: str = "web") -> str:
    subject = f"{{pods: {{podSelector: {{matchLabels: {{app: {app}}}}}}}}}"
    head = f"apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: {name}}}"
    lines = "".join(f"\n    - {rule}" for rule in rules)
    return f"{head}\nspec:\n  tier: {tier}\n  priority: {priority}\n  subject: {subject}\n  ingress:{lines}\n---\n"


ANY = "{action: %s, from: [{namespaces: {}}]}"
DENY, ACCEPT, PASS = ANY % "Deny", ANY % "Accept", ANY % "Pass"
FROM_JOB = "{action: Accept, from: [{pods: {podSelector: {matchLabels: {app: job}}}}]}"
FROM_NOBODY = "{action: Accept, from: [{pods: {podSelector: {matchLabels: {app: nobody}}}}]}"
OWN = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: own}
spec: {podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {}}]}]}
---
"""
FIRST = "rule 1 (tier.yaml:9) of tier (Admin tier, priority 5)"


@pytest.mark.parametrize(
    ("policies", "part", "kind", "text"),
    [
        (policy(DENY, FROM_JOB), "ingress rule 2 of tier", GapKind.UNREACHED, f"{FIRST} decides before it on"),
        (
            policy(DENY) + policy(FROM_JOB, name="late", priority=6),
            "ingress rule 1 of late",
            GapKind.UNREACHED,
            f"{FIRST} decides before it on",
        ),
        (policy(PASS, DENY), "ingress rule 2 of tier", GapKind.UNREACHED, f"{FIRST} decides before it on"),
        (policy(DENY) + OWN, "ingress rule 1 of own", GapKind.UNREACHED, f"{FIRST} decides before it on"),
        (policy(DENY) + OWN, "policy own", GapKind.UNREACHED, "with all of its rules"),
        (
            OWN + policy(DENY, tier="Baseline"),
            "ingress rule 1 of tier",
            GapKind.UNREACHED,
            "own (tier.yaml:2) decides before it on",
        ),
        (policy(FROM_NOBODY, DENY), "ingress rule 1 of tier", GapKind.UNMATCHED, ""),
        (policy(DENY, app="nobody"), "ingress rule 1 of tier", GapKind.UNMATCHED, "its policy selects no pod"),
        (
            policy(FROM_JOB, ACCEPT),
            "ingress rule 1 of tier",
            GapKind.REDUNDANT,
            "without it, job -> web:80 is allowed by rule 2 (tier.yaml:10) of tier (Admin tier, priority 5)",
        ),
        (policy(ACCEPT), "ingress rule 1 of tier", GapKind.REDUNDANT, "is allowed by the default"),
        (policy(DENY) + policy(ACCEPT, name="tie"), "ingress rule 1 of tie", GapKind.UNDECIDED, "such as that on"),
        (
            policy("{action: Deny, from: [{namespaces: {matchLabels: {kubernetes.io/metadata.name: default}}}]}"),
            "the selector of namespaces of peer 1 of ingress rule 1 of tier",
            GapKind.UNDISTINGUISHED,
            "",
        ),
    ],
)
def test_what_no_path_can_test_has_a_reason(tmp_path: Path, policies: str, part: str, kind: GapKind, text: str) -> None:
    gaps = {gap.part: gap for gap in covered(tmp_path, "'job -> web:80': undefined", policies).gaps}
    reason = gaps[part].reason
    assert reason is not None
    assert reason.kind is kind
    assert text in reason.text
