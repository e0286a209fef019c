from collections.abc import Callable
from pathlib import Path

import pytest

from netpol_harness.analysis.predict import Predictor, contradicts
from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import NamespacedName
from netpol_harness.oracle.profiles import CALICO, EMBEDDED, PROFILES
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import KnownAddresses
from netpol_harness.scenario.governance import namespaces_of
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Others, Scenario

Shop = Callable[..., Scenario]
SHIPPED = sorted((Path(__file__).parents[2] / "scenarios").glob("*/scenario.yaml"))
NO_INGRESS = "back/none {podSelector: {}, policyTypes: [Ingress]}"
NO_EGRESS = "shop/none {podSelector: {}, policyTypes: [Egress]}"
SERVERS = "{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}"
DNS = f"{{to: [{SERVERS}], ports: [{{port: 53, protocol: UDP}}]}}"
ONLY_DNS = f"shop/dns {{podSelector: {{}}, policyTypes: [Egress], egress: [{DNS}]}}"
FROM_WEB = "back/db {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: shop}}}]}]}"
FROM_NET = "back/net {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]}"


def verdicts(scenario: Scenario, *, step: int = -1) -> list[Expected]:
    """The predicted verdicts on the paths of a step, in order."""
    predictor = Predictor(scenario, scenario.steps[step])
    return [predictor.verdict(expectation.path) for expectation in scenario.steps[step].expectations]


@pytest.mark.parametrize(
    ("policies", "path", "expected"),
    [
        ([], "web -> store:5432", "allowed"),
        ([], "user -> http://front:80", "allowed"),
        ([NO_INGRESS], "web -> store:5432", "blocked"),
        ([NO_INGRESS], "web -> db:5432", "blocked"),
        ([NO_INGRESS, FROM_WEB], "web -> db:5432", "allowed"),
        ([FROM_WEB], "user -> store:5432", "blocked"),
        ([NO_INGRESS], "user -> front:80", "allowed"),
        # the look-up of a name is a flow of its own
        ([NO_EGRESS], "web -> store:5432", "unresolved"),
        ([NO_EGRESS], "web -> store.back.svc:5432", "unresolved"),
        ([NO_EGRESS], "idle -> ip(front):80", "blocked"),
        ([ONLY_DNS], "web -> store:5432", "blocked"),
        ([ONLY_DNS], "idle -> front:80", "blocked"),
        ([NO_EGRESS], "web -> partner:443", "blocked"),
        ([], "web -> 203.0.113.7:443", "allowed"),
        # addresses decide, and only one of the hosts has a known address
        ([FROM_NET], "partner -> db:5432", "allowed"),
        ([FROM_NET], "user -> db:5432", "undefined"),
        # the oracle cannot know the outcome
        ([], "db -> node(web):30080", "allowed"),
        (["shop/none {podSelector: {}}"], "db -> node(web):30080", "undefined"),
        ([], "web -> 192.0.2.9:443", "undefined"),
        ([], "user -> ip(front):80", "allowed"),
        (["shop/none {podSelector: {}}"], "user -> ip(front):80", "undefined"),
        ([], "web -> db:1", "undefined"),
        ([], "web -> empty:80", "undefined"),
        # a Service whose workloads have no pods rejects by itself
        ([], "web -> bed:5000", "rejected"),
        ([ONLY_DNS], "web -> bed:5000", "blocked"),
        ([NO_INGRESS], "web -> ip(bed):5000", "rejected"),
        ([NO_EGRESS], "web -> bed:5000", "unresolved"),
        ([], "web -> icmp://db", "allowed"),
        ([NO_INGRESS], "web -> icmp://db", "undefined"),
    ],
)
def test_the_verdict_on_a_path(shop: Shop, policies: list[str], path: str, expected: str) -> None:
    assert verdicts(shop(*policies, paths=f"'{path}': undefined")) == [expected]


@pytest.mark.parametrize(
    ("policies", "path", "expected"),
    [
        ([], "db -> front:80", "rejected"),
        ([], "db -> ip(front):80", "rejected"),
        (["back/db {podSelector: {}, policyTypes: [Egress]}"], "db -> ip(front):80", "blocked"),
        ([], "db -> web:8080", "allowed"),
        ([NO_INGRESS], "db -> web:8080", "allowed"),
        ([], "user -> front:80", "undefined"),
    ],
)
def test_a_service_rejects_while_its_pods_are_not_ready_and_a_pod_answers(
    shop: Shop, policies: list[str], path: str, expected: str
) -> None:
    assert verdicts(shop(*policies, paths=f"ready(web): false, {path}: undefined")) == [expected]


OPENSHIFT = "dns: {namespace: openshift-dns, service: dns-default, labels: {dns: default}, port: 5353}"
TO_KUBE_DNS = f"shop/dns {{podSelector: {{}}, policyTypes: [Egress], egress: [{DNS}]}}"
TO_OPENSHIFT = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: openshift-dns}}}"
TO_NODE = "{ipBlock: {cidr: 169.254.20.10/32}}"


def to_servers(peer: str, port: int) -> str:
    rule = f"{{to: [{peer}], ports: [{{port: {port}, protocol: UDP}}]}}"
    return f"shop/dns {{podSelector: {{}}, policyTypes: [Egress], egress: [{rule}]}}"


@pytest.mark.parametrize(
    ("server", "policy", "expected"),
    [
        ("", TO_KUBE_DNS, "blocked"),
        (OPENSHIFT, TO_KUBE_DNS, "unresolved"),
        (OPENSHIFT, to_servers(TO_OPENSHIFT, 53), "unresolved"),
        (OPENSHIFT, to_servers(TO_OPENSHIFT, 5353), "blocked"),
        (OPENSHIFT, to_servers("{namespaceSelector: {}, podSelector: {matchLabels: {dns: default}}}", 5353), "blocked"),
        ("dns: {address: 169.254.20.10}", to_servers(TO_NODE, 53), "blocked"),
        ("dns: {address: 169.254.20.10}", TO_KUBE_DNS, "undefined"),
        ("dns: {address: 192.0.2.53}", TO_KUBE_DNS, "unresolved"),
        ("dns: {address: 192.0.2.53}", to_servers("{ipBlock: {cidr: 192.0.2.0/24}}", 53), "blocked"),
    ],
    ids=[
        "usual",
        "other namespace",
        "Service's port",
        "own port",
        "labels",
        "node",
        "own node is open",
        "host",
        "block",
    ],
)
def test_look_ups_go_to_the_name_server_that_the_author_expects(
    shop: Shop, server: str, policy: str, expected: str
) -> None:
    assert verdicts(shop(policy, paths="'web -> store:5432': undefined", extra=server)) == [expected]


def test_look_ups_go_to_the_name_server_that_was_found(shop: Shop) -> None:
    scenario = shop(to_servers(TO_OPENSHIFT, 5353), paths="'web -> store:5432': undefined")
    found = NameServer(NamespacedName("openshift-dns", "dns-default"), {"dns": "default"}, 5353)
    known = KnownAddresses(name_server=found)
    path = scenario.steps[-1].expectations[0].path
    assert Predictor(scenario, scenario.steps[-1], addresses=known).verdict(path) == "blocked"
    assert Predictor(scenario, scenario.steps[-1]).verdict(path) == "unresolved"


def test_a_service_of_which_one_pod_is_allowed_and_one_blocked_is_undefined(shop: Shop) -> None:
    extra = "    labels: {pods: {idle: {app: web, shy: 'yes'}}}"
    deny = "shop/shy {podSelector: {matchLabels: {shy: 'yes'}}, policyTypes: [Ingress]}"
    scenario = shop(deny, paths="'db -> ip(front):80': undefined, user -> front:80: undefined", extra=extra)
    predictor = Predictor(scenario, scenario.steps[-1])
    inside, outside = (predictor.predict(expectation.path) for expectation in scenario.steps[-1].expectations)
    assert {str(connection.flow.port) for connection in inside.connections} == {"8080/TCP", "9000/TCP"}
    assert inside.verdict is Expected.UNDEFINED
    assert outside.verdict is Expected.UNDEFINED  # an external host connects to each of the pods


def test_labels_of_a_step_apply(shop: Shop) -> None:
    scenario = shop(FROM_WEB, paths="web -> db:5432: undefined", extra="    labels: {namespaces: {shop: {team: null}}}")
    assert verdicts(scenario) == [Expected.BLOCKED]


def test_a_service_that_is_absent_has_no_name(shop: Shop) -> None:
    assert verdicts(shop(paths="web -> store:5432: unresolved", extra="    absent: [Service/store]")) == ["unresolved"]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("specification", "undefined"), ("calico", "allowed"), ("embedded", "blocked"), ("cilium", "blocked")],
)
def test_an_open_connection_is_left_to_the_implementation(shop: Shop, profile: str, expected: str) -> None:
    scenario = shop(paths="held web -> http://db:5432: allowed", extra=CLOSED_LATER)
    path = scenario.steps[-1].expectations[0].path
    assert Predictor(scenario, scenario.steps[1], PROFILES[profile]).verdict(path) == "allowed"
    assert Predictor(scenario, scenario.steps[-1], PROFILES[profile]).verdict(path) == expected


CLOSED_LATER = """
  - name: later
    policies: [deny.yaml]
    paths: {held web -> http://db:5432: undefined}
"""


@pytest.fixture(autouse=True)
def _deny(tmp_path: Path) -> None:
    text = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny, namespace: back},"
    (tmp_path / "deny.yaml").write_text(f"{text} spec: {{podSelector: {{}}}}}}")


@pytest.mark.parametrize(("policies", "expected"), [([], "allowed"), ([NO_INGRESS], "undefined")])
def test_what_changes_on_entering_a_step_is_undefined_throughout(
    shop: Shop, policies: list[str], expected: str
) -> None:
    assert verdicts(shop(*policies, paths="throughout web -> db:5432: undefined")) == [expected]


def test_addresses_of_pods_decide_under_a_profile_whose_blocks_match_pods(shop: Shop) -> None:
    scenario = shop(FROM_NET, paths="web -> db:5432: undefined")
    step = scenario.steps[-1]
    path = step.expectations[0].path
    for address, expected in (("203.0.113.9", Expected.ALLOWED), ("10.0.0.9", Expected.BLOCKED)):
        known = KnownAddresses({NamespacedName("shop", "web"): (address,)})
        assert Predictor(scenario, step, EMBEDDED, known).verdict(path) is expected
        assert Predictor(scenario, step, addresses=known).verdict(path) in (Expected.UNDEFINED, Expected.BLOCKED)
    assert Predictor(scenario, step, CALICO).verdict(path) is Expected.UNDEFINED


def test_the_closed_world_by_table_equals_the_verdict_on_each_path(shop: Shop) -> None:
    scenario = shop(NO_INGRESS, ONLY_DNS)
    predictor = Predictor(scenario, scenario.steps[-1])
    cells = predictor.closed_world_verdicts()
    assert {path: predictor.verdict(path) for path in cells} == cells
    assert set(cells.values()) == {Expected.BLOCKED, Expected.ALLOWED}


@pytest.mark.parametrize("kind", ["GlobalNetworkPolicy", "NetworkPolicy"])
def test_policies_of_another_api_make_undefined_what_they_may_govern(shop: Shop, tmp_path: Path, kind: str) -> None:
    namespace = ", namespace: back" if kind == "NetworkPolicy" else ""
    text = f"{{apiVersion: crd.projectcalico.org/v1, kind: {kind}, metadata: {{name: c{namespace}}}, spec: {{}}}}"
    (tmp_path / "calico.yaml").write_text(text)
    last = "  - {name: last, policies: [calico.yaml], others: allowed, paths: {web -> db:5432: undefined}}"
    scenario = shop(extra=f"{last}\nexclusive: true")
    predictor = Predictor(scenario, scenario.steps[-1])
    assert verdicts(scenario) == [Expected.UNDEFINED]
    cells = predictor.closed_world_verdicts()
    governed = {path for path in cells if not namespace or "back" in namespaces_of(path)}
    assert {path for path, verdict in cells.items() if verdict is Expected.UNDEFINED} >= governed
    assert {cells[path] for path in cells.keys() - governed} <= {Expected.ALLOWED, Expected.BLOCKED}
    assert bool(predictor.beyond) is not bool(namespace)


def test_paths_without_a_verdict_get_the_predicted_one(shop: Shop) -> None:
    last = "  - {name: last, policies: [policy.yaml], expect: oracle, paths: [web -> db:5432, db -> idle:9000]}"
    scenario = shop(NO_INGRESS, extra=last)
    step = Predictor(scenario, scenario.steps[-1]).with_predicted_verdicts()
    assert [str(e.expected) for e in step.expectations] == ["blocked", "allowed"]
    assert step.paths_without_verdict == scenario.steps[-1].paths_without_verdict


@pytest.mark.parametrize("profile", ["specification", "embedded"])
@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.parent.name)
def test_the_oracle_contradicts_no_shipped_scenario(file: Path, profile: str) -> None:
    scenario = load(file)
    for step in scenario.steps:
        predictor = Predictor(scenario, step, PROFILES[profile])
        expected = {expectation.path: expectation.expected for expectation in step.expectations}
        if step.others in (Others.BLOCKED, Others.ALLOWED):
            expected |= dict.fromkeys(predictor.closed_world_verdicts(), Expected(step.others))
        wrong = [path for path, verdict in expected.items() if contradicts(predictor.verdict(path), verdict)]
        assert not wrong, step.name


@pytest.mark.parametrize(
    ("predicted", "contradicted"),
    [
        ("allowed", {"blocked", "dropped", "rejected", "unresolved"}),
        ("blocked", {"allowed", "unresolved"}),
        ("rejected", {"allowed", "dropped", "unresolved"}),
        ("unresolved", {"allowed", "blocked", "dropped", "rejected"}),
        ("undefined", set()),
    ],
)
def test_definite_verdicts_contradict_each_other(predicted: str, contradicted: set[str]) -> None:
    assert {verdict for verdict in Expected if contradicts(Expected(predicted), verdict)} == contradicted
