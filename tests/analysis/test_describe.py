from typing import Any

import pytest

from netpol_harness.analysis.describe import describe_rule, natural_list
from netpol_harness.model.policy import NetworkPolicy


def description(rule: dict[str, Any]) -> str:
    """The description of an ingress rule of a policy in namespace shop."""
    metadata = {"name": "p", "namespace": "shop"}
    (parsed,) = NetworkPolicy.parse({"metadata": metadata, "spec": {"podSelector": {}, "ingress": [rule]}}).ingress
    return describe_rule(parsed, "shop")


def expressions(*texts: str) -> dict[str, Any]:
    result = []
    for text in texts:
        key, operator, *values = text.split()
        result.append({"key": key, "operator": operator, "values": values})
    return {"podSelector": {"matchExpressions": result}}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, "every peer on every port"),
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
        ({"ports": [{}, {"port": "http"}]}, "every peer on every TCP port or port http (TCP)"),
        ({"ports": [{"protocol": "UDP", "port": 1, "endPort": 9}]}, "every peer on 1-9/UDP"),
    ],
)
def test_the_description_of_a_rule(rule: dict[str, Any], expected: str) -> None:
    assert description(rule).startswith(expected)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b", "a"], "a and b"),
        (list("abcd"), "a, b, c and d"),
        (list("abcde"), "a, b, c and 2 more"),
    ],
)
def test_a_natural_list(items: list[str], expected: str) -> None:
    assert natural_list(items) == expected
