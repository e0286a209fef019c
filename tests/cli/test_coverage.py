import shutil
from pathlib import Path

import pytest

from netpol_harness.cli import main

THREE_TIER = Path(__file__).parents[2] / "scenarios" / "three_tier"


def test_a_covered_scenario_succeeds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["coverage", str(THREE_TIER)]) == 0
    output = capsys.readouterr().out
    assert "policies/allow-dns.yaml:19: 53/TCP in egress rule 1 of allow-dns" in output
    assert "add to the paths" not in output


def test_a_gap_is_printed_with_the_path_that_closes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "three_tier"
    shutil.copytree(THREE_TIER, copy)
    file = copy / "scenario.yaml"
    kept = [line for line in file.read_text().splitlines() if "others:" not in line and "ip(db-service)" not in line]
    file.write_text("\n".join(line for line in kept if "app-pod -> db-service:3306" not in line))
    assert main(["coverage", str(copy)]) == 1
    output = capsys.readouterr().out
    assert "  policies/db-policy.yaml:11: ingress rule 1 of db-policy\n" in output
    assert "add to the paths of step as-written:\n  app-pod -> ip(db-service):3306: allowed\n" in output


TIER = """
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: tier}
spec:
  tier: Admin
  priority: 5
  subject: {namespaces: {}}
  ingress:
    - {action: Deny, from: [{namespaces: {}}]}
    - action: Accept
      from: [{pods: {podSelector: {matchLabels: {app: a}}}}]
      protocols: [{tcp: {destinationPort: {number: 80}}}]
"""


def test_what_no_path_can_cover_stands_below_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    container = "{name: c, image: i, ports: [{containerPort: 80}]}"
    pod = (
        f"{{apiVersion: v1, kind: Pod, metadata: {{name: N, labels: {{app: N}}}}, spec: {{containers: [{container}]}}}}"
    )
    (tmp_path / "w.yaml").write_text("---\n".join(pod.replace("N", name) + "\n" for name in "ab"))
    (tmp_path / "tier.yaml").write_text(TIER)
    steps = "steps: [{name: shut, policies: [tier.yaml], paths: {'a -> b:80': blocked, 'b -> a:80': blocked}}]"
    (tmp_path / "scenario.yaml").write_text(f"title: x\nworkloads: [w.yaml]\nexclusive: true\n{steps}\n")
    assert main(["coverage", str(tmp_path)]) == 0
    assert (
        "never reached, because others decide before:\n"
        "  tier.yaml:11: ingress rule 2 of tier, and 2 parts of it"
        " (rule 1 (tier.yaml:10) of tier (Admin tier, priority 5) decides before it on a -> b:80)\n"
    ) in capsys.readouterr().out


def test_without_policies_there_is_nothing_to_cover(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    container = "{name: c, image: i, ports: [{containerPort: 80}]}"
    pod = f"{{apiVersion: v1, kind: Pod, metadata: {{name: NAME}}, spec: {{containers: [{container}]}}}}"
    (tmp_path / "w.yaml").write_text("---\n".join(pod.replace("NAME", name) + "\n" for name in "ab"))
    steps = "steps: [{name: open, paths: {'a -> b:80': allowed}}]"
    (tmp_path / "scenario.yaml").write_text(f"title: x\nworkloads: [w.yaml]\n{steps}\n")
    assert main(["coverage", str(tmp_path)]) == 2
    assert "no step has a NetworkPolicy, so there is nothing to cover" in capsys.readouterr().err
