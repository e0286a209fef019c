from collections.abc import Iterable

from netpol_harness.analysis.changes.change import Change
from netpol_harness.paths.diagnostics import Place
from tests.analysis.changes.conftest import FROM_WEB, GUARD, PODS, Compare, policy


def reasons(changes: Iterable[Change], path: str) -> tuple[str, ...]:
    return next(tuple(map(str, change.reasons)) for change in changes if change.path.text == path)


def test_a_denial_names_the_policies_and_the_rule_that_admitted_before(compare: Compare) -> None:
    found = compare(PODS + FROM_WEB, PODS + GUARD)
    (told,) = reasons(found, "web -> db:5432")
    assert "guard (all.yaml:21)" in told
    assert "isolates the target for ingress, and no rule admits this; before, the only rule (all.yaml:" in told
    assert told.endswith("of from-web admitted it")


def test_the_end_of_an_isolation_names_the_policy_that_is_gone(compare: Compare) -> None:
    (told,) = reasons(compare(PODS + GUARD, PODS), "web -> db:5432")
    assert told.startswith("no policy isolates the target for ingress any more, as ")
    assert "guard (all.yaml:" in told


def test_the_look_up_of_a_name_has_reasons_of_its_own(compare: Compare) -> None:
    closed = policy("web-egress", "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}")
    told = reasons(compare(PODS, PODS + closed), "web -> store:5432")
    assert told[0].startswith("look-up: ")
    assert "isolates the source for egress" in told[0]


def test_an_end_that_is_new_or_gone_is_the_reason(compare: Compare) -> None:
    renamed = PODS.replace("name: web", "name: front")
    found = compare(renamed, PODS)
    assert reasons(found, "db -> web:80") == (
        "its source or target is new",
        "no policy isolates the target for ingress",
        "no policy isolates the source for egress",
    )
    assert reasons(found, "db -> front:80") == ("its source or target is gone",)


def test_equal_reasons_do_not_name_the_ends(compare: Compare) -> None:
    closed = [c for c in compare(PODS, PODS + GUARD) if c.path.target_text == "db:5432"]
    assert len(closed) > 2
    assert len({change.reasons for change in closed}) == 1


CLOSED_BY_ADMINISTRATOR = """---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: closed}
spec:
  tier: Admin
  priority: 5
  subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}}
  ingress:
    - {name: nobody, action: Deny, from: [{namespaces: {}}]}
"""


def test_a_rule_of_an_administrator_is_the_reason(compare: Compare) -> None:
    rule = "rule 1 'nobody' (all.yaml:29) of closed (Admin tier, priority 5) denies this"
    assert reasons(compare(PODS, PODS + CLOSED_BY_ADMINISTRATOR), "web -> db:5432") == (f"ingress: {rule}",)


def test_the_end_of_a_rule_of_an_administrator_is_told(compare: Compare) -> None:
    (told,) = reasons(compare(PODS + CLOSED_BY_ADMINISTRATOR, PODS), "web -> db:5432")
    assert told.startswith("no policy isolates the target for ingress; before, rule 1 'nobody' (all.yaml:")


def test_a_rule_that_passes_is_told_before_what_decides(compare: Compare) -> None:
    passes = CLOSED_BY_ADMINISTRATOR.replace("Deny", "Pass")
    (told,) = reasons(compare(PODS + CLOSED_BY_ADMINISTRATOR, PODS + passes), "web -> db:5432")
    rule = "rule 1 'nobody' (all.yaml:29) of closed (Admin tier, priority 5)"
    assert told == (
        f"ingress: {rule} passes this to the next stage (NetworkPolicies); no policy isolates the target for ingress;"
        f" before, {rule} denied this"
    )


def test_what_the_api_leaves_open_is_the_question(compare: Compare) -> None:
    own_service = reasons(compare(PODS, PODS + GUARD), "db -> store:5432")
    assert own_service == ("ingress: it is open whether a pod reaches itself through its Service",)


def test_places_are_data(compare: Compare) -> None:
    (change,) = [c for c in compare(PODS + FROM_WEB, PODS + GUARD) if c.path.text == "web -> db:5432"]
    guard, rule = change.reasons[0].names
    assert (guard.place, guard.is_past) == (Place("all.yaml", 21), False)
    assert rule.place is not None
    assert (rule.place.file, rule.is_past) == ("all.yaml", True)
    assert rule.without_place == "the only rule of from-web"
