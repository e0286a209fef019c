import pytest

from netpol_harness.model.labels import LabelSelector


@pytest.mark.parametrize(
    ("selector", "matching"),
    [
        ({}, {"none", "web", "db"}),
        (None, {"none", "web", "db"}),
        ({"matchLabels": {"app": "web"}}, {"web"}),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "db"]}]}, {"web", "db"}),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, {"none", "db"}),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, {"web", "db"}),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, {"none"}),
        (
            {
                "matchLabels": {"app": "web"},
                "matchExpressions": [{"key": "tier", "operator": "Exists"}],
            },
            set(),
        ),
    ],
)
def test_operators(selector: dict[str, object] | None, matching: set[str]) -> None:
    labels = {"none": {}, "web": {"app": "web"}, "db": {"app": "db", "tier": "data"}}
    parsed = LabelSelector.parse(selector)
    assert {name for name, given in labels.items() if parsed.matches(given)} == matching


def test_every_requirement_that_does_not_hold_is_unmet() -> None:
    expressions = [{"key": "tier", "operator": "Exists"}, {"key": "app", "operator": "Exists"}]
    selector = LabelSelector.parse({"matchLabels": {"app": "web"}, "matchExpressions": expressions})
    assert [requirement.key for requirement in selector.unmet({"app": "db"})] == ["app", "tier"]
    assert selector.unmet({"app": "web", "tier": "a"}) == []
