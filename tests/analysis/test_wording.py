from typing import Any

import pytest

from netpol_harness.analysis.wording import listed, rule_words
from netpol_harness.model.policy import NetworkPolicy


def words(rule: dict[str, Any]) -> str:
    """An ingress rule of a policy in namespace shop, in words."""
    metadata = {"name": "p", "namespace": "shop"}
    (parsed,) = NetworkPolicy.parse({"metadata": metadata, "spec": {"podSelector": {}, "ingress": [rule]}}).ingress
    return rule_words(parsed, "shop")


def expressions(*texts: str) -> dict[str, Any]:
    found = []
    for text in texts:
        key, operator, *values = text.split()
        found.append({"key": key, "operator": operator, "values": values})
    return {"podSelector": {"matchExpressions": found}}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({}, "everybody on every port"),
        ({"from": [{"podSelector": {}}]}, "all pods of namespace shop on every port"),
        ({"from": [{"namespaceSelector": {}}]}, "all pods in all namespaces on every port"),
        (
            {"from": [{"namespaceSelector": {"matchLabels": {"a": "b"}}, "podSelector": {"matchLabels": {"c": "d"}}}]},
            "pods c=d in namespaces a=b on every port",
        ),
        (
            {"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}, {"podSelector": {}}]},
            "10.0.0.0/8 except 10.1.0.0/16 or all pods of namespace shop on every port",
        ),
        ({"from": [expressions("a In x y", "b NotIn z")]}, "pods a in (x, y), b!=z of namespace shop on every port"),
        (
            {"from": [expressions("a NotIn x y", "b Exists", "c DoesNotExist")]},
            "pods a notin (x, y), b, !c of namespace",
        ),
        ({"ports": [{}, {"port": "http"}]}, "everybody on every TCP port or port http (TCP)"),
        ({"ports": [{"protocol": "UDP", "port": 1, "endPort": 9}]}, "everybody on 1-9/UDP"),
    ],
)
def test_a_rule_in_words(rule: dict[str, Any], said: str) -> None:
    assert words(rule).startswith(said)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b", "a"], "a and b"),
        (list("abcd"), "a, b, c and d"),
        (list("abcde"), "a, b, c and 2 more"),
    ],
)
def test_a_list_in_words(items: list[str], said: str) -> None:
    assert listed(items) == said
