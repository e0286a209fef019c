from typing import Any

import pytest

from netpol_harness.emulator.apiserver.built_in_kinds import BY_PLURAL
from netpol_harness.emulator.apiserver.errors import StatusError
from netpol_harness.emulator.apiserver.selectors import label_query, parse_labels, parse_selectors

PODS = BY_PLURAL["pods"]


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("app=web", True),
        ("app==web", True),
        ("app=db", False),
        ("app!=db", True),
        ("absent!=x", True),
        ("app", True),
        ("!app", False),
        ("!absent", True),
        ("app in (db, web)", True),
        ("app notin (web)", False),
        ("absent notin (web)", True),
        ("app=web,tier in (front),!absent", True),
        ("app=web , tier=back", False),
        ("empty=", True),
        ("example.com/role=x", True),
    ],
)
def test_label_selectors(text: str, matches: bool) -> None:  # noqa: FBT001 - a parametrized expectation
    labels = {"app": "web", "tier": "front", "empty": "", "example.com/role": "x"}
    assert parse_selectors(PODS, text, "")({"metadata": {"labels": labels}}) is matches


@pytest.mark.parametrize("text", ["=", "a in b", "a=b c", "!a=b", "a in (b"])
def test_invalid_label_selectors(text: str) -> None:
    with pytest.raises(StatusError):
        parse_labels(text)


def test_a_selector_round_trips() -> None:
    expressions = [
        {"key": "a", "operator": "In", "values": ["2", "1"]},
        {"key": "b", "operator": "NotIn", "values": ["1"]},
        {"key": "c", "operator": "Exists"},
        {"key": "d", "operator": "DoesNotExist"},
    ]
    text = label_query({"matchLabels": {"app": "web"}, "matchExpressions": expressions})
    assert text == "app=web,a in (1,2),b notin (1),c,!d"
    assert parse_labels(text).matches({"app": "web", "a": "1", "c": ""})


@pytest.mark.parametrize(
    ("fields", "matches"),
    [
        ("metadata.name=web", True),
        ("metadata.name!=web", False),
        ("status.phase=Running,spec.nodeName=", True),
        ("spec.hostNetwork=false", True),
        ("status.podIP==10.0.0.1", False),
    ],
)
def test_field_selectors(fields: str, matches: bool) -> None:  # noqa: FBT001 - a parametrized expectation
    pod: dict[str, Any] = {"metadata": {"name": "web"}, "spec": {}, "status": {"phase": "Running"}}
    assert parse_selectors(PODS, "", fields)(pod) is matches


def test_an_unknown_field_label_is_refused() -> None:
    with pytest.raises(StatusError, match=r"field label not supported: spec\.colour"):
        parse_selectors(PODS, "", "spec.colour=red")
