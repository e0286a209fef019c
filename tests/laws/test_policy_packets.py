"""Law: what packets do under any policies is what the text of networking.k8s.io/v1 says.

The text is read here a second time, by brute force, from the dictionaries that a user would write. Nothing of the
package takes part in that reading; it only turns the same dictionaries into rules. Points that the API leaves open
are read as the package documents them: an ipBlock holds pods by their own addresses, a named port of egress is looked
up on the pod that is asked.
"""

from ipaddress import ip_address, ip_network
from itertools import islice
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from harness.cluster.embedded.ruleset import ruleset
from harness.cluster.embedded.transaction import EMPTY, transaction
from harness.model.objects import World

Dict = dict[str, Any]
Path = tuple[str, str, str, int]

NAMESPACES = ("x", "y", "z")
PORTS = (80, 81)
PODS = {(namespace, f"p{i}"): f"10.244.0.{2 + 4 * n + i}" for n, namespace in enumerate(NAMESPACES) for i in range(3)}
OUTSIDE = ("203.0.113.1", "203.0.113.130")
PATHS: list[Path] = [
    (source, target, protocol, port)
    for source in (*PODS.values(), *OUTSIDE)
    for target in (*PODS.values(), *OUTSIDE)
    if source != target and (source in PODS.values() or target in PODS.values())
    for protocol in ("TCP", "UDP")
    for port in PORTS
]

# The API, read by brute force ----------------------------------------------------------------------------------------


def selected(selector: Dict, labels: Dict) -> bool:
    """LabelSelector: all requirements are ANDed; NotIn and DoesNotExist also match where the key is missing."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for expression in selector.get("matchExpressions", []):
        key, operator, values = expression["key"], expression["operator"], expression.get("values", [])
        holds = {
            "In": key in labels and labels[key] in values,
            "NotIn": key not in labels or labels[key] not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }
        if not holds[operator]:
            return False
    return True


class Reading:
    """Answers for one cluster, from its objects."""

    def __init__(self, objects: list[Dict]) -> None:
        self._namespaces = {o["metadata"]["name"]: o["metadata"]["labels"] for o in objects if o["kind"] == "Namespace"}
        self._pods = {o["status"]["podIPs"][0]["ip"]: o for o in objects if o["kind"] == "Pod"}
        self._policies = [o for o in objects if o["kind"] == "NetworkPolicy"]

    def allows(self, source: str, target: str, protocol: str, port: int) -> bool:
        """A connection needs the egress of its source and the ingress of its target."""
        return self._direction("Egress", source, target, target, protocol, port) and self._direction(
            "Ingress", target, source, target, protocol, port
        )

    def _direction(self, kind: str, subject: str, peer: str, target: str, protocol: str, port: int) -> bool:
        rules_key, peers_key = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}[kind]
        pod = self._pods.get(subject)
        isolated = False
        for policy in self._policies if pod else []:
            assert pod
            spec, home = policy["spec"], policy["metadata"]["namespace"]
            types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
            if kind not in types or home != pod["metadata"]["namespace"]:
                continue
            if not selected(spec["podSelector"], pod["metadata"]["labels"]):
                continue
            isolated = True
            for rule in spec.get(rules_key) or []:
                peers, ports = rule.get(peers_key) or [], rule.get("ports") or []
                if (not peers or any(self._is_peer(p, peer, home) for p in peers)) and (
                    not ports or any(self._is_port(p, target, protocol, port) for p in ports)
                ):
                    return True
        return not isolated

    def _is_peer(self, entry: Dict, address: str, home: str) -> bool:
        if "ipBlock" in entry:
            block = entry["ipBlock"]
            inside = ip_address(address) in ip_network(block["cidr"])
            return inside and not any(ip_address(address) in ip_network(e) for e in block.get("except", []))
        pod = self._pods.get(address)
        if pod is None:
            return False
        namespace = pod["metadata"]["namespace"]
        if "namespaceSelector" in entry:
            if not selected(entry["namespaceSelector"], self._namespaces[namespace]):
                return False
        elif namespace != home:
            return False
        return "podSelector" not in entry or selected(entry["podSelector"], pod["metadata"]["labels"])

    def _is_port(self, entry: Dict, target: str, protocol: str, port: int) -> bool:
        if entry.get("protocol", "TCP") != protocol:
            return False
        wanted = entry.get("port")
        if wanted is None:
            return True
        if isinstance(wanted, int):
            return wanted <= port <= entry.get("endPort", wanted)
        pod = self._pods.get(target)
        declared = pod["spec"]["containers"][0]["ports"] if pod else []
        return any((d["name"], d["protocol"], d["containerPort"]) == (wanted, protocol, port) for d in declared)


# Small clusters ------------------------------------------------------------------------------------------------------

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
blocks = st.sampled_from(
    [
        {"cidr": "0.0.0.0/0"},
        {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/29", "203.0.113.0/25"]},
        {"cidr": "203.0.113.0/24", "except": ["203.0.113.128/25"]},
        {"cidr": "10.244.0.0/16", "except": ["10.244.0.4/30", "10.244.0.5/32"]},
        {"cidr": "10.244.0.7/32"},
        {"cidr": "10.244.0.0/29", "except": ["10.244.0.0/30"]},
        {"cidr": "172.16.0.0/12"},
        {"cidr": "fd00::/8"},
    ]
)
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
    """Policies of these types, by the letter or by default."""
    written = st.sampled_from(({"policyTypes": types}, {"policyTypes": types}, {}))
    some = {"Ingress": ("ingress", rules("from")), "Egress": ("egress", rules("to"))}
    content = st.fixed_dictionaries({"podSelector": subjects}, optional=dict(some[kind] for kind in types))
    return st.builds(lambda one, two: one | two, written, content)


@st.composite
def policies(draw: st.DrawFn) -> list[Dict]:
    """Policies for single pods, so that each is seen by itself, and for many; often of one direction alone."""
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
    """The objects of a cluster; too many to be shown whole."""

    def __repr__(self) -> str:
        return "..."

    def around(self, path: Path) -> str:
        """What can decide one path: the objects of the namespaces at both ends."""
        homes = {space for (space, _), address in PODS.items() if address in path[:2]}
        return yaml.safe_dump_all([o for o in self if o["metadata"].get("namespace", o["metadata"]["name"]) in homes])


def namespace(name: str, own: Dict) -> Dict:
    return {"kind": "Namespace", "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name, **own}}}


def pod(name: tuple[str, str], address: str, own: Dict, names: dict[tuple[str, int], str]) -> Dict:
    declared = [{"containerPort": n, "protocol": protocol, "name": name} for (protocol, n), name in names.items()]
    return {
        "kind": "Pod",
        "metadata": {"namespace": name[0], "name": name[1], "labels": {**own, "name": name[1]}},
        "spec": {"containers": [{"name": "c", "ports": declared}]},
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


# The law -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hosts(lab: Any) -> Any:
    lab.hosts([*PODS.values(), *OUTSIDE], PORTS)
    return lab


@pytest.mark.live
@settings(
    max_examples=150,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(objects=clusters)
def test_packets_follow_the_policies(hosts: Any, objects: Cluster) -> None:
    hosts.forget()
    hosts.apply(transaction(EMPTY, ruleset(World.parse(objects))))
    reading = Reading(objects)
    expected = {path: "connected" if reading.allows(*path) else "silent" for path in PATHS}
    wrong = [path for path, outcome in hosts.probe(PATHS, patience=0.03).items() if outcome != expected[path]]
    confirmed = hosts.probe(wrong, patience=0.3) if wrong else {}
    surprises = {path: outcome for path, outcome in confirmed.items() if outcome != expected[path]}
    for path, outcome in islice(surprises.items(), 1):
        pytest.fail(
            f"{path} is {outcome}, and {len(surprises) - 1} more are wrong\n{objects.around(path)}", pytrace=False
        )
