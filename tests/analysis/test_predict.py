from collections.abc import Callable
from pathlib import Path

import pytest

from netpol_harness.analysis.predict import Predictor, contradicts, word
from netpol_harness.model.names import NamespacedName
from netpol_harness.oracle.profiles import CALICO, EMBEDDED, PROFILES
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import KnownAddresses
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


def words(scenario: Scenario, *, step: int = -1) -> list[Expected]:
    """The words for the paths of a step, in order."""
    outlook = Predictor(scenario, scenario.steps[step])
    return [outlook.word(expectation.path) for expectation in scenario.steps[step].expectations]


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
        # a name that must be looked up is a question of its own
        ([NO_EGRESS], "web -> store:5432", "unresolved"),
        ([NO_EGRESS], "web -> store.back.svc:5432", "unresolved"),
        ([NO_EGRESS], "idle -> ip(front):80", "blocked"),
        ([ONLY_DNS], "web -> store:5432", "blocked"),
        ([ONLY_DNS], "idle -> front:80", "blocked"),
        ([NO_EGRESS], "web -> partner:443", "blocked"),
        ([], "web -> 203.0.113.7:443", "allowed"),
        # addresses decide, and are known only of one of the hosts
        ([FROM_NET], "partner -> db:5432", "allowed"),
        ([FROM_NET], "user -> db:5432", "undefined"),
        # what the oracle cannot know
        ([], "web -> node(web):30080", "undefined"),
        ([], "web -> 192.0.2.9:443", "undefined"),
        ([], "user -> ip(front):80", "undefined"),
        ([], "web -> db:1", "undefined"),
        ([], "api -> api:5000", "undefined"),
        ([], "web -> empty:80", "undefined"),
        ([], "web -> icmp://db", "allowed"),
        ([NO_INGRESS], "web -> icmp://db", "undefined"),
    ],
)
def test_the_word_for_a_path(shop: Shop, policies: list[str], path: str, expected: str) -> None:
    assert words(shop(*policies, paths=f"'{path}': undefined")) == [expected]


def test_a_service_with_a_way_that_is_open_and_one_that_is_not_is_a_matter_of_chance(shop: Shop) -> None:
    extra = "    labels: {pods: {idle: {app: web, shy: 'yes'}}}"
    deny = "shop/shy {podSelector: {matchLabels: {shy: 'yes'}}, policyTypes: [Ingress]}"
    scenario = shop(deny, paths="'db -> ip(front):80': undefined, user -> front:80: undefined", extra=extra)
    outlook = Predictor(scenario, scenario.steps[-1])
    inside, outside = (outlook.read(expectation.path) for expectation in scenario.steps[-1].expectations)
    assert {str(leg.flow.port) for leg in inside.legs} == {"8080/TCP", "9000/TCP"}
    assert (inside.word, outside.word) == (Expected.UNDEFINED, Expected.BLOCKED)  # an outsider asks each of the pods


def test_labels_of_a_step_count(shop: Shop) -> None:
    scenario = shop(FROM_WEB, paths="web -> db:5432: undefined", extra="    labels: {namespaces: {shop: {team: null}}}")
    assert words(scenario) == [Expected.BLOCKED]


def test_a_service_that_is_absent_has_no_name(shop: Shop) -> None:
    assert words(shop(paths="web -> store:5432: unresolved", extra="    absent: [Service/store]")) == ["unresolved"]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("specification", "undefined"), ("calico", "allowed"), ("embedded", "blocked"), ("cilium", "blocked")],
)
def test_a_connection_that_is_open_is_left_to_the_implementation(shop: Shop, profile: str, expected: str) -> None:
    scenario = shop(paths="held web -> http://db:5432: allowed", extra=CLOSED_LATER)
    path = scenario.steps[-1].expectations[0].path
    assert word(path, scenario.steps[1], scenario, PROFILES[profile]) == "allowed"
    assert word(path, scenario.steps[-1], scenario, PROFILES[profile]) == expected


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
    assert words(shop(*policies, paths="throughout web -> db:5432: undefined")) == [expected]


def test_addresses_of_pods_decide_where_a_profile_lets_them(shop: Shop) -> None:
    scenario = shop(FROM_NET, paths="web -> db:5432: undefined")
    step = scenario.steps[-1]
    path = step.expectations[0].path
    for address, expected in (("203.0.113.9", Expected.ALLOWED), ("10.0.0.9", Expected.BLOCKED)):
        known = KnownAddresses({NamespacedName("shop", "web"): (address,)})
        assert Predictor(scenario, step, EMBEDDED, known).word(path) is expected
        assert Predictor(scenario, step, addresses=known).word(path) in (Expected.UNDEFINED, Expected.BLOCKED)
    assert Predictor(scenario, step, CALICO).word(path) is Expected.UNDEFINED


def test_the_closed_world_by_the_table_is_the_closed_world_path_by_path(shop: Shop) -> None:
    scenario = shop(NO_INGRESS, ONLY_DNS)
    outlook = Predictor(scenario, scenario.steps[-1])
    cells = outlook.others()
    assert {path: outlook.word(path) for path in cells} == cells
    assert set(cells.values()) == {Expected.BLOCKED, Expected.ALLOWED}


def test_policies_of_another_api_are_beyond_the_oracle(shop: Shop, tmp_path: Path) -> None:
    text = "{apiVersion: crd.projectcalico.org/v1, kind: NetworkPolicy, metadata: {name: c, namespace: back}, spec: {}}"
    (tmp_path / "calico.yaml").write_text(text)
    last = "  - {name: last, policies: [calico.yaml], others: allowed, paths: {web -> db:5432: undefined}}"
    scenario = shop(extra=last)
    outlook = Predictor(scenario, scenario.steps[-1])
    assert words(scenario) == [Expected.UNDEFINED]
    assert set(outlook.others().values()) == {Expected.UNDEFINED}


def test_inquiries_are_answered(shop: Shop) -> None:
    last = "  - {name: last, policies: [policy.yaml], expect: oracle, paths: [web -> db:5432, db -> idle:9000]}"
    scenario = shop(NO_INGRESS, extra=last)
    answered = Predictor(scenario, scenario.steps[-1]).answered()
    assert [str(e.expected) for e in answered.expectations] == ["blocked", "allowed"]
    assert answered.inquiries == scenario.steps[-1].inquiries


@pytest.mark.parametrize("profile", ["specification", "embedded"])
@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.parent.name)
def test_the_oracle_contradicts_no_scenario_that_we_ship(file: Path, profile: str) -> None:
    scenario = load(file)
    for step in scenario.steps:
        outlook = Predictor(scenario, step, PROFILES[profile])
        said = {expectation.path: expectation.expected for expectation in step.expectations}
        if step.others in (Others.BLOCKED, Others.ALLOWED):
            said |= dict.fromkeys(outlook.others(), Expected(step.others))
        assert not [f"{step.name}: {path}" for path, word in said.items() if contradicts(outlook.word(path), word)]


@pytest.mark.parametrize(
    ("derived", "clashing"),
    [
        ("allowed", {"blocked", "dropped", "rejected", "unresolved"}),
        ("blocked", {"allowed", "unresolved"}),
        ("unresolved", {"allowed", "blocked", "dropped", "rejected"}),
        ("undefined", set()),
    ],
)
def test_which_words_contradict_each_other(derived: str, clashing: set[str]) -> None:
    assert {word for word in Expected if contradicts(Expected(derived), word)} == clashing
