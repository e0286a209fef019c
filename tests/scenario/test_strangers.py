"""Strangers: who they are, by the policies in force, and the steps that have them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_harness.errors import ScenarioInvalid
from netpol_harness.model.objects import World
from netpol_harness.model.policy import PodPeer
from netpol_harness.runner.target_state import scenario_objects
from netpol_harness.scenario.load import load
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import SYSTEM_NAMESPACES, Scenario, closed_world
from netpol_harness.scenario.stranger_manifests import stranger_manifests
from netpol_harness.scenario.strangers import strangers_of

Dict = dict[str, Any]


def pod(name: str, **labels: str) -> Dict:
    namespace, _, own = name.partition("/")
    container = {"name": "main", "image": "stand-in", "ports": [{"containerPort": 80}]}
    metadata = {"name": own, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def namespace(name: str, **labels: str) -> Dict:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def policy(spec: str, namespace: str = "shop") -> Dict:
    metadata = {"name": "own", "namespace": namespace}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {"podSelector": {}, **yaml.safe_load(spec)},
    }


TOWN = (
    namespace("shop", team="shop"),
    namespace("back"),
    namespace("kube-system"),
    pod("shop/web", app="web"),
    pod("back/db", app="db"),
    pod("kube-system/kube-dns", **{"k8s-app": "kube-dns"}),
)


def found(*policies: Dict, also: tuple[Dict, ...] = ()) -> list[str]:
    """Return each stranger as ``namespace{its labels}/name{labels}:ports``; of namespaces only those that are new."""
    strangers = strangers_of([World.parse([*TOWN, *also, *policies])], SYSTEM_NAMESPACES)
    lines = []
    for stranger in strangers.pods:
        home = _text(strangers.namespaces.get(stranger.ref.namespace, {}))
        ports = ",".join(f"{entry.port}{f'={entry.name}' if entry.name else ''}" for entry in stranger.ports)
        lines.append(f"{stranger.ref.namespace}{home}/{stranger.ref.name}{_text(stranger.labels)}:{ports}")
    return lines


def _text(labels: Mapping[str, str]) -> str:
    return f"{{{','.join(f'{key}={value}' for key, value in labels.items())}}}" if labels else ""


PLAIN = ["shop/stranger:", "back/stranger:", "strangers/stranger:"]


def from_peer(peer: str) -> Dict:
    return policy(f"{{podSelector: {{matchLabels: {{app: web}}}}, ingress: [{{from: [{peer}]}}]}}")


@pytest.mark.parametrize(
    ("peer", "more"),
    [
        ("{podSelector: {}}", []),
        ("{namespaceSelector: {}}", []),
        ("{ipBlock: {cidr: 0.0.0.0/0}}", []),
        ("{podSelector: {matchLabels: {app: web}}}", []),
        ("{podSelector: {matchLabels: {app: db}}}", ["shop/stranger-db{app=db}:"]),
        ("{podSelector: {matchLabels: {cache-client: 'true'}}}", ["shop/stranger-cache-client{cache-client=true}:"]),
        (
            "{podSelector: {matchExpressions: [{key: app, operator: In, values: [api, web-two]}]}}",
            ["shop/stranger-api{app=api}:"],
        ),
        (
            "{podSelector: {matchExpressions: [{key: example.com/Role, operator: Exists}]}}",
            ["shop/stranger-role{example.com/Role=any}:"],
        ),
        ("{namespaceSelector: {matchLabels: {team: shop}}, podSelector: {matchLabels: {app: web}}}", []),
        (
            "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: back}}, "
            "podSelector: {matchLabels: {app: web}}}",
            ["back/stranger-web{app=web}:"],
        ),
        (
            "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}",
            ["monitoring/stranger:"],
        ),
        (
            "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}, "
            "podSelector: {matchLabels: {app: prometheus}}}",
            ["monitoring/stranger:", "monitoring/stranger-prometheus{app=prometheus}:"],
        ),
        (
            "{namespaceSelector: {matchLabels: {name: monitoring}}, podSelector: {matchLabels: {app: prometheus}}}",
            [
                "strangers-monitoring{name=monitoring}/stranger:",
                "strangers-monitoring{name=monitoring}/stranger-prometheus{app=prometheus}:",
            ],
        ),
        # nobody can be made for these: the cluster's own namespace, a contradiction, a namespace without the label
        (
            "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, "
            "podSelector: {matchLabels: {app: web}}}",
            [],
        ),
        (
            "{podSelector: {matchLabels: {a: b}, matchExpressions: [{key: a, operator: DoesNotExist}]}}",
            [],
        ),
        (
            "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: back, team: none}}}",
            [],
        ),
    ],
)
def test_a_peer_that_matches_nobody_has_a_representative(peer: str, more: list[str]) -> None:
    assert sorted(found(from_peer(peer))) == sorted([*PLAIN, *more])


def test_an_exempt_namespace_is_not_the_home_of_a_representative_if_another_fits() -> None:
    peer = "{namespaceSelector: {matchExpressions: [{key: team, operator: DoesNotExist}]}}"
    assert found(from_peer(peer)) == PLAIN


def test_a_representative_keeps_out_of_other_selectors() -> None:
    peers = "[{podSelector: {matchExpressions: [{key: app, operator: In, values: [api, till]}]}}]"
    own = policy(f"{{podSelector: {{matchLabels: {{app: api}}}}, ingress: [{{from: {peers}}}]}}")
    assert "shop/stranger-till{app=till}:" in found(own)


def test_a_target_of_a_rule_serves_its_ports() -> None:
    ports = "[{port: 5432}, {port: 53, protocol: UDP}, {port: 7000, endPort: 7005}, {port: metrics}, {protocol: SCTP}]"
    peer = "{podSelector: {matchLabels: {app: db}}}"
    own = policy(f"{{policyTypes: [Egress], egress: [{{to: [{peer}], ports: {ports}}}]}}")
    assert found(own) == [
        "shop/stranger:8080/TCP",
        "shop/stranger-db{app=db}:5432/TCP,53/UDP,7000/TCP,9003/TCP=metrics,8080/TCP",
        "back/stranger:8080/TCP",
        "strangers/stranger:8080/TCP",
    ]


def test_peers_of_rules_of_administrators_have_representatives_too() -> None:
    peers = [{"namespaces": {"matchLabels": {"team": "audit"}}}, {"pods": {"podSelector": {"matchLabels": {"a": "b"}}}}]
    ports = [{"tcp": {"destinationPort": {"number": 8443}}}]
    spec = {
        "tier": "Admin",
        "priority": 1,
        "subject": {"namespaces": {}},
        "egress": [{"action": "Deny", "to": peers, "protocols": ports}],
    }
    tiered = {"kind": "ClusterNetworkPolicy", "metadata": {"name": "n"}, "spec": spec}
    lines = found(also=(tiered,))
    assert any("team=audit" in line and "8443" in line for line in lines), lines
    assert any("a=b" in line and "8443" in line for line in lines), lines


def test_a_stranger_that_a_policy_isolates_is_a_target() -> None:
    assert found(policy("{}")) == ["shop/stranger:8080/TCP", "back/stranger:", "strangers/stranger:"]


def test_names_that_are_taken_are_not_used() -> None:
    also = (namespace("strangers"), pod("shop/stranger"), pod("shop/stranger-2", app="x"))
    assert found(also=also) == ["shop/stranger-3:", "back/stranger:", "strangers/stranger:", "strangers-2/stranger:"]


KEYS, VALUES = ("app", "team"), ("web", "shop", "x")
selectors = st.fixed_dictionaries(
    {},
    optional={
        "matchLabels": st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=2),
        "matchExpressions": st.lists(
            st.one_of(
                st.fixed_dictionaries(
                    {
                        "key": st.sampled_from(KEYS),
                        "operator": st.sampled_from(("In", "NotIn")),
                        "values": st.lists(st.sampled_from(VALUES), min_size=1, max_size=2),
                    }
                ),
                st.fixed_dictionaries(
                    {"key": st.sampled_from(KEYS), "operator": st.sampled_from(("Exists", "DoesNotExist"))}
                ),
            ),
            max_size=2,
        ),
    },
)
peers = st.one_of(
    st.fixed_dictionaries({"podSelector": selectors}),
    st.fixed_dictionaries({"namespaceSelector": selectors}),
    st.fixed_dictionaries({"podSelector": selectors, "namespaceSelector": selectors}),
)


@given(st.lists(peers, min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_with_strangers_each_peer_that_can_match_a_pod_matches_one(drawn: list[Dict]) -> None:
    own = policy(yaml.safe_dump({"ingress": [{"from": drawn}]}))
    strangers = strangers_of([World.parse([*TOWN, own])], SYSTEM_NAMESPACES)
    world = World.parse([*TOWN, *stranger_manifests(strangers), own])
    (rule,) = world.policies[0].ingress
    for peer in rule.peers or ():
        assert isinstance(peer, PodPeer)
        matched = [
            pod.ref
            for pod in world.pods.values()
            if (peer.pods is None or peer.pods.matches(pod.labels))
            and (
                pod.ref.namespace == "shop"
                if peer.namespaces is None
                else peer.namespaces.matches(world.namespaces[pod.ref.namespace].labels)
            )
        ]
        assert matched or _contradicts(peer)


def _contradicts(peer: PodPeer) -> bool:
    options = [None, *VALUES, "other", "any", "any-2"]
    every = [{k: v for k, v in (("app", a), ("team", t)) if v is not None} for a in options for t in options]
    return any(
        selector is not None and not any(selector.matches(labels) for labels in every)
        for selector in (peer.pods, peer.namespaces)
    )


STEPS = """
title: A shop
workloads: [workloads.yaml]
steps:
  - {name: open, others: allowed}
  - name: closed
    policies: [policy.yaml]
    strangers: true
    paths: {strangers/stranger -> web:80: blocked, outsider -> web:80: blocked, any -> back/db:80: allowed}
    others: oracle
"""

Write = Callable[..., Scenario]


@pytest.fixture
def shop(tmp_path: Path) -> Write:
    """Write a shop with one policy, and load it; ``steps`` is its scenario.yaml."""

    def write(own: Dict, steps: str = STEPS) -> Scenario:
        (tmp_path / "workloads.yaml").write_text(yaml.safe_dump_all([*TOWN[:2], *TOWN[3:5]]))
        (tmp_path / "policy.yaml").write_text(yaml.safe_dump(own))
        (tmp_path / "scenario.yaml").write_text(steps)
        return load(tmp_path / "scenario.yaml")

    return write


def test_only_steps_that_want_strangers_have_them(shop: Write) -> None:
    scenario = shop(policy("{policyTypes: [Ingress, Egress]}"))
    first, second = scenario.steps
    assert not any(w.is_stranger for w in first.inventory.workloads.values())
    assert not first.inventory.externals
    assert {str(w.ref) for w in second.inventory.workloads.values() if w.is_stranger} == {
        "shop/stranger",
        "back/stranger",
        "strangers/stranger",
    }
    assert {str(e.path) for e in second.expectations} >= {"outsider -> web:80", "strangers/stranger -> back/db:80"}
    objects = [
        {key.name for key in scenario_objects(scenario, step, Placement.literal(scenario)) if key.kind == "Pod"}
        for step in (None, first, second)
    ]
    assert objects == [{"web", "db"}, {"web", "db"}, {"web", "db", "stranger"}]


def test_the_name_server_needs_no_representative(shop: Write) -> None:
    """The pods that ``dns`` names are on the cluster; others that a rule might mean are not."""
    server = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: openshift-dns}}}"
    own = policy(f"{{policyTypes: [Egress], egress: [{{to: [{server}]}}]}}")
    known = shop(own, f"{STEPS}dns: {{namespace: openshift-dns, labels: {{dns: default}}, port: 5353}}\n")
    assert not [ref for ref in known.steps[1].inventory.workloads if ref.namespace == "openshift-dns"]
    guessed = shop(own).steps[1].inventory.workloads
    assert [str(ref) for ref in guessed if ref.namespace == "openshift-dns"] == ["openshift-dns/stranger"]


def test_the_closed_world_includes_strangers_but_not_among_themselves(shop: Write) -> None:
    first, second = shop(policy("{policyTypes: [Ingress, Egress]}")).steps
    assert {str(path) for path in closed_world(first)} == {"web -> db:80", "db -> web:80"}
    paths = {str(path) for path in closed_world(second)}
    assert {"shop/stranger -> web:80", "web -> back/stranger:8080", "web -> outsider:443"} <= paths
    assert "strangers/stranger -> web:80" not in paths, "it is written out"
    assert not [path for path in paths if path.count("stranger") == 2 and "strangers/stranger" not in path]
    assert not [path for path in paths if "outsider" in path and "stranger" in path]


def test_a_step_without_strangers_does_not_know_them(shop: Write) -> None:
    steps = STEPS.replace("others: allowed", "paths: {shop/stranger -> web:80: allowed}")
    with pytest.raises(ScenarioInvalid, match="shop/stranger is absent in this step"):
        shop(policy("{}"), steps)
    with pytest.raises(ScenarioInvalid, match="there is no workload called 'stranger'"):
        shop(policy("{}"), steps.replace("strangers: true", "strangers: false").replace("shop/stranger", "stranger"))
    with pytest.raises(ScenarioInvalid, match="strangers"):
        shop(policy("{}"), STEPS.replace("strangers: true", "strangers: some"))
