"""Law: the kernel's rules depend on the cluster's state, not on the states before it."""

import json
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netpol_harness.emulator.dataplane.rules import Ruleset
from netpol_harness.emulator.dataplane.ruleset import ruleset
from netpol_harness.emulator.dataplane.transaction import EMPTY, transaction
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction, NamespacedName, Port, Protocol
from netpol_harness.model.objects import ContainerPort, Namespace, Pod, World
from netpol_harness.model.policy import IPBlock, NetworkPolicy, PodPeer, PolicyPort, Rule
from netpol_harness.model.services import Service, ServicePort

NAMES = st.sampled_from(("x", "y"))
REFS = st.builds(NamespacedName, NAMES, st.sampled_from(("a", "b", "c", "d")))
ADDRESSES = st.sampled_from(("10.244.0.2", "10.244.0.3", "10.244.0.4", "10.244.0.5", "fd00::2", "fd00::3"))
LABELS = st.dictionaries(st.sampled_from(("app", "tier")), st.sampled_from(("1", "2")))
SELECTORS = st.builds(LabelSelector.equal, LABELS)
PROTOCOLS = st.sampled_from((Protocol.TCP, Protocol.UDP, Protocol.SCTP))
PORTS = st.builds(Port, PROTOCOLS, st.sampled_from((53, 80, 8080)))
NETWORKS = st.sampled_from(
    [ip_network(n) for n in ("10.244.0.0/29", "10.244.0.2/31", "0.0.0.0/0", "fd00::/64", "::/0")]
)
PEERS = st.one_of(
    st.builds(IPBlock, NETWORKS, st.lists(NETWORKS, max_size=2).map(tuple)),
    st.builds(PodPeer, SELECTORS, st.none() | SELECTORS),
    st.builds(PodPeer, st.none(), SELECTORS),
)
POLICY_PORTS = st.one_of(
    st.builds(PolicyPort, PROTOCOLS, st.sampled_from((None, 80, "http", "dns"))),
    st.builds(PolicyPort, PROTOCOLS, st.just(80), st.sampled_from((80, 90))),
)
RULES = st.lists(
    st.builds(
        Rule,
        st.none() | st.lists(PEERS, min_size=1, max_size=3).map(tuple),
        st.none() | st.lists(POLICY_PORTS, min_size=1, max_size=2).map(tuple),
    ),
    max_size=2,
).map(tuple)
POLICIES = st.builds(
    NetworkPolicy, REFS, SELECTORS, st.frozensets(st.sampled_from(Direction), min_size=1), RULES, RULES
)
PODS = st.builds(
    Pod,
    ref=REFS,
    labels=LABELS,
    ports=st.lists(st.builds(ContainerPort, PORTS, st.sampled_from(("", "http", "dns"))), max_size=2).map(tuple),
    addresses=st.lists(ADDRESSES, max_size=1).map(tuple),
    host_network=st.sampled_from((False, False, False, True)),
    running=st.sampled_from((True, True, True, False)),
)
SERVICES = st.builds(
    Service,
    ref=REFS,
    selector=st.none() | LABELS,
    ports=st.lists(
        st.builds(ServicePort, PORTS, st.sampled_from((80, "http")), node_port=st.sampled_from((0, 30080))),
        max_size=2,
        unique_by=lambda p: p.port,
    ).map(tuple),
    cluster_ips=st.sampled_from(((), ("10.96.0.5",), ("10.96.0.6",), ("10.96.0.7", "fd01::7"))),
)
STATES = st.builds(
    lambda spaces, pods, services, policies: ruleset(
        World(
            {name: Namespace(name, labels) for name, labels in zip(("x", "y"), spaces, strict=True)},
            {pod.ref: pod for pod in pods},
            {service.ref: service for service in services},
            tuple(policies),
        ),
    ),
    st.lists(LABELS, min_size=2, max_size=2),
    st.lists(PODS, max_size=6, unique_by=lambda pod: pod.addresses or pod.ref),
    st.lists(SERVICES, max_size=3, unique_by=(lambda s: s.ref, lambda s: s.cluster_ips)),
    st.lists(POLICIES, max_size=4, unique_by=lambda policy: policy.ref),
)


@pytest.mark.live
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(states=st.lists(STATES, min_size=2, max_size=4))
def test_rules_do_not_remember_earlier_states(lab: Any, states: list[Ruleset]) -> None:
    lab.flush()
    for old, new in zip([EMPTY, *states], states, strict=False):
        lab.apply(transaction(old, new))
    incremental = content(lab.listing())
    lab.flush()
    lab.apply(transaction(EMPTY, states[-1]))
    assert incremental == content(lab.listing())


@given(state=STATES)
def test_no_change_is_no_transaction(state: Ruleset) -> None:
    assert transaction(state, state) == ""


def content(listing: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the rules of each chain in order and everything else unordered, without handles."""
    rules: dict[str, list[str]] = {}
    others = []
    for entry in listing:
        [(kind, data)] = entry.items()
        data = {key: value for key, value in data.items() if key != "handle"}
        if kind == "rule":
            rules.setdefault(data["chain"], []).append(json.dumps(data["expr"]))
        else:
            others.append((kind, json.dumps({**data, "elem": sorted(map(json.dumps, data.get("elem", [])))})))
    return {"rules": rules, "others": sorted(others)}
