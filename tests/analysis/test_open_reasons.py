"""Why verdicts are undefined, and what would decide them: no reason without a remedy."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from netpol_harness.analysis.explain import explain
from netpol_harness.analysis.open_reasons import decided_by, open_reasons
from netpol_harness.analysis.predict import Predictor
from netpol_harness.analysis.table import VerdictTable
from netpol_harness.oracle.points import SPECIFICATION, OpenPoint, Profile
from netpol_harness.oracle.profiles import EMBEDDED, PROFILES
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

Shop = Callable[..., Scenario]
BLOCK = "shop/in {podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}"


def reasons(scenario: Scenario, profile: Profile = SPECIFICATION) -> list[str]:
    predictor = Predictor(scenario, scenario.steps[-1], profile)
    return [str(reason) for reason in open_reasons(predictor, VerdictTable.of(predictor))]


@pytest.mark.parametrize("point", OpenPoint)
def test_every_point_names_what_decides_it(point: OpenPoint) -> None:
    deciding = [name for name, profile in PROFILES.items() if point in profile.decided]
    text = decided_by(point)
    assert text
    assert all(name in text for name in deciding[:3])


def test_a_table_counts_the_paths_of_each_reason(shop: Shop) -> None:
    found = reasons(shop(BLOCK))
    assert found[0] == (
        "? 7 paths, such as web -> front:80: whether an ipBlock matches pods: --profile embedded, calico or cilium"
        " decides it"
    )
    assert (
        "? 1 path, such as web -> front:80: whether a pod reaches itself through its Service: --profile embedded"
        in [text.partition(" decides it")[0] for text in found]
    )


def test_a_profile_leaves_only_what_no_plugin_decides(shop: Shop) -> None:
    assert not any("--profile" in text for text in reasons(shop(BLOCK), EMBEDDED))


def test_an_explanation_names_what_decides_it(shop: Shop) -> None:
    scenario = shop(BLOCK, paths="db -> web:8080: undefined")
    text = str(explain(scenario, scenario.steps[-1], scenario.steps[-1].paths[0]))
    assert "open       whether an ipBlock matches pods: --profile embedded, calico or cilium decides it" in text


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("web -> idle:81", "declare it among the containerPorts"),
        ("web -> 198.51.100.9:80", "name a host with this address under 'external' in scenario.yaml"),
        ("web -> node(idle):18080", "write a Service with this nodePort, or a hostPort of that pod"),
        ("web -> away:443", "write db.example.com under 'names' in scenario.yaml, with a host under 'external'"),
    ],
)
def test_a_doubt_names_what_decides_it(shop: Shop, path: str, remedy: str) -> None:
    scenario = shop(paths="web -> store:5432: allowed")
    file = scenario.file.parent / "workloads.yaml"
    away = "---\napiVersion: v1\nkind: Service\nmetadata: {name: away, namespace: shop}\nspec: "
    file.write_text(f"{file.read_text()}{away}{{type: ExternalName, externalName: db.example.com}}\n")
    scenario.file.write_text(scenario.file.read_text().replace("web -> store:5432: allowed}", f"'{path}': undefined}}"))
    again = load(scenario.file)
    lines = explain(again, again.steps[-1], again.steps[-1].paths[0]).lines
    assert [line.text for line in lines if line.label == "unsure" and line.text.endswith(f": {remedy}")]


ALIAS = """
---
apiVersion: v1
kind: Service
metadata: {name: away, namespace: shop}
spec: {type: ExternalName, externalName: db.example.com}
"""
POLICY = """
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: names}
spec:
  tier: Admin
  priority: 5
  subject: {namespaces: {}}
  egress:
    - {action: Accept, to: [{namespaces: {}}]}
    - {action: Accept, to: [{domainNames: [NAME]}]}
    - {action: Deny, to: [{networks: [0.0.0.0/0]}]}
"""


@pytest.mark.parametrize(
    ("names", "listed", "verdict"),
    [
        (["partner"], "db.example.com", "allowed"),
        (["partner"], "other.example.com", "blocked"),
        (["203.0.113.8"], "db.example.com", "undefined"),
        (["partner", "user"], "db.example.com", "allowed"),
    ],
)
def test_an_external_name_leads_to_the_host_with_its_address(
    shop: Shop, names: Sequence[str], listed: str, verdict: str
) -> None:
    scenario = shop(paths="web -> store:5432: undefined")
    (scenario.file.parent / "policy.yaml").write_text(POLICY.replace("NAME", listed))
    workloads: Path = scenario.file.parent / "workloads.yaml"
    workloads.write_text(workloads.read_text() + ALIAS)
    head = f"exclusive: true\nnames: {{db.example.com: [{', '.join(names)}]}}\n"
    text = scenario.file.read_text().replace("web -> store:5432: undefined", "'web -> away:443': undefined")
    scenario.file.write_text(head + text)
    again = load(scenario.file)
    assert Predictor(again, again.steps[-1]).verdict(again.steps[-1].paths[0]).value == verdict
