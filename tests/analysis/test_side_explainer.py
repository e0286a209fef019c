"""Sentences about one side of a connection that a whole explanation does not show well."""

from collections.abc import Callable

import pytest

from netpol_harness.analysis.display_names import DisplayNames
from netpol_harness.analysis.predict import Predictor
from netpol_harness.analysis.side_explainer import SideExplainer
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.profiles import EMBEDDED
from netpol_harness.oracle.verdict import Flow, FlowEnd, Host
from netpol_harness.paths.path import Path
from netpol_harness.scenario.scenario import Scenario

Shop = Callable[..., Scenario]
WEB, IDLE, DB = NamespacedName("shop", "web"), NamespacedName("shop", "idle"), NamespacedName("back", "db")
TO_WEB = "shop/web {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: "


def sides(scenario: Scenario, source: FlowEnd, destination: FlowEnd, port: str = "8080/TCP") -> tuple[str, str]:
    """Explain both sides of a connection in the last step."""
    number, _, protocol = port.partition("/")
    step = scenario.steps[-1]
    predictor = Predictor(scenario, step, EMBEDDED)
    explainer = SideExplainer(predictor, DisplayNames(scenario, step, path(scenario)))
    flow = Flow(source, destination, Port(Protocol(protocol), int(number)))
    verdict = Oracle(predictor.world, EMBEDDED).judge(flow)
    return explainer.side(flow, verdict.egress), explainer.side(flow, verdict.ingress)


def path(scenario: Scenario) -> Path:
    return scenario.steps[-1].expectations[0].path


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("[]", "isolates web for ingress, and has no ingress rules"),
        (
            "[{from: [{podSelector: {}}]}]",
            "isolates web for ingress; the only rule (policy.yaml:4) admits all pods of namespace shop on every port,"
            " but db is in namespace back",
        ),
        (
            "[{from: [{podSelector: {}}], ports: [{port: 1}]}, {ports: [{port: 2}]}, {ports: [{port: 3}]}]",
            "isolates web for ingress; none of 3 rules admits this: the closest is rule 2 (policy.yaml:4) for every"
            " peer on 2/TCP, but the connection is to 8080/TCP",
        ),
        ("[{ports: [{port: http}]}, {}]", "rule 1 (policy.yaml:4) admits every peer on port http (TCP)"),
    ],
)
def test_a_denial_names_the_closest_rule_and_an_admission_the_first(shop: Shop, rules: str, expected: str) -> None:
    egress, ingress = sides(shop(f"{TO_WEB}{rules}}}"), DB, WEB)
    assert egress == "no policy in force isolates db for egress"
    assert ingress.startswith("shop/web (policy.yaml:1) isolates web")
    assert ingress.endswith(expected)


def test_of_several_policies_the_one_with_the_rule_is_named(shop: Shop) -> None:
    admit = "shop/admit {podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}]}]}"
    scenario = shop(f"{TO_WEB}[]}}", admit)
    _, admitted = sides(scenario, IDLE, WEB)
    assert admitted.startswith("shop/admit (policy.yaml:6) and shop/web (policy.yaml:1) isolate web for ingress; ")
    assert "the only rule (policy.yaml:9) of admit admits all pods of namespace shop" in admitted
    _, denied = sides(scenario, DB, WEB)
    assert "the only rule (policy.yaml:9) of admit admits" in denied
    _, none = sides(shop(f"{TO_WEB}[]}}", admit.replace("[{from: [{podSelector: {}}]}]", "[]")), DB, WEB)
    assert none.endswith("isolate web for ingress, and they have no ingress rules")


def test_a_flow_that_is_allowed_without_a_rule_is_explained(shop: Shop) -> None:
    _, itself = sides(shop(f"{TO_WEB}[]}}"), WEB, WEB)
    assert itself.endswith("isolates web for ingress, but a pod can always reach itself")
    outside, _ = sides(shop(f"{TO_WEB}[]}}", paths="user -> web:8080: blocked"), Host(), WEB)
    assert outside == "user is not a pod, so no policy selects it"
