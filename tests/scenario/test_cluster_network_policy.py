"""What the CRD of ClusterNetworkPolicy refuses is a problem with its place; what it accepts is none."""

import pytest

from netpol_harness.errors import ScenarioInvalid
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.load import load
from tests.scenario.conftest import Write

HEAD = """\
title: x
exclusive: true
workloads: [workloads.yaml]
steps: [{name: s, others: blocked, policies: [cnp.yaml]}]
"""
TYPE = "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: n}\n"
SPEC = "tier: Admin, priority: 1, subject: {namespaces: {}}"
PEER = "namespaces: {}"


def problems(write: Write, spec: str) -> str:
    """Return what is wrong with a policy; empty if it is right."""
    try:
        load(write(HEAD, {"cnp.yaml": f"{TYPE}spec: {spec}\n"}))
    except ScenarioInvalid as error:
        return str(error)
    return ""


def ingress(rule: str) -> str:
    return f"{{{SPEC}, ingress: [{rule}]}}"


def egress(rule: str) -> str:
    return f"{{{SPEC}, egress: [{rule}]}}"


def to(peer: str) -> str:
    return egress(f"{{action: Accept, to: [{peer}]}}")


def protocols(entries: str) -> str:
    return ingress(f"{{action: Accept, from: [{{{PEER}}}], protocols: [{entries}]}}")


@pytest.mark.parametrize(
    "spec",
    [
        f"{{{SPEC}}}",
        f"{{{SPEC}, ingress: [], egress: null}}",
        "{tier: Baseline, priority: 1000, subject: {pods: {podSelector: {}}}}",
        "{tier: Admin, priority: 0, subject: {namespaces: null, pods: {namespaceSelector: {}, podSelector: {}}}}",
        ingress(f"{{name: r, action: Pass, from: [{{{PEER}}}, {{pods: {{podSelector: {{}}}}}}], protocols: null}}"),
        to("{networks: [10.0.0.0/8, 'fd00::/8']}, {nodes: {}}, {domainNames: ['*.example.com', a.B.org.]}"),
        to("{networks: [192.0.2.1/32]}"),
        protocols("{tcp: {destinationPort: {number: 80}}}, {udp: {destinationPort: {range: {start: 1, end: 2}}}}"),
        protocols("{sctp: {destinationPort: {number: 65535}}}, {destinationNamedPort: web}"),
        egress(f"{{action: Deny, to: [{{{PEER}}}], protocols: [{{destinationNamedPort: web}}]}}"),
    ],
)
def test_what_the_server_accepts_is_no_problem(write: Write, spec: str) -> None:
    assert problems(write, spec) == ""


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("{priority: 1, subject: {namespaces: {}}}", "cnp.yaml:4:7: 'tier' is missing"),
        ("{tier: Admin, subject: {namespaces: {}}}", "'priority' is missing"),
        ("{tier: Admin, priority: 1}", "'subject' is missing"),
        ("{tier: Admin, priority: 1, subject: }", "'subject' has no value"),
        ("{tier: NetworkPolicy, priority: 1, subject: {namespaces: {}}}", "'NetworkPolicy' is not a tier"),
        ("{tier: Admin, priority: 1001, subject: {namespaces: {}}}", "1001 is not a priority"),
        ("{tier: Admin, priority: -1, subject: {namespaces: {}}}", "-1 is not a priority"),
        ("{tier: Admin, priority: 1, subject: {}}", "a subject has no field"),
        (
            "{tier: Admin, priority: 1, subject: {namespaces: {}, pods: {podSelector: {}}}}",
            "a subject has namespaces and pods; write exactly one of namespaces, pods",
        ),
        ("{tier: Admin, priority: 1, subject: {pods: {namespaceSelector: {}}}}", "'podSelector' is missing"),
        ("{tier: Admin, priority: 1, subject: {podSelector: {}}}", "it belongs under pods:"),
        (ingress(f"{{from: [{{{PEER}}}]}}"), "'action' is missing"),
        (
            ingress(f"{{action: Allow, from: [{{{PEER}}}]}}"),
            "'Allow' is not an action; write one of Accept, Deny, Pass",
        ),
        (ingress("{action: Deny}"), "'from' is missing"),
        (ingress("{action: Deny, from: }"), "'from' has no value"),
        (ingress("{action: Deny, from: []}"), "expected a list of peers, found an empty list"),
        (ingress("{action: Deny, from: [{}]}"), "a peer has no field"),
        (ingress("{action: Deny, from: [{namespaces: null}]}"), "a peer has no field"),
        (ingress(f"{{action: Deny, to: [{{{PEER}}}]}}"), "the peers of this rule are under from:"),
        (ingress("{action: Deny, from: [{networks: [10.0.0.0/8]}]}"), "only peers of egress rules have it"),
        (ingress("{action: Deny, from: [{matchLabels: {a: b}}]}"), "it belongs under namespaces:"),
        (
            ingress(f"{{name: {'x' * 101}, action: Deny, from: [{{{PEER}}}]}}"),
            "is not a name of at most 100 characters",
        ),
        (egress(", ".join([f"{{action: Deny, to: [{{{PEER}}}]}}"] * 26)), "more than 25 rules"),
        (to(", ".join([f"{{{PEER}}}"] * 26)), "more than 25 peers"),
        (to("{networks: []}"), "expected a list of networks, found an empty list"),
        (to(f"{{networks: [{', '.join(f'10.0.{n}.0/24' for n in range(26))}]}}"), "more than 25 networks"),
        (to("{networks: [10.0.0.1/8]}"), "10.0.0.1/8 has bits beyond its length; write 10.0.0.0/8"),
        (to("{networks: [10.0.0.0]}"), "'10.0.0.0' is not a CIDR"),
        (to("{networks: [10.0.0.0/255.0.0.0]}"), "is not a CIDR"),
        (to("{networks: [10.0.0.0/8, 10.0.0.0/8]}"), "'10.0.0.0/8' is listed twice"),
        (to("{domainNames: [com]}"), "'com' is not a domain name"),
        (to("{domainNames: ['a.*.example.com']}"), "is not a domain name"),
        (to("{domainNames: ['*']}"), "is not a domain name"),
        (protocols(""), "expected a list of protocols, found an empty list"),
        (protocols("{}"), "an item of protocols has no field"),
        (protocols("{tcp: {}}"), "a protocol's field has no field; write exactly one of destinationPort"),
        (protocols("{tcp: {destinationPort: {number: 0}}}"), "0 is not a port"),
        (protocols("{tcp: {destinationPort: {number: 1, range: {start: 1, end: 2}}}}"), "has number and range"),
        (protocols("{tcp: {destinationPort: {range: {start: 2, end: 2}}}}"), "the range starts at 2 and ends at 2"),
        (protocols("{tcp: {destinationPort: {range: {start: 2}}}}"), "'end' is missing"),
        (protocols("{port: 80}"), "it belongs under tcp:, udp: or sctp:"),
        (
            egress("{action: Accept, to: [{networks: [10.0.0.0/8]}], protocols: [{destinationNamedPort: web}]}"),
            "destinationNamedPort cannot be beside a peer of networks",
        ),
        (
            egress("{action: Accept, to: [{nodes: {}}], protocols: [{destinationNamedPort: web}]}"),
            "destinationNamedPort cannot be beside a peer of nodes",
        ),
    ],
)
def test_what_the_server_refuses_is_a_problem_with_its_place(write: Write, spec: str, message: str) -> None:
    found = problems(write, spec)
    assert message in found
    assert "cnp.yaml:4:" in found


def test_the_beta_version_has_the_same_fields(write: Write) -> None:
    text = f"{TYPE}spec: {{{SPEC}}}\n".replace("v1alpha2", "v1beta1")
    (policy,) = load(write(HEAD, {"cnp.yaml": text})).steps[0].policies
    assert policy.family is ApiGroupFamily.CLUSTER
    text = f"{TYPE}spec: {{{SPEC}, prio: 1}}\n".replace("v1alpha2", "v1beta1")
    with pytest.raises(ScenarioInvalid, match="unknown key 'prio'"):
        load(write(HEAD, {"cnp.yaml": text}))


def test_another_version_and_a_namespace_are_problems(write: Write) -> None:
    text = f"{TYPE}spec: {{{SPEC}}}\n".replace("v1alpha2", "v1alpha3").replace("{name: n}", "{name: n, namespace: x}")
    with pytest.raises(ScenarioInvalid) as caught:
        load(write(HEAD, {"cnp.yaml": text}))
    assert "write apiVersion: policy.networking.k8s.io/v1alpha2" in str(caught.value)
    assert "ClusterNetworkPolicy is cluster-scoped; remove metadata.namespace" in str(caught.value)


@pytest.mark.parametrize(
    ("subject", "turn"),
    [
        ("{namespaces: {}}", "alone"),
        ("{namespaces: {matchExpressions: [{key: team, operator: DoesNotExist}]}}", "alone"),
        ("{pods: {podSelector: {}}}", "alone"),
        ("{pods: {podSelector: {matchExpressions: [{key: k8s-app, operator: Exists}]}}}", "alone"),
        ("{namespaces: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}", "alone"),
        ("{namespaces: {matchLabels: {kubernetes.io/metadata.name: default}}}", "beside others"),
        ("{namespaces: {matchLabels: {team: x}}}", "beside others"),
        ("{pods: {podSelector: {matchLabels: {app: web}}}}", "beside others"),
        ("{namespaces: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn,"
         " values: [kube-system, kube-public, kube-node-lease]}]}}", "beside others"),
    ],
)  # fmt: skip
def test_a_policy_that_may_select_the_clusters_own_pods_needs_a_scenario_that_runs_alone(
    write: Write, subject: str, turn: str
) -> None:
    files = {"cnp.yaml": f"{TYPE}spec: {{tier: Admin, priority: 1, subject: {subject}}}\n"}
    beside = HEAD.replace("exclusive: true\n", "")
    load(write(HEAD, files))
    if turn == "beside others":
        assert not load(write(beside, files)).exclusive
        return
    with pytest.raises(ScenarioInvalid, match="n may have pods of kube-system among its subjects; add 'exclusive: tr"):
        load(write(beside, files))
