"""What sentences come to mean over an inventory."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netpol_harness.model.cluster_services import API_SERVER
from netpol_harness.model.name_server import KUBE_DNS
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import ContainerPort
from netpol_harness.model.services import Service, ServicePort
from netpol_harness.paths.cells import cells
from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.ends import (
    AddressTarget,
    ClusterIPTarget,
    ExternalSource,
    ExternalTarget,
    FqdnTarget,
    LoadBalancerTarget,
    NameServerTarget,
    NodePortTarget,
    NodeSource,
    PodSource,
    PodTarget,
    ServiceTarget,
    Source,
    Target,
)
from netpol_harness.paths.expectations import cell_path, covered, resolve, service_paths
from netpol_harness.paths.grammar import Sentence, parse
from netpol_harness.paths.names import Names, ObjectName
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Inventory, Path, ProbeMode, Scheme, Workload
from netpol_harness.paths.transition import Transition

APP, API, WEB, RING, ZERO, DB_SERVICE = (
    NamespacedName("default", name) for name in ("app", "api", "web", "ring", "0", "db-service")
)
TILL_PORT = Port(Protocol.TCP, 443)


def sentences(*lines: str) -> list[Sentence]:
    found = []
    for number, line in enumerate(lines, 1):
        text, _, verdict = line.rpartition(": ")
        sentence = parse(text, Expected(verdict), Place("scenario.yaml", number))
        assert isinstance(sentence, Sentence), sentence
        found.append(sentence)
    return found


def read(town: Inventory, *lines: str, absent: frozenset[ObjectName] = frozenset()) -> tuple[Expectation, ...]:
    expectations, problems = resolve(sentences(*lines), town, Transition(absent))
    assert not problems, problems
    return expectations


def wrong(town: Inventory, *lines: str, absent: frozenset[ObjectName] = frozenset()) -> tuple[Problem, ...]:
    return resolve(sentences(*lines), town, Transition(absent))[1]


def verdicts_of(expectations: tuple[Expectation, ...]) -> dict[str, str]:
    return {e.path.text: e.expected.value for e in expectations}


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("app:5000", PodTarget(NamespacedName("default", "app"), 5000)),
        ("api:8080", PodTarget(NamespacedName("default", "api"), 8080)),
        ("icmp://app", PodTarget(NamespacedName("default", "app"), 0)),
        ("db:3306", PodTarget(NamespacedName("default", "db"), 3306)),
        ("shop/db:5432", PodTarget(NamespacedName("shop", "db"), 5432)),
        ("lone:80", PodTarget(NamespacedName("shop", "lone"), 80)),
        ("pod(both):80", PodTarget(NamespacedName("default", "both"), 80)),
        ("service(both):80", ServiceTarget(NamespacedName("default", "both"), 80)),
        ("both:80", ServiceTarget(NamespacedName("default", "both"), 80)),
        ("http://default/both", ServiceTarget(NamespacedName("default", "both"), 80)),
        ("db-service:33060", ServiceTarget(NamespacedName("default", "db-service"), 33060)),
        ("till:80", ServiceTarget(NamespacedName("shop", "till"), 80)),
        ("both.default.svc:80", FqdnTarget(NamespacedName("default", "both"), 80)),
        ("ip(db-service):33060", ClusterIPTarget(NamespacedName("default", "db-service"), 33060)),
        ("api-headless:8080", ServiceTarget(NamespacedName("default", "api-headless"), 8080)),
        ("lb(edge):443", LoadBalancerTarget(NamespacedName("shop", "edge"), 443)),
        ("node(app):30080", NodePortTarget(NamespacedName("default", "app"), 30080)),
        ("user:443", ExternalTarget("user", 443)),
        ("203.0.113.7:443", ExternalTarget("user", 443)),
        ("203.0.113.8:1", AddressTarget("203.0.113.8", 1)),
        ("icmp://user", ExternalTarget("user", 0)),
    ],
)
def test_a_target_is_what_its_name_denotes(town: Inventory, text: str, target: Target) -> None:
    (expectation,) = read(town, f"web -> {text}: blocked")
    assert expectation.path.target == target
    assert expectation.path.source == PodSource(NamespacedName("default", "web"))
    assert (expectation.expected, expectation.where) == (Expected.BLOCKED, "scenario.yaml:1")


def test_the_pods_of_one_workload_probe_each_other_if_it_has_two(town: Inventory) -> None:
    assert verdicts_of(read(town, "api -> api:8080: blocked", "web -> web:80: allowed")) == {
        "api -> api:8080": "blocked",
        "web -> web:80": "allowed",
    }
    api = NamespacedName("default", "api")
    one = replace(town, workloads={**town.workloads, api: replace(town.workloads[api], replicas=1)})
    (problem,) = wrong(one, "api -> api:8080: blocked")
    assert problem.what == "'api -> api:8080' is a path between two pods of Deployment default/api, and it has one"


def test_an_external_host_is_a_source_of_its_own_type(town: Inventory) -> None:
    (expectation,) = read(town, "user -> http://web: allowed")
    assert expectation.path.source == ExternalSource("user")
    assert expectation.path.scheme is Scheme.HTTP


@pytest.mark.parametrize("text", ["rest:80", "ip(rest):80", "rest.default.svc:80"])
def test_a_service_whose_workloads_have_no_pods_rejects(town: Inventory, text: str) -> None:
    rest = Service(NamespacedName("default", "rest"), {"app": "idle"}, (ServicePort(Port(Protocol.TCP, 80), 80),))
    resting = replace(town, services={**town.services, rest.ref: rest})
    assert read(resting, f"web -> {text}: rejected", f"app -> {text}: undefined")
    for verdict in ("allowed", "blocked", "dropped"):
        (problem,) = wrong(resting, f"web -> {text}: {verdict}")
        assert "Service default/rest has no endpoints: Deployment default/idle has no pods" in str(problem)
        assert "It rejects all connections, whatever the policies say; write rejected" in str(problem)
    unknown = replace(rest, selector={"app": "of-an-operator"})
    assert read(replace(town, services={rest.ref: unknown}), f"web -> {text}: blocked")


@pytest.mark.parametrize(
    ("text", "scheme", "target"),
    [
        ("dns", Scheme.UDP, NameServerTarget(53)),
        ("udp://dns:53", Scheme.UDP, NameServerTarget(53)),
        ("tcp://dns", Scheme.TCP, NameServerTarget(53)),
        ("default/kubernetes:443", Scheme.TCP, ServiceTarget(API_SERVER, 443)),
        ("https://kubernetes.default.svc", Scheme.HTTPS, FqdnTarget(API_SERVER, 443)),
        ("ip(default/kubernetes):https", Scheme.TCP, ClusterIPTarget(API_SERVER, 443)),
        ("udp://kube-system/kube-dns:dns", Scheme.UDP, ServiceTarget(KUBE_DNS, 53)),
    ],
)
def test_servers_of_the_cluster_itself_are_targets(town: Inventory, text: str, scheme: Scheme, target: Target) -> None:
    (expectation,) = read(town, f"web -> {text}: blocked")
    path = expectation.path
    assert (path.scheme, path.target, path.text) == (scheme, target, f"web -> {text}")


def test_what_is_called_dns_or_api_in_the_scenario_comes_first(town: Inventory) -> None:
    (expectation,) = read(town, "web -> api:8080: allowed")
    assert expectation.path.target == PodTarget(API, 8080)
    assert "'api' has no port" in str(wrong(town, "web -> api: allowed")[0])
    without = replace(town, workloads={ref: w for ref, w in town.workloads.items() if ref != API}, services={})
    targets = {e.path.target for e in read(without, "web -> api: blocked", "web -> https://api: blocked")}
    assert targets == {ClusterIPTarget(API_SERVER, 443)}
    server = Workload(NamespacedName("default", "dns"), "Pod", {}, (ContainerPort(Port(Protocol.UDP, 53)),))
    named = replace(town, workloads={**town.workloads, server.ref: server})
    assert read(named, "web -> udp://dns:53: allowed")[0].path.target == PodTarget(server.ref, 53)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("web -> dns:53: allowed", "may be asked over UDP or TCP; write dns for UDP, or tcp://dns"),
        ("web -> udp://dns:54: allowed", "the name server serves 53/UDP, 53/TCP, not 54/UDP"),
        ("web -> http://dns: allowed", "the name server serves 53/UDP, 53/TCP, not 80/TCP"),
        ("web -> icmp://dns: allowed", "the name server is asked over UDP or TCP"),
        ("user -> dns: allowed", "'user' is outside the cluster, and does not use its name server"),
        ("web -> default/kubernetes:80: allowed", "Service default/kubernetes serves 443/TCP, not 80/TCP"),
        ("web -> kubernetes:443: allowed", "there is no workload, Service or external host called 'kubernetes'"),
        ("dns -> web:80: allowed", "there is no workload called 'dns'"),
    ],
)
def test_problems_with_servers_of_the_cluster(town: Inventory, line: str, message: str) -> None:
    (problem,) = wrong(town, line)
    assert message in str(problem)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("wep -> app:5000: allowed", "did you mean web?"),
        ("nobody-knows -> app:5000: allowed", "expected one of"),
        ("web -> ap:5000: allowed", "did you mean"),
        ("web -> shop/dp:5432: allowed", "did you mean shop/db"),
        ("web -> http://web/index.html: allowed", "remove '/index.html'"),
        ("db-service -> app:5000: allowed", "is a Service, not a pod"),
        ("web -> ip(app):5000: allowed", "is a workload, not a Service"),
        (
            "web -> both:81: allowed",
            "'both' is both a workload and a Service, which serves 80/TCP; write pod(both) for",
        ),
        ("web -> udp://both:80: allowed", "for the pod's address, service(both) or ip(both) for the Service"),
        (
            "web -> icmp://both: allowed",
            "'both' is both a workload and a Service, which serves 80/TCP; write pod(both)",
        ),
        ("web -> db-service:3306: allowed", "3306 is its targetPort: use 33060/TCP"),
        ("web -> db-service:9: allowed", "Service default/db-service serves 33060/TCP, not 9/TCP"),
        ("web -> app:9: blocked", "declare it as a containerPort"),
        ("app -> web:53: blocked", "write udp:// before the name to probe 53/UDP"),
        ("web -> api-headless:80: blocked", "serves 8080/TCP, not 80/TCP"),
        ("web -> ip(api-headless):8080: allowed", "is headless and has no ClusterIP"),
        (
            "web -> lb(db-service):33060: allowed",
            "Service default/db-service has no address for clients outside the cluster; write type: Load",
        ),
        ("web -> lb(app):5000: allowed", "is a workload, not a Service"),
        ("web -> lb(edge):80: allowed", "80 is its targetPort: use 443/TCP"),
        ("web -> icmp://lb(edge): allowed", "does not answer ICMP"),
        ("web -> icmp://db-service: allowed", "does not answer ICMP"),
        ("web -> node(app):30081: allowed", "serves 30080/TCP, not 30081/TCP"),
        ("app -> web:htp: blocked", "Pod default/web has no TCP port called 'htp'; did you mean http?"),
        ("app -> udp://web:http: blocked", "has no UDP port called 'http'; write tcp:// before the name"),
        ("web -> app:5000-5002: blocked", "serves 5000/TCP, not 5001/TCP"),
        ("web -> app:{5000,http}: blocked", "Pod default/app has no TCP port called 'http'; there are none"),
        ("web -> both:{80,81}: blocked", "'both' is both a workload and a Service"),
        ("shop/any -> nowhere/any:80: allowed", "no workload is in a namespace 'nowhere'"),
        ("shp/app=db -> web:80: allowed", "no workload is in a namespace 'shp'; did you mean shop?"),
        ("app=wep -> app:5000: allowed", "no workload has the labels of 'app=wep'; did you mean app=web or"),
        ("app=web,tier=front -> app:5000: allowed", "default/web has all but tier=front; its labels are app=web"),
        ("shop/app=web -> app:5000: allowed", "no workload has the labels of 'shop/app=web'"),
        ("app=web,app=app -> db:3306: allowed", "no workload has the labels of"),
        ("web -> shop/any:3306: allowed", "no workload serves port 3306/TCP"),
        ("web -> any:htp: allowed", "no workload serves a TCP port called 'htp'"),
        ("app=web -> app=web:80: allowed", "no workload probes itself"),
        ("web[sidecar] -> app:5000: allowed", "default/web has no container 'sidecar'; did you mean side?"),
        ("web[wait] -> app:5000: allowed", "the init container 'wait' of default/web has ended when its pod is ready"),
        ("web -> user:80: blocked", "the external host 'user' serves 443/TCP, not 80/TCP"),
        ("web -> silent:80: blocked", "serves no port"),
        ("idle -> web:80: allowed", "has no pods (replicas: 0)"),
        ("web -> idle:80: blocked", "has no pods (replicas: 0)"),
        ("any -> any:9999: blocked", "no workload serves port 9999/TCP"),
    ],
)
def test_problems_of_a_line_come_with_a_remedy(town: Inventory, line: str, message: str) -> None:
    (problem,) = wrong(town, line)
    assert message in str(problem)
    assert problem.remedy


def test_a_bare_name_prefers_the_default_namespace_and_needs_no_other(town: Inventory) -> None:
    elsewhere = Inventory(
        {ref: w for ref, w in town.workloads.items() if ref != NamespacedName("default", "db")}
        | {NamespacedName("cafe", "db"): town.workloads[NamespacedName("shop", "db")]},
        {},
        {},
    )
    (problem,) = wrong(elsewhere, "web -> db:5432: allowed")
    assert "write one of cafe/db, shop/db" in str(problem)


@pytest.mark.parametrize("target", ["web -> app:9", "web -> db-service:9", "web -> silent:9"])
def test_undefined_claims_nothing_and_may_ask_any_port(town: Inventory, target: str) -> None:
    assert read(town, f"{target}: undefined")


def in_time(town: Inventory, transition: Transition, *lines: str) -> list[str]:
    return [str(problem) for problem in resolve(sentences(*lines), town, transition)[1]]


def held(town: Inventory, line: str) -> Path:
    (expectation,) = read(town, line)
    return expectation.path


def test_the_probe_mode_and_the_source_port_distinguish_paths(town: Inventory) -> None:
    lines = ("web -> udp://web:53", "held app -> udp://web:53", "app -> udp://web:53", "app:40000 -> udp://web:53")
    found = read(town, *(f"{line}: allowed" for line in lines))
    assert len({e.path for e in found}) == 4
    assert [e.path.text for e in found] == list(lines)
    assert [(e.path.mode, e.path.source_port) for e in found[1:]] == [
        (ProbeMode.PERSISTENT, 0),
        (ProbeMode.NEW, 0),
        (ProbeMode.NEW, 40000),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("api:40000 -> app:5000: allowed", "Deployment default/api may have several; name one of them, such as"),
        ("user:40000 -> app:5000: allowed", "'user' is not a pod"),
        ("node(app):40000 -> app:5000: allowed", "'node(app)' is not a pod"),
    ],
)
def test_a_bound_port_is_that_of_one_pod(town: Inventory, line: str, message: str) -> None:
    assert message in str(wrong(town, line)[0])


def test_first_packets_are_those_of_one_end_that_is_made_on_entering(town: Inventory) -> None:
    web, app = NamespacedName("default", "web"), NamespacedName("default", "app")
    from_web, to_web = "first web -> app:5000: blocked", "first app -> web:80: blocked"
    assert not in_time(town, Transition(created=frozenset({web})), from_web, to_web, "first web -> user:443: allowed")
    assert "neither end is created" in in_time(town, Transition(), from_web)[0]
    assert "both ends are created" in in_time(town, Transition(created=frozenset({web, app})), from_web)[0]
    elsewhere = Transition(created=frozenset({web}))
    assert "neither end is created" in in_time(town, elsewhere, "first app -> till:80: blocked")[0]


def test_throughout_asks_from_before_the_step(town: Inventory) -> None:
    line = "throughout any -> app:5000: blocked"
    assert not in_time(town, Transition(), line)
    (problem,) = in_time(town, Transition(created=frozenset({NamespacedName("default", "web")})), line)
    assert "write 'first web -> app:5000'" in problem


def test_a_held_path_is_allowed_where_it_is_opened_and_outlives_no_source(town: Inventory) -> None:
    opened = Transition(held=frozenset({held(town, "held web -> http://lone: allowed")}))
    line = "held web -> http://lone: blocked"
    assert "must be allowed" in in_time(town, Transition(), line)[0]
    assert "must be allowed" in in_time(town, Transition(), "held web -> http://lone: undefined")[0]
    assert not in_time(town, opened, line)
    recreated = Transition(held=opened.held, created=frozenset({NamespacedName("default", "web")}))
    assert "cannot stay open" in in_time(town, recreated, line)[0]


def test_without_a_transition_a_path_is_read_whatever_it_wants_of_a_beginning(town: Inventory) -> None:
    lines = (
        "first web -> app:5000: blocked",
        "held web -> http://lone: undefined",
        "throughout web -> db:3306: blocked",
    )
    assert resolve(sentences(*lines), town)[1] == ()


def test_only_new_connections_say_something_of_new_connections(town: Inventory) -> None:
    persistent = [(e.path, e.expected) for e in read(town, "held app -> http://lone: allowed")]
    assert covered(persistent, EndpointResolver(town.world())) == frozenset()
    verdicts = verdicts_of(read(town, "held app -> http://lone: allowed", "any -> http://lone: blocked"))
    assert verdicts["app -> http://lone"] == "blocked"
    throughout = verdicts_of(read(town, "throughout app -> http://lone: allowed", "any -> http://lone: blocked"))
    assert "app -> http://lone" not in throughout


def test_any_leaves_out_pods_on_their_nodes_network(town: Inventory) -> None:
    app = town.workloads[NamespacedName("default", "app")]
    agent = Workload(NamespacedName("default", "agent"), "Pod", {}, app.ports, host_network=True)
    bigger = Inventory({**town.workloads, agent.ref: agent}, town.services, town.externals)
    assert verdicts_of(read(bigger, "any -> any:5000: blocked")) == verdicts_of(read(town, "any -> any:5000: blocked"))
    assert verdicts_of(read(bigger, "agent -> app:5000: allowed", "app -> agent:5000: allowed"))
    assert list(cells(bigger)) == list(cells(town))


def test_every_workload_goes_to_every_served_port_of_every_service(town: Inventory) -> None:
    paths = service_paths(town, Names(town))
    assert len(paths) == len(set(paths))
    texts = [path.text for path in paths]
    assert [text for text in texts if text.startswith("web ->")] == [
        "web -> db-service:33060",
        "web -> service(both):80",
        "web -> till:80",
        "web -> edge:443",
    ]
    assert "both -> service(both):80" not in texts
    for path in paths:
        assert held(town, f"{path}: allowed") == path


def test_any_source_leaves_out_those_that_may_answer(town: Inventory) -> None:
    assert list(verdicts_of(read(town, "any -> db-service:33060: blocked"))) == [
        f"{source} -> db-service:33060" for source in ("web", "app", "shop/db", "lone", "api", "both")
    ]
    assert "app -> app:5000" not in verdicts_of(read(town, "any -> app:5000: blocked"))
    assert "web -> node(app):30080" not in verdicts_of(read(town, "any -> node(app):30080: allowed"))


def test_any_target_is_every_other_workload_that_serves_the_port(town: Inventory) -> None:
    assert list(verdicts_of(read(town, "web -> any:80: blocked"))) == ["web -> lone:80", "web -> pod(both):80"]
    assert list(verdicts_of(read(town, "web -> http://any: blocked"))) == [
        "web -> http://lone:80",
        "web -> http://pod(both):80",
    ]
    assert list(verdicts_of(read(town, "user -> udp://any:53: blocked"))) == ["user -> udp://web:53"]
    assert len(read(town, "any -> icmp://any: allowed")) == 7 * 6


def test_a_set_stands_for_the_workloads_of_a_namespace_or_with_labels(town: Inventory) -> None:
    assert list(verdicts_of(read(town, "shop/any -> web:80: blocked"))) == ["shop/db -> web:80", "lone -> web:80"]
    assert list(verdicts_of(read(town, "app=db -> web:80: blocked"))) == ["db -> web:80", "shop/db -> web:80"]
    assert list(verdicts_of(read(town, "default/app=db -> web:80: blocked"))) == ["db -> web:80"]
    assert list(verdicts_of(read(town, "web -> app=db:5432: blocked"))) == ["web -> shop/db:5432"]
    assert list(verdicts_of(read(town, "web -> shop/any:80: blocked"))) == ["web -> lone:80"]


def test_several_ports_are_several_paths_each_with_a_text_of_its_own(town: Inventory) -> None:
    ports = (ContainerPort(Port(Protocol.TCP, number), "set") for number in (8000, 8001))
    wide = Workload(NamespacedName("default", "wide"), "Pod", {}, (*ports, ContainerPort(Port(Protocol.TCP, 443))))
    bigger = Inventory({**town.workloads, wide.ref: wide}, town.services, town.externals)
    assert list(verdicts_of(read(bigger, "web -> wide:8000-8001: blocked"))) == ["web -> wide:8000", "web -> wide:8001"]
    assert list(verdicts_of(read(bigger, "web -> http://pod(wide):{8001,443}: blocked"))) == [
        "web -> http://pod(wide):8001",
        "web -> http://pod(wide):443",
    ]
    assert list(verdicts_of(read(bigger, "web -> wide:set: blocked"))) == ["web -> wide:8000", "web -> wide:8001"]
    assert list(verdicts_of(read(bigger, "web -> any:set: blocked"))) == ["web -> wide:8000", "web -> wide:8001"]


def test_a_port_may_be_named_as_its_container_or_service_names_it(town: Inventory) -> None:
    (expectation,) = read(town, "app -> web:http: blocked")
    assert expectation.path.target == PodTarget(NamespacedName("default", "web"), 80)
    assert expectation.path.text == "app -> web:http"
    named = replace(town.services[NamespacedName("shop", "till")], ports=(ServicePort(TILL_PORT, 80, "cash"),))
    shops = replace(town, services={**town.services, named.ref: named})
    (expectation,) = read(shops, "web -> ip(till):cash: blocked")
    assert expectation.path.target == ClusterIPTarget(named.ref, TILL_PORT.number)
    both = replace(town.services[NamespacedName("default", "both")], ports=(ServicePort(TILL_PORT, 80, "cash"),))
    (expectation,) = read(replace(town, services={both.ref: both}), "web -> both:cash: blocked")
    assert expectation.path.target == ServiceTarget(both.ref, TILL_PORT.number)
    (problem,) = wrong(town, "app -> web:http: blocked", "app -> web:80: blocked")
    assert "on line 1, written 'app -> web:http'" in str(problem)


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ("app=app -> db:3306", "any -> db:3306"),
        ("default/any -> db:3306", "any -> db:3306"),
        ("default/any -> default/any:3306", "any -> default/any:3306"),
        ("app -> default/any:3306", "default/any -> default/any:3306"),
        ("app=app -> db-service:33060", "any -> db:3306"),
    ],
)
def test_a_narrower_set_overrides_a_wider_one(town: Inventory, narrow: str, wide: str) -> None:
    for lines in ((f"{narrow}: allowed", f"{wide}: blocked"), (f"{wide}: blocked", f"{narrow}: allowed")):
        verdicts = verdicts_of(read(town, *lines))
        assert {text: word for text, word in verdicts.items() if text.startswith("app -> ")} == {
            f"app -> {'db-service:33060' if 'service' in narrow else 'db:3306'}": "allowed"
        }
        assert "blocked" in verdicts.values()


def test_sets_that_are_equally_narrow_must_agree(town: Inventory) -> None:
    lines = ("app=web -> app:5000: allowed", "default/any -> app:5000: blocked")
    (problem,) = wrong(town, *lines)
    assert "'app=web -> app:5000' on line 1 expects allowed" in str(problem)
    assert not wrong(town, *lines, "web -> app:5000: allowed")


def test_https_and_http_are_the_same_flow(town: Inventory) -> None:
    verdicts = verdicts_of(read(town, "app -> https://web:80: allowed", "any -> http://web: blocked"))
    assert [text for text in verdicts if text.startswith("app ->")] == ["app -> https://web:80"]


@pytest.mark.parametrize(
    ("text", "source", "target"),
    [
        ("api/1 -> web:80", PodSource(API, replica=1), PodTarget(WEB, 80)),
        ("api/1:40000 -> web:80", PodSource(API, replica=1), PodTarget(WEB, 80)),
        ("default/api/0 -> api/2:8080", PodSource(API, replica=0), PodTarget(API, 8080, 2)),
        ("pod(api/1) -> pod(api/2):8080", PodSource(API, replica=1), PodTarget(API, 8080, 2)),
        ("ring-4 -> default/ring-5:7000", PodSource(RING, replica=4), PodTarget(RING, 7000, 5)),
        ("ring/4 -> pod(ring-5):7000", PodSource(RING, replica=4), PodTarget(RING, 7000, 5)),
        ("ring-4 -> node(ring-5):30080", PodSource(RING, replica=4), NodePortTarget(RING, 30080, 5)),
        ("node(api) -> web:80", NodeSource(API), PodTarget(WEB, 80)),
        ("node(ring-4) -> ip(db-service):33060", NodeSource(RING, 4), ClusterIPTarget(DB_SERVICE, 33060)),
        ("0 -> 0:1", PodSource(ZERO), PodTarget(ZERO, 1)),
        ("default/0 -> pod(default/0):1", PodSource(ZERO), PodTarget(ZERO, 1)),
    ],
)
def test_one_replica_is_named_by_its_index_and_that_of_a_stateful_set_by_its_name(
    city: Inventory, text: str, source: Source, target: Target
) -> None:
    (expectation,) = read(city, f"{text}: allowed")
    assert (expectation.path.source, expectation.path.target) == (source, target)
    assert expectation.path.text == text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("web -> api/3:8080: allowed", "Deployment default/api has no replica 3; it has 0 to 2"),
        ("ring-2 -> web:80: allowed", "there is no workload called 'ring-2'"),
        ("ring/6 -> web:80: allowed", "StatefulSet default/ring has no replica 6; it has 4 to 5"),
        ("api/1 -> api/1:8080: allowed", "is a path from a pod to itself; name two replicas"),
        ("web -> db-service/0:33060: allowed", "is a Service, not a pod"),
        ("node(idle) -> web:80: allowed", "has no pods (replicas: 0)"),
        ("node(user) -> web:80: allowed", "there is no workload called 'user'"),
    ],
)
def test_a_replica_that_is_not_there_is_a_problem(city: Inventory, line: str, message: str) -> None:
    (problem,) = wrong(city, line)
    assert message in str(problem)


def test_a_pod_of_the_name_comes_before_the_member_of_a_stateful_set(city: Inventory) -> None:
    pod = Workload(NamespacedName("default", "ring-4"), "Pod", {}, (ContainerPort(Port(Protocol.TCP, 7000)),))
    (expectation,) = read(replace(city, workloads={**city.workloads, pod.ref: pod}), "web -> ring-4:7000: allowed")
    assert expectation.path.target == PodTarget(pod.ref, 7000)


def test_a_line_for_one_replica_or_a_node_is_not_about_all_pods(town: Inventory) -> None:
    lines = ("api/0 -> app:5000: allowed", "node(api) -> app:5000: allowed", "any -> app:5000: blocked")
    assert verdicts_of(read(town, *lines))["api -> app:5000"] == "blocked"


def test_a_container_of_a_pod_is_a_source_of_its_own_and_the_same_to_policies(town: Inventory) -> None:
    lines = ("app[side] -> db:3306: allowed", "any -> db:3306: blocked")
    sided = replace(town.workloads[APP], containers=("c", "side"))
    expectations = read(replace(town, workloads={**town.workloads, APP: sided}), *lines)
    sources = {e.path.text: e.path.source for e in expectations if e.path.text.startswith("app")}
    assert sources == {"app[side] -> db:3306": PodSource(APP, "side")}


@pytest.mark.parametrize(
    "exception",
    [
        "app -> db:3306: allowed",
        "default/app -> tcp://db:3306: allowed",
        "app -> http://db:3306: allowed",
        "app -> db-service:33060: allowed",
        "app -> ip(db-service):33060: allowed",
        "app -> db-service.default.svc:33060: allowed",
    ],
)
@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_a_written_path_overrides_an_any_line_wherever_it_stands(
    town: Inventory,
    exception: str,
    first: bool,  # noqa: FBT001 - a parametrized order
) -> None:
    lines = [exception, "any -> db:3306: blocked"]
    verdicts = verdicts_of(read(town, *(lines if first else reversed(lines))))
    assert "app -> db:3306" not in verdicts or verdicts["app -> db:3306"] == "allowed"
    assert verdicts["web -> db:3306"] == "blocked"
    assert verdicts[exception.rpartition(": ")[0]] == "allowed"


def test_a_name_that_does_not_resolve_overrides_nothing_behind_it(town: Inventory) -> None:
    verdicts = verdicts_of(read(town, "app -> db-service:33060: unresolved", "any -> db:3306: blocked"))
    assert verdicts["app -> db:3306"] == "blocked"


def test_any_lines_that_agree_give_each_path_once(town: Inventory) -> None:
    expectations = read(town, "any -> db:3306: blocked", "web -> any:3306: blocked")
    assert len({e.path for e in expectations}) == len(expectations) == 6


def test_any_lines_that_contradict_each_other_are_an_error_unless_overridden(town: Inventory) -> None:
    lines = ("any -> db:3306: blocked", "web -> any:3306: allowed")
    (problem,) = wrong(town, *lines)
    assert problem.place.line == 2
    assert "'any -> db:3306' on line 1 expects blocked" in str(problem)
    assert not wrong(town, *lines, "web -> db:3306: allowed")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("web -> app:5000", "default/web -> app:5000"),
        ("web -> app:5000", "web -> tcp://pod(app):5000"),
        ("web -> db-service:33060", "web -> service(db-service):33060"),
        ("web -> db-service.default.svc:33060", "web -> db-service.default.svc.cluster.local:33060"),
        ("web -> user:443", "web -> 203.0.113.7:443"),
        ("web -> http://both.default.svc", "web -> http://both.default.svc:80"),
        ("web -> [2001:db8::1]:80", "web -> [2001:db8:0::1]:80"),
    ],
)
def test_the_same_path_twice_is_an_error_even_in_other_words(town: Inventory, one: str, other: str) -> None:
    (problem,) = wrong(town, f"{one}: allowed", f"{other}: allowed")
    assert problem.place.line == 2
    assert f"on line 1, written '{one}'" in str(problem)


def test_kinds_and_schemes_make_different_paths(town: Inventory) -> None:
    lines = ("db-service:33060", "ip(db-service):33060", "db-service.default.svc:33060", "http://db-service:33060")
    assert len(read(town, *(f"web -> {line}: allowed" for line in lines))) == 4


def test_what_is_absent_keeps_its_name_and_is_no_end_of_a_path(town: Inventory) -> None:
    gone = NamespacedName("default", "db")
    left = Inventory({r: w for r, w in town.workloads.items() if r != gone}, town.services, town.externals)
    absent = frozenset({ObjectName("Pod", gone)})
    for line in ("db -> web:80: allowed", "web -> db:3306: blocked", "web -> pod(db):3306: undefined"):
        (problem,) = wrong(left, line, absent=absent)
        assert "default/db is absent in this step" in str(problem)
    assert read(left, "web -> db-service:33060: rejected", absent=absent)


def test_an_absent_service_may_only_fail_to_resolve(town: Inventory) -> None:
    gone = NamespacedName("default", "db-service")
    left = Inventory(town.workloads, {r: s for r, s in town.services.items() if r != gone}, town.externals)
    absent = frozenset({ObjectName("Service", gone)})
    assert read(
        left, "web -> db-service:33060: unresolved", "app -> db-service.default.svc:1: undefined", absent=absent
    )
    for line in ("web -> db-service:33060: blocked", "web -> ip(db-service):33060: unresolved"):
        assert "is absent in this step" in str(wrong(left, line, absent=absent)[0])


def test_all_problems_are_reported_at_once(town: Inventory) -> None:
    assert [p.place.line for p in wrong(town, "wep -> app:1: blocked")] == [1, 1]
    assert len(wrong(town, "x -> web:80: allowed", "web -> y:80: allowed", "web -> app:1: blocked")) == 3


def test_a_cell_spells_its_path_so_that_it_means_the_cell(town: Inventory) -> None:
    names = Names(town)
    for cell in cells(town):
        path = cell_path(cell, names)
        (expectation,) = read(town, f"{path}: allowed")
        assert expectation.path == path
        assert expectation.path.text == path.text
        assert covered([(path, Expected.ALLOWED)], EndpointResolver(town.world())) == {cell}


@given(st.lists(st.sampled_from(["allowed", "blocked"]), min_size=2, max_size=2), st.permutations(range(3)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_the_order_of_lines_changes_no_verdict(town: Inventory, verdicts: list[str], order: list[int]) -> None:
    lines = [f"any -> any:80: {verdicts[0]}", f"web -> lone:80: {verdicts[1]}", f"app -> till:80: {verdicts[1]}"]
    assert verdicts_of(read(town, *(lines[i] for i in order))) == verdicts_of(read(town, *lines))
