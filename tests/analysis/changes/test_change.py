from itertools import product

import pytest

from netpol_harness.analysis.changes.change import Change, Effect, effect_of
from netpol_harness.paths.outcome import Expected
from tests.analysis.changes.conftest import FROM_WEB, GUARD, PODS, Compare, policy

A, B, N, U = Expected.ALLOWED, Expected.BLOCKED, Expected.UNRESOLVED, Expected.UNDEFINED


def told(changes: list[Change]) -> list[str]:
    return sorted(map(str, changes))


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        (B, A, Effect.OPENED),
        (N, A, Effect.OPENED),
        (None, A, Effect.OPENED),
        (A, B, Effect.CLOSED),
        (A, Expected.REJECTED, Effect.CLOSED),
        (A, None, Effect.CLOSED),
        (A, N, Effect.NAME_LOST),
        (B, N, Effect.NAME_LOST),
        (N, B, Effect.NAME_FOUND),
        (A, U, Effect.UNCERTAIN),
        (U, B, Effect.UNCERTAIN),
        (None, U, Effect.UNCERTAIN),
        (Expected.DROPPED, Expected.REJECTED, None),
        (None, B, None),
        (None, N, None),
        (B, None, None),
        (N, None, None),
        (U, None, None),
    ],
)
def test_two_verdicts_have_an_effect(before: Expected | None, after: Expected | None, effect: Effect | None) -> None:
    assert effect_of(before, after) is effect


def test_what_becomes_reachable_is_never_left_out() -> None:
    for before, after in product([None, *Expected], [*Expected]):
        is_new = after is A and before is not A
        assert not is_new or effect_of(before, after) in (Effect.OPENED, Effect.UNCERTAIN)


def test_equal_manifests_have_no_changes(compare: Compare) -> None:
    assert compare(PODS + GUARD, PODS + GUARD) == []


def test_a_guard_closes_what_was_open(compare: Compare) -> None:
    found = compare(PODS, PODS + GUARD)
    assert {change.path.text for change in found if change.effect is not Effect.CLOSED} == {"db -> store:5432"}, (
        "whether a pod reaches itself through its Service is open"
    )
    assert "closed: web -> db:5432" in told(found)
    assert "closed: web -> store:5432" in told(found)
    assert "closed: outsider -> db:5432" in told(found), "hosts outside lose access too"
    assert not any(change.path.target_text == "web:80" for change in found)


def test_a_rule_that_admits_no_existing_pod_is_told_by_a_representative(compare: Compare) -> None:
    """A gate that compares existing pods alone would let the rule pass in silence."""
    peer = "{podSelector: {matchLabels: {app: backup}}}"
    rule = policy("from-backup", f"{{podSelector: {{matchLabels: {{app: db}}}}, ingress: [{{from: [{peer}]}}]}}")
    found = told(compare(PODS + GUARD, PODS + GUARD + rule))
    assert "opened: stranger-backup -> db:5432" in found
    assert not any("stranger ->" in line for line in found), "pods without labels are still refused"


def test_a_rule_that_goes_closes_its_representative(compare: Compare) -> None:
    peer = "{podSelector: {matchLabels: {app: backup}}}"
    rule = policy("from-backup", f"{{podSelector: {{matchLabels: {{app: db}}}}, ingress: [{{from: [{peer}]}}]}}")
    found = told(compare(PODS + GUARD + rule, PODS + GUARD))
    assert found == ["closed: stranger-backup -> db:5432", "closed: stranger-backup -> store:5432"]


def test_a_new_pod_opens_what_nothing_denies(compare: Compare) -> None:
    found = told(
        compare(PODS.replace("app: web", "app: front").replace("name: web", "name: front") + GUARD, PODS + GUARD)
    )
    assert "opened: db -> web:80" in found
    assert "closed: db -> front:80" in found
    assert not any("-> db:5432" in line for line in found), "it is blocked, so nothing has changed"


def test_a_lost_name_is_told_apart_from_a_closed_port(compare: Compare) -> None:
    without_dns = policy(
        "web-egress",
        "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress],"
        " egress: [{to: [{podSelector: {matchLabels: {app: db}}}]}]}",
    )
    found = told(compare(PODS, PODS + without_dns))
    assert "name-lost: web -> store:5432" in found
    assert not any(line.endswith("web -> db:5432") for line in found)


def test_reasons_name_rule_and_line(compare: Compare) -> None:
    (opened,) = [c for c in compare(PODS + GUARD, PODS + GUARD + FROM_WEB) if c.path.text == "web -> db:5432"]
    assert tuple(map(str, opened.reasons)) == ("ingress: the only rule (all.yaml:29) of from-web admits this",)
