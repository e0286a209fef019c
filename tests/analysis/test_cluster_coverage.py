"""Parts of ClusterNetworkPolicies that no path would miss."""

from pathlib import Path

from netpol_harness.analysis.coverage import Coverage, coverage
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


def covered(folder: Path, paths: str) -> Coverage:
    (folder / "workloads.yaml").write_text(WORKLOADS)
    (folder / "tier.yaml").write_text(POLICY)
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
