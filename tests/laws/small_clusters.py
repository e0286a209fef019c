"""Strategies for small clusters with any policies, as the dictionaries that a user would write."""

from collections.abc import Collection
from typing import Any

import yaml
from hypothesis import strategies as st

from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

Dict = dict[str, Any]
Path = tuple[str, str, str, int]

NAMESPACES = ("x", "y", "z")
PORTS = (80, 81)
PODS = {(namespace, f"p{i}"): f"10.244.0.{2 + 4 * n + i}" for n, namespace in enumerate(NAMESPACES) for i in range(3)}
NAMES = {address: name for name, address in PODS.items()}
OUTSIDE = ("203.0.113.1", "203.0.113.130")
PATHS: list[Path] = [
    (source, target, protocol, port)
    for source in (*PODS.values(), *OUTSIDE)
    for target in (*PODS.values(), *OUTSIDE)
    if source != target and (source in PODS.values() or target in PODS.values())
    for protocol in ("TCP", "UDP")
    for port in PORTS
]
"""From address, to address, protocol, port."""

KEYS, VALUES, PORT_NAMES = ("a", "b"), ("1", "2"), ("main", "other")
labels = st.fixed_dictionaries({}, optional={key: st.sampled_from(VALUES) for key in KEYS})
expressions = st.one_of(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(KEYS),
            "operator": st.sampled_from(("In", "NotIn")),
            "values": st.lists(st.sampled_from(VALUES), min_size=1, max_size=2, unique=True),
        }
    ),
    st.fixed_dictionaries({"key": st.sampled_from(KEYS), "operator": st.sampled_from(("Exists", "DoesNotExist"))}),
)
selectors = st.one_of(
    st.just({}),
    st.builds(lambda own: {"matchLabels": own}, labels),
    st.builds(lambda own: {"matchExpressions": own}, st.lists(expressions, min_size=1, max_size=2)),
)
BLOCKS: list[Dict] = [
    {"cidr": "0.0.0.0/0"},
    {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/29", "203.0.113.0/25"]},
    {"cidr": "203.0.113.0/24", "except": ["203.0.113.128/25"]},
    {"cidr": "10.244.0.0/16", "except": ["10.244.0.4/30", "10.244.0.5/32"]},
    {"cidr": "10.244.0.7/32"},
    {"cidr": "10.244.0.0/29", "except": ["10.244.0.0/30"]},
    {"cidr": "172.16.0.0/12"},
    {"cidr": "fd00::/8"},
]
blocks = st.sampled_from(BLOCKS)
peers = st.one_of(
    st.builds(lambda b: {"ipBlock": b}, blocks),
    st.builds(lambda s: {"podSelector": s}, selectors),
    st.builds(lambda s: {"namespaceSelector": s}, selectors),
    st.builds(lambda n, p: {"namespaceSelector": n, "podSelector": p}, selectors, selectors),
)
protocols = st.sampled_from(("TCP", "UDP"))
ports = st.one_of(
    st.fixed_dictionaries({}, optional={"protocol": protocols, "port": st.sampled_from((*PORTS, *PORT_NAMES))}),
    st.fixed_dictionaries(
        {"port": st.sampled_from((1, 79, 80)), "endPort": st.sampled_from((80, 81, 65535))},
        optional={"protocol": protocols},
    ),
)


def rules(peers_key: str) -> st.SearchStrategy[list[Dict]]:
    some = {peers_key: st.lists(peers, max_size=2), "ports": st.lists(ports, max_size=2)}
    return st.lists(st.fixed_dictionaries({}, optional=some), max_size=2)


def specs(subjects: st.SearchStrategy[Dict], types: list[str]) -> st.SearchStrategy[Dict]:
    """Policies with these types, written or by default."""
    written = st.sampled_from(({"policyTypes": types}, {"policyTypes": types}, {}))
    some = {"Ingress": ("ingress", rules("from")), "Egress": ("egress", rules("to"))}
    content = st.fixed_dictionaries({"podSelector": subjects}, optional=dict(some[kind] for kind in types))
    return st.builds(lambda types_field, fields: types_field | fields, written, content)


@st.composite
def policies(draw: st.DrawFn) -> list[Dict]:
    """Policies for single pods, so that each is tested alone, and for many; often with one direction only."""
    types = draw(st.sampled_from((["Ingress"], ["Egress"], ["Ingress", "Egress"])))
    single = [
        (space, draw(specs(st.just({"matchLabels": {"name": name}}), types)))
        for space, name in PODS
        if draw(st.integers(0, 2))
    ]
    many = draw(st.lists(st.tuples(st.sampled_from(NAMESPACES), specs(selectors, types)), max_size=2))
    return [
        {"kind": "NetworkPolicy", "metadata": {"namespace": space, "name": f"policy-{i}"}, "spec": spec}
        for i, (space, spec) in enumerate([*single, *many])
    ]


class Cluster(list[Dict]):
    """The objects of a cluster; too many to be printed."""

    def __repr__(self) -> str:
        return "..."

    def around(self, path: Path) -> str:
        """Return the objects of the namespaces at both ends of a path as YAML: all that can decide it."""
        return self.within({space for (space, _), address in PODS.items() if address in path[:2]})

    def within(self, homes: Collection[str]) -> str:
        """Return the objects of these namespaces as YAML."""
        return yaml.safe_dump_all([o for o in self if o["metadata"].get("namespace", o["metadata"]["name"]) in homes])


def namespace(name: str, own: Dict) -> Dict:
    return {"kind": "Namespace", "metadata": {"name": name, "labels": {NAMESPACE_NAME_LABEL: name, **own}}}


def pod(name: tuple[str, str], address: str, own: Dict, names: dict[tuple[str, int], str]) -> Dict:
    declared = [{"containerPort": n, "protocol": protocol, "name": name} for (protocol, n), name in names.items()]
    return {
        "kind": "Pod",
        "metadata": {"namespace": name[0], "name": name[1], "labels": {**own, "name": name[1]}},
        "spec": {"containers": [{"name": "c", "ports": declared}], "nodeName": "n1"},
        "status": {"podIPs": [{"ip": address}]},
    }


sockets = st.sampled_from([(protocol, port) for protocol in ("TCP", "UDP") for port in PORTS])
port_names = st.dictionaries(sockets, st.sampled_from(PORT_NAMES), max_size=2)
clusters = st.builds(
    lambda spaces, pods, rules: Cluster(
        [
            *(namespace(*entry) for entry in zip(NAMESPACES, spaces, strict=True)),
            *(pod(name, address, *entry) for (name, address), entry in zip(PODS.items(), pods, strict=True)),
            *rules,
        ]
    ),
    st.lists(labels, min_size=len(NAMESPACES), max_size=len(NAMESPACES)),
    st.lists(st.tuples(labels, port_names), min_size=len(PODS), max_size=len(PODS)),
    policies(),
)
