from collections.abc import Callable
from dataclasses import replace

import pytest

from netpol_harness.analysis.explain import explain
from netpol_harness.analysis.paths import every_path
from netpol_harness.oracle.points import SPECIFICATION, Profile
from netpol_harness.oracle.profiles import CILIUM
from netpol_harness.paths.path import Path
from netpol_harness.scenario.scenario import Scenario, Step

Shop = Callable[..., Scenario]


def step_of(scenario: Scenario, name: str) -> Step:
    return next(step for step in scenario.steps if step.name == name)


def path_of(step: Step, text: str) -> Path:
    return next(path for path in every_path(step) if path.text == text)


def explanation(scenario: Scenario, step_name: str, text: str, profile: Profile = SPECIFICATION) -> str:
    step = step_of(scenario, step_name)
    return str(explain(scenario, step, path_of(step, text), profile=profile))


def test_a_forgotten_name_server_is_named(three_tier: Scenario) -> None:
    text = explanation(three_tier, "as-written", "web-pod -> app-service:5000")
    assert text.splitlines()[0] == "web-pod -> app-service:5000: unresolved"
    for part in (
        "lookup     web-pod -> kube-system/kube-dns 53/UDP is blocked: web-policy (policies/web-policy.yaml:1)",
        "the only rule (policies/web-policy.yaml:15) admits pods app=app-server of namespace default on 5000",
        "kube-system/kube-dns is in namespace kube-system and the connection is to 53/UDP",
        "connection web-pod -> app-pod 5000/TCP: allowed",
        "cause      the egress rules of web-policy (policies/web-policy.yaml:1) forget the name server",
        "53/UDP and 53/TCP: add a rule\n",
        "  edit       policies/web-policy.yaml:15 (then: the name resolves)\n",
        "             +         matchLabels:\n             +           k8s-app: kube-dns\n",
    ):
        assert part in text


def test_a_policy_that_is_missing_is_named_as_the_reason(three_tier: Scenario) -> None:
    step = step_of(three_tier, "with-dns")
    kept = tuple(policy for policy in step.policies if policy.name.ref.name != "db-policy")
    path = path_of(step, "user -> db-service:3306")
    text = str(explain(three_tier, replace(step, policies=kept), path))
    assert "user -> db-service:3306: allowed" in text
    assert "ingress    no policy in force isolates db-pod for ingress" in text
    assert "cause      db-policy (policies/db-policy.yaml:2) isolates db-pod for ingress, and is not in force" in text
    assert "with it, this would be blocked" in text


@pytest.mark.parametrize(
    ("step", "path", "parts"),
    [
        ("all-allow", "web-pod -> db-service:3306", ["allowed", "no policy in force isolates web-pod for egress"]),
        ("as-written", "user -> web-service:80", ["allowed", "user is not a pod, so no policy selects it"]),
        (
            "as-written",
            "web-pod -> db-pod:3306",
            ["blocked", "but db-pod has app=database and the connection is to 3306"],
        ),
        (
            "as-written",
            "db-pod -> web-pod:80",
            ["undefined", "may admit 0.0.0.0/0", "it is open whether an ipBlock matches"],
        ),
        ("default-deny", "db-pod -> app-pod:5000", ["blocked", "default-deny (policies/default-deny.yaml:1) isolates"]),
        ("default-deny", "db-pod -> user:8080", ["blocked", "isolates db-pod for egress, and has no egress rules"]),
        ("with-dns", "web-pod -> app-pod:5000", ["allowed", "allow-dns (policies/allow-dns.yaml:2) and web-policy"]),
    ],
)
def test_each_side_has_its_reason(three_tier: Scenario, step: str, path: str, parts: list[str]) -> None:
    text = explanation(three_tier, step, path)
    for part in parts:
        assert part in text


def test_a_profile_decides_what_the_specification_leaves_open(three_tier: Scenario) -> None:
    text = explanation(three_tier, "as-written", "db-pod -> web-pod:80", CILIUM)
    assert text.startswith("db-pod -> web-pod:80: blocked")


def test_many_pods_behind_a_service_are_explained_worst_first_and_counted(shop: Shop) -> None:
    extra = "    labels: {pods: {idle: {app: web, shy: 'yes'}}}"
    scenario = shop("shop/shy {podSelector: {matchLabels: {shy: 'yes'}}, policyTypes: [Ingress]}", extra=extra)
    text = explanation(scenario, "closed", "db -> front:80")
    assert text.index("db -> idle 9000/TCP: blocked") < text.index("db -> web 8080/TCP: allowed")
    assert "unsure     which of them is used is random" in text


def test_the_reason_of_an_unknown_outcome_is_given(shop: Shop) -> None:
    scenario = shop("shop/none {podSelector: {}}", paths="'db -> node(web):30080': undefined")
    step = scenario.steps[-1]
    text = str(explain(scenario, step, step.expectations[0].path))
    assert "whether a node that forwards a connection replaces its source" in text


def test_a_mode_that_changes_the_verdict_is_explained(shop: Shop) -> None:
    scenario = shop("back/none {podSelector: {}}", paths="throughout web -> db:5432: undefined")
    step = scenario.steps[-1]
    text = str(explain(scenario, step, step.expectations[0].path))
    assert text.startswith("throughout web -> db:5432: undefined\n")
    assert "  throughout the verdict differs in the step before" in text
    assert text.endswith("a new connection would be blocked")


def test_a_narrow_screen_gets_more_lines_and_the_same_words(three_tier: Scenario) -> None:
    step = step_of(three_tier, "as-written")
    wide = explain(three_tier, step, path_of(step, "web-pod -> app-service:5000"))
    narrow = wide.wrap(70)
    assert max(map(len, narrow.splitlines())) <= 70
    assert narrow.split() == str(wide).split()
    assert "53/UDP is blocked:\n             web-policy (policies/web-policy.yaml:1) isolates" in narrow
