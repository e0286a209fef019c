import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.analysis.edits.hunks import hunks
from netpol_harness.analysis.edits.yaml_text import yaml_lines

PEERS = [{"podSelector": {}}, {"podSelector": {"matchLabels": {"app": "a"}}}, {"namespaceSelector": {}}]
rules = st.lists(
    st.fixed_dictionaries(
        {}, optional={"from": st.lists(st.sampled_from(PEERS), max_size=3), "ports": st.just([{"port": 80}])}
    ),
    max_size=3,
)
policies = st.builds(
    lambda some, types: {"metadata": {"name": "p"}, "spec": {"podSelector": {}, **types, "ingress": some}},
    rules,
    st.sampled_from(({}, {"policyTypes": ["Ingress"]})),
)


def shown(before: Any, after: Any) -> list[str]:
    return [line for hunk in hunks(before, after) for line in hunk.lines]


def test_equal_objects_have_no_difference() -> None:
    assert shown({"spec": {"a": [1]}}, {"spec": {"a": [1]}}) == []


def test_a_rule_is_shown_whole_with_what_changes() -> None:
    rule: Any = {"from": [{"podSelector": {}}], "ports": [{"port": 80}]}
    before = {"spec": {"ingress": [{}, rule, {}]}}
    after = {"spec": {"ingress": [{}, {**rule, "ports": [{"port": 81}]}, {}]}}
    (hunk,) = hunks(before, after)
    assert hunk.keys == ("spec", "ingress", 1)
    assert hunk.changes == 2
    assert hunk.lines == (
        "    ingress:",
        "    - from:",
        "      - podSelector: {}",
        "      ports:",
        "-     - port: 80",
        "+     - port: 81",
    )


def test_a_new_object_is_all_added() -> None:
    assert shown(None, {"kind": "Pod"}) == ["+ kind: Pod"]


def test_a_long_rule_is_shortened_where_nothing_changes() -> None:
    peers = [{"ipBlock": {"cidr": f"10.0.{number}.0/24"}} for number in range(20)]
    lines = shown({"spec": {"ingress": [{"from": peers}]}}, {"spec": {"ingress": [{"from": peers, "ports": []}]}})
    assert len(lines) == 8
    assert lines[3].strip() == "..."
    assert lines[-1] == "+     ports: []"


@given(policies, policies)
def test_the_lines_turn_one_version_into_the_other(before: Any, after: Any) -> None:
    """What is removed is a line of the first version, what is added one of the second, as often as it says."""
    for mark, version in (("-", before), ("+", after)):
        known = [line.strip() for line in yaml_lines(version)]
        changed = [line[1:].strip() for line in shown(before, after) if line[0] == mark]
        assert all(changed.count(line) <= known.count(line) for line in changed)
    assert (shown(before, after) == []) == (json.dumps(before) == json.dumps(after))
