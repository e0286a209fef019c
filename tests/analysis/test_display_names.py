from collections.abc import Callable

import pytest

from netpol_harness.analysis.display_names import DisplayNames
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction, NamespacedName, Port, Protocol
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.oracle.verdict import Flow, Host
from netpol_harness.scenario.scenario import Manifest, Scenario

Shop = Callable[..., Scenario]
POLICY = "shop/web {podSelector: {}, ingress: [{}, {}], egress: [{}]}"


def names_of(scenario: Scenario, unused: tuple[Manifest, ...] = ()) -> DisplayNames:
    step = scenario.steps[-1]
    return DisplayNames(scenario, step, step.expectations[0].path, unused)


@pytest.mark.parametrize("path", ["user -> web:8080", "web -> user:443"])
def test_an_end_that_is_not_a_pod_is_the_host_of_the_path(shop: Shop, path: str) -> None:
    names = names_of(shop(paths=f"{path}: undefined"))
    assert names.end(Host()) == "user"
    assert names.end(NamespacedName("back", "db")) == "db"
    assert names.end(NamespacedName("elsewhere", "db")) == "elsewhere/db"


def test_a_connection_has_both_ends_and_the_port(shop: Shop) -> None:
    flow = Flow(NamespacedName("shop", "web"), NamespacedName("kube-system", "kube-dns"), Port(Protocol.UDP, 53))
    assert names_of(shop()).connection(flow) == "web -> kube-system/kube-dns 53/UDP"


def test_policies_and_rules_have_their_lines(shop: Shop) -> None:
    scenario = shop(POLICY)
    names, policy = names_of(scenario), NetworkPolicy.parse(scenario.steps[-1].policies[0].data)
    assert names.policy(policy.ref) == "shop/web (policy.yaml:1)"
    assert names.rule(policy, Direction.INGRESS, 1) == "rule 2 (policy.yaml:4)"
    assert names.rule(policy, Direction.EGRESS, 0) == "the only rule (policy.yaml:4)"


def test_a_policy_that_is_in_no_file_has_no_line(shop: Shop) -> None:
    policy = NetworkPolicy(NamespacedName("default", "other"), LabelSelector(), frozenset(), (), ())
    names = names_of(shop(POLICY))
    assert names.policy(policy.ref) == "other"
    assert names.rule(policy, Direction.INGRESS, 0) == "rule 1"
    assert names.manifest(policy.ref) is None


def test_a_policy_of_another_api_with_the_same_name_is_not_its_manifest(shop: Shop) -> None:
    scenario = shop(POLICY)
    (manifest,) = scenario.steps[-1].policies
    calico = Manifest({**manifest.data, "apiVersion": "projectcalico.org/v3"}, "calico.yaml:1")
    assert names_of(scenario, unused=(calico,)).manifest(manifest.name.ref) is manifest
    assert names_of(shop(), unused=(calico,)).manifest(manifest.name.ref) is None
