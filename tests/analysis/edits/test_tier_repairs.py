"""Rules of ClusterNetworkPolicies that nearly match: the mistake that is named, and the edit that corrects it.

That each edit gives the verdict is what the search proves; here it is that the right one comes first.
"""

from pathlib import Path

import pytest

from netpol_harness.analysis.explain import Explanation, explain_path
from netpol_harness.analysis.predict import Predictor
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.nodes import Node
from netpol_harness.oracle.points import SPECIFICATION, Profile
from netpol_harness.oracle.profiles import CALICO
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import KnownAddresses
from netpol_harness.scenario.load import load

WORKLOADS = """
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: shop}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: back, labels: {team: back}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: back, labels: {app: db}}
spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 5432, name: sql}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: back, labels: {app: agent}}
spec: {hostNetwork: true, containers: [{name: main, image: stand-in, ports: [{containerPort: 9100}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""
SCENARIO = """
title: x
workloads: [workloads.yaml]
exclusive: true
external: {partner: {address: 203.0.113.7, ports: [443]}}
names: {api.partner.example: [partner]}
steps: [{name: only, policies: [policies.yaml], paths: {'PATH': VERDICT}}]
"""
SHOP, BACK = (f"{{namespaces: {{matchLabels: {{team: {team}}}}}}}" for team in ("shop", "back"))
TO_DB, TO_PARTNER, TO_NAME = (
    "shop/web -> back/db:5432",
    "shop/web -> partner:443",
    "shop/web -> api.partner.example:443",
)
TO_SERVICE, TO_AGENT = "back/db -> shop/front:80", "shop/web -> back/agent:9100"
REST = "{name: rest, action: Deny, from: [{namespaces: {}}]}"
DNS = "{action: Accept, to: [{namespaces: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}]}"
SHUT = """---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: own, namespace: back}
spec: {podSelector: {matchLabels: {app: db}}}
"""
OUT = "{name: rest, action: Deny, to: [{networks: [0.0.0.0/0]}]}"


def policy(subject: str, way: str, *rules: str, tier: str = "Admin") -> str:
    lines = "".join(f"\n    - {rule}" for rule in rules)
    head = "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: p}"
    return f"{head}\nspec:\n  tier: {tier}\n  priority: 5\n  subject: {subject}\n  {way}:{lines}\n"


def accept(peer: str, protocols: str = "", *, key: str = "from", action: str = "Accept") -> str:
    return f"{{name: ours, action: {action}, {key}: [{peer}]{protocols and f', protocols: [{protocols}]'}}}"


def tcp(number: int, protocol: str = "tcp") -> str:
    return f"{{{protocol}: {{destinationPort: {{number: {number}}}}}}}"


def explained(
    folder: Path,
    path: str,
    wanted: str,
    written: str,
    profile: Profile = SPECIFICATION,
    addresses: KnownAddresses | None = None,
) -> Explanation:
    (folder / "workloads.yaml").write_text(WORKLOADS)
    (folder / "policies.yaml").write_text(written)
    (folder / "scenario.yaml").write_text(SCENARIO.replace("PATH", path).replace("VERDICT", wanted))
    scenario = load(folder / "scenario.yaml")
    predictor = Predictor(scenario, scenario.steps[0], profile, addresses)
    return explain_path(predictor, scenario.steps[0].paths[0], (), Expected(wanted))


OURS = "rule 1 'ours' (policies.yaml:9) of p (Admin tier, priority 5)"

SECOND = "rule 2 'ours' (policies.yaml:10) of p (Admin tier, priority 5)"


@pytest.mark.parametrize(
    ("path", "wanted", "written", "sentence", "line"),
    [
        (
            TO_DB,
            "allowed",
            policy(BACK, "ingress", accept("{namespaces: {matchLabels: {team: shpo}}}"), REST),
            f"{OURS} means all pods in namespaces team=shpo, of which there are none; namespace shop has team=shop:"
            " write all pods in namespaces team=shop",
            "+           team: shop",
        ),
        (
            TO_DB,
            "allowed",
            policy(BACK, "ingress", accept("{pods: {podSelector: {matchLabels: {app: wbe}}}}"), REST, tier="Baseline"),
            f"{OURS.replace('Admin', 'Baseline')} means pods app=wbe in all namespaces, of which"
            " there are none; web has app=web: write pods app=web in all namespaces",
            "+             app: web",
        ),
        (
            TO_DB,
            "allowed",
            policy(BACK, "ingress", accept(SHOP, tcp(5432, "udp")), REST),
            f"{OURS} means 5432/UDP, and the connection is to 5432/TCP: write tcp",
            "+     - tcp:",
        ),
        (
            TO_DB,
            "allowed",
            policy(BACK, "ingress", accept(SHOP, "{destinationNamedPort: postgres}"), REST),
            f"{OURS} names port postgres, which is not 5432/TCP at db: write 5432",
            "+           number: 5432",
        ),
        (
            TO_DB,
            "allowed",
            policy(BACK, "ingress", accept(SHOP, tcp(5433)), REST),
            f"{OURS} lists 5433/TCP, not 5432/TCP: add it to its protocols",
            "+           number: 5432",
        ),
        (
            TO_SERVICE,
            "allowed",
            policy(SHOP, "ingress", accept(BACK, tcp(80)), REST),
            f"{OURS} names 80, the Service's port, but policies apply to the pod's own: write 8080",
            "+           number: 8080",
        ),
        (
            TO_DB,
            "allowed",
            policy(BACK, "ingress", accept("{namespaces: {matchLabels: {partner: 'yes'}}}"), REST),
            f"{OURS} requires partner=yes, which namespace shop lacks: add the label",
            '+     partner: "yes"',
        ),
        (
            TO_DB,
            "allowed",
            policy(BACK, "ingress", REST, accept(SHOP)),
            "rule 1 'rest' (policies.yaml:9) of p (Admin tier, priority 5) denies ingress from web before rule 2 'ours'"
            " (policies.yaml:10) of p (Admin tier, priority 5) is asked: move that one before it",
            "+   - name: rest",
        ),
        (
            TO_DB,
            "blocked",
            policy("{namespaces: {matchLabels: {team: bakc}}}", "ingress", accept(SHOP, action="Deny")),
            "p (policies.yaml:1) selects all pods in namespaces team=bakc, of which there are none; namespace back has"
            " team=back: select all pods in namespaces team=back",
            "+         team: back",
        ),
        (
            TO_DB,
            "blocked",
            policy(BACK, "ingress", accept("{namespaces: {matchLabels: {team: shpo}}}", action="Deny")),
            f"{OURS} means all pods in namespaces team=shpo, of which there are none; namespace shop has team=shop:"
            " write all pods in namespaces team=shop",
            "+           team: shop",
        ),
        (
            TO_PARTNER,
            "allowed",
            policy(SHOP, "egress", accept("{networks: [203.0.112.0/24]}", tcp(443), key="to"), OUT),
            f"{OURS} lists 203.0.112.0/24, not the address of partner: add 203.0.113.7/32 to it",
            "+       - 203.0.113.7/32",
        ),
        (
            TO_NAME,
            "allowed",
            policy(SHOP, "egress", DNS, accept("{domainNames: [api.partnr.example]}", key="to"), OUT),
            f"{SECOND} lists api.partnr.example, and web looks up api.partner.example: add it",
            "+       - api.partner.example",
        ),
    ],
)  # fmt: skip
def test_the_mistake_is_named_and_corrected(
    tmp_path: Path, path: str, wanted: str, written: str, sentence: str, line: str
) -> None:
    first = explained(tmp_path, path, wanted, written).solutions[0]
    assert first.plan.sentences == (sentence,)
    assert line in [text for edit in first.plan.edits for hunk in edit.hunks for text in hunk.lines]


@pytest.mark.parametrize(
    ("path", "wanted", "written", "cause"),
    [
        (
            TO_AGENT,
            "blocked",
            policy("{pods: {podSelector: {matchLabels: {app: agent}}}}", "ingress", REST.replace("rest", "ours")),
            "p (policies.yaml:1) has no effect on agent: agent is on the network of its node, where no"
            " ClusterNetworkPolicy selects it",
        ),
        (
            TO_PARTNER,
            "allowed",
            policy(SHOP, "egress", accept("{domainNames: [other.example]}", key="to"), OUT),
            f"{OURS} does not match this: none of its names has the address of partner",
        ),
        (
            "back/agent -> back/db:5432",
            "allowed",
            policy(BACK, "ingress", accept("{pods: {podSelector: {matchLabels: {app: agent}}}}")) + SHUT,
            f"{OURS} does not match this: agent is on the network of its node, where no ClusterNetworkPolicy selects"
            " it",
        ),
    ],
)
def test_a_reason_that_no_edit_removes_is_a_cause(
    tmp_path: Path, path: str, wanted: str, written: str, cause: str
) -> None:
    lines = [line.text for line in explained(tmp_path, path, wanted, written).advice]
    assert cause in lines


def test_policies_of_one_rank_are_a_cause(tmp_path: Path) -> None:
    deny = policy(BACK, "ingress", REST).replace("name: p}", "name: q}")
    both = f"{policy(BACK, 'ingress', accept(SHOP))}---\n{deny}"
    lines = [line.text for line in explained(tmp_path, TO_DB, "allowed", both).advice]
    assert (
        "p (policies.yaml:1) and q (policies.yaml:11) have the Admin tier and priority 5, and the API leaves open which"
        " goes first: give one another priority"
    ) in lines


def test_an_unsupported_peer_is_a_cause(tmp_path: Path) -> None:
    written = policy(SHOP, "egress", accept("{domainNames: [api.partner.example]}", key="to"), OUT)
    lines = [line.text for line in explained(tmp_path, TO_NAME, "allowed", written, CALICO).advice]
    assert any(
        "profile calico's decision on whether the network plugin supports peers of domainNames" in text
        for text in lines
    )


def test_the_labels_of_a_node_correct_a_rule(tmp_path: Path) -> None:
    agent = NamespacedName("back", "agent")
    node = Node("worker", {"role": "monitor"}, ("192.0.2.7",))
    known = KnownAddresses(
        {agent: ["192.0.2.7"]}, nodes={agent: ["192.0.2.7"]}, node_names={agent: ["worker"]}, node_objects=(node,)
    )
    written = policy(SHOP, "egress", accept("{nodes: {matchLabels: {role: monitr}}}", key="to"), OUT)
    first = explained(tmp_path, TO_AGENT, "allowed", written, addresses=known).solutions[0]
    assert first.plan.sentences == (
        f"{OURS} means nodes role=monitr; node worker has role=monitor: write nodes role=monitor",
    )


def test_a_rule_that_means_other_pods_is_not_changed(tmp_path: Path) -> None:
    written = policy(BACK, "ingress", accept("{pods: {podSelector: {matchLabels: {app: agent}}}}"), REST)
    sentences = [s for each in explained(tmp_path, TO_DB, "allowed", written).solutions for s in each.plan.sentences]
    assert sentences
    assert not any("'ours'" in sentence for sentence in sentences)


def test_a_rule_is_not_moved_before_one_that_it_covers(tmp_path: Path) -> None:
    passes = accept(SHOP, action="Pass")
    solutions = explained(tmp_path, TO_DB, "blocked", policy(BACK, "ingress", passes, REST)).solutions
    assert solutions
    assert not any("move that one" in sentence for each in solutions for sentence in each.plan.sentences)
