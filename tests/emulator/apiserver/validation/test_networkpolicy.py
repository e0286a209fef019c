from typing import Any

import pytest

from netpol_harness.emulator.apiserver.errors import Reason
from netpol_harness.emulator.apiserver.validation.networkpolicy import check

REQUIRED, INVALID, FORBIDDEN = Reason.REQUIRED, Reason.INVALID, Reason.FORBIDDEN
NOT_SUPPORTED = Reason.NOT_SUPPORTED


def policy(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x"}, "spec": {"podSelector": {}, **spec}}


def port(**words: Any) -> dict[str, Any]:
    return policy(ingress=[{"ports": [words]}])


def peer(**words: Any) -> dict[str, Any]:
    return policy(egress=[{"to": [words]}])


def selector(**expression: Any) -> dict[str, Any]:
    return policy(podSelector={"matchExpressions": [expression]})


@pytest.mark.parametrize(
    "accepted",
    [
        policy(),
        policy(ingress=[{}], egress=[{}], policyTypes=["Ingress", "Egress"]),
        port(port=80),
        port(port="http", protocol="UDP"),
        port(protocol="SCTP"),
        port(port=80, endPort=80),
        port(port=1, endPort=65535),
        peer(podSelector={}),
        peer(podSelector={}, namespaceSelector={"matchLabels": {"a": "b"}}),
        peer(ipBlock={"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.0.0.0/9"]}),
        peer(ipBlock={"cidr": "2001:db8::/32", "except": ["2001:db8:1::/48"]}),
        peer(ipBlock={"cidr": "10.0.0.5/24"}),
        selector(key="a", operator="In", values=["b"]),
        selector(key="a/b", operator="Exists"),
    ],
    ids=str,
)
def test_accepted(accepted: dict[str, Any]) -> None:
    assert check(accepted) == []


@pytest.mark.parametrize(
    ("refused", "field", "reason"),
    [
        (port(port=0), "spec.ingress[0].ports[0].port", INVALID),
        (port(port=65536), "spec.ingress[0].ports[0].port", INVALID),
        (port(port="-x"), "spec.ingress[0].ports[0].port", INVALID),
        (port(port="a" * 16), "spec.ingress[0].ports[0].port", INVALID),
        (port(port="8080"), "spec.ingress[0].ports[0].port", INVALID),
        (port(protocol="ICMP"), "spec.ingress[0].ports[0].protocol", NOT_SUPPORTED),
        (port(protocol="tcp"), "spec.ingress[0].ports[0].protocol", NOT_SUPPORTED),
        (port(endPort=90), "spec.ingress[0].ports[0].endPort", INVALID),
        (port(port="http", endPort=90), "spec.ingress[0].ports[0].endPort", INVALID),
        (port(port=90, endPort=80), "spec.ingress[0].ports[0].endPort", INVALID),
        (port(port=90, endPort=65536), "spec.ingress[0].ports[0].endPort", INVALID),
        (peer(), "spec.egress[0].to[0]", REQUIRED),
        (peer(ipBlock={"cidr": "10.0.0.0/8"}, podSelector={}), "spec.egress[0].to[0]", FORBIDDEN),
        (peer(ipBlock={"cidr": "10.0.0.0/8"}, namespaceSelector={}), "spec.egress[0].to[0]", FORBIDDEN),
        (peer(ipBlock={}), "spec.egress[0].to[0].ipBlock.cidr", REQUIRED),
        (peer(ipBlock={"cidr": "10.0.0.0"}), "spec.egress[0].to[0].ipBlock.cidr", INVALID),
        (peer(ipBlock={"cidr": "10.0.0.0/255.0.0.0"}), "spec.egress[0].to[0].ipBlock.cidr", INVALID),
        (peer(ipBlock={"cidr": "10.0.0.0/33"}), "spec.egress[0].to[0].ipBlock.cidr", INVALID),
        (
            peer(ipBlock={"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}),
            "spec.egress[0].to[0].ipBlock.except[0]",
            INVALID,
        ),
        (
            peer(ipBlock={"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}),
            "spec.egress[0].to[0].ipBlock.except[0]",
            INVALID,
        ),
        (
            peer(ipBlock={"cidr": "10.0.0.0/8", "except": ["2001:db8::/64"]}),
            "spec.egress[0].to[0].ipBlock.except[0]",
            INVALID,
        ),
        (
            peer(ipBlock={"cidr": "10.0.0.0/8", "except": ["10.0.0.1"]}),
            "spec.egress[0].to[0].ipBlock.except[0]",
            INVALID,
        ),
        (policy(policyTypes=["Ingress", "Both"]), "spec.policyTypes[1]", NOT_SUPPORTED),
        (policy(policyTypes=["Ingress", "Egress", "Ingress"]), "spec.policyTypes", INVALID),
        (selector(key="a", operator="In"), "spec.podSelector.matchExpressions[0].values", REQUIRED),
        (selector(key="a", operator="Exists", values=["b"]), "spec.podSelector.matchExpressions[0].values", FORBIDDEN),
        (selector(key="a", operator="Is"), "spec.podSelector.matchExpressions[0].operator", INVALID),
        (selector(key="a b", operator="Exists"), "spec.podSelector.matchExpressions[0].key", INVALID),
        (
            selector(key="a", operator="In", values=["b c"]),
            "spec.podSelector.matchExpressions[0].values[0]",
            INVALID,
        ),
        (policy(podSelector={"matchLabels": {"a": "-"}}), "spec.podSelector.matchLabels", INVALID),
    ],
    ids=str,
)
def test_refused(refused: dict[str, Any], field: str, reason: Reason) -> None:
    assert [(cause.field, cause.reason) for cause in check(refused)] == [(field, reason)]
