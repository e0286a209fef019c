"""Services, alone and together with policies, checked with packets."""

from typing import Any

import pytest

from netpol_harness.emulator.dataplane.rules import Ruleset
from netpol_harness.emulator.dataplane.ruleset import ruleset
from netpol_harness.emulator.dataplane.transaction import EMPTY, transaction
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import World

Dict = dict[str, Any]

CLIENT, SERVER, TWIN, OUTSIDE, NODE = "10.244.0.2", "10.244.0.3", "10.244.0.4", "203.0.113.1", "192.0.2.1"
WEB, DNS, IDLE = "10.96.0.5", "10.96.0.10", "10.96.0.66"


def pod(name: str, address: str, app: str) -> Dict:
    return {
        "kind": "Pod",
        "metadata": {"namespace": "x", "name": name, "labels": {"app": app}},
        "spec": {"containers": [{"ports": [{"containerPort": 80, "name": "http"}]}]},
        "status": {"podIPs": [{"ip": address}]},
    }


def service(name: str, address: str, app: str, **port: Any) -> Dict:
    spec = {"clusterIP": address, "selector": {"app": app}, "ports": [port]}
    return {"kind": "Service", "metadata": {"namespace": "x", "name": name}, "spec": spec}


def policy(app: str, **spec: Any) -> Dict:
    subject = {"podSelector": {"matchLabels": {"app": app}}}
    return {"kind": "NetworkPolicy", "metadata": {"namespace": "x", "name": app}, "spec": {**subject, **spec}}


OBJECTS = (
    pod("client", CLIENT, "client"),
    pod("server", SERVER, "server"),
    pod("twin", TWIN, "server"),
    service("web", WEB, "server", port=8080, targetPort="http", nodePort=30080),
    service("dns", DNS, "server", port=53, targetPort=81, protocol="UDP"),
    service("idle", IDLE, "none", port=80, nodePort=30081),
)


def state(*policies: Dict, unready: str = "") -> Ruleset:
    return ruleset(World.parse([*OBJECTS, *policies]), unready={NamespacedName("x", unready)})


@pytest.fixture(scope="module")
def hosts(lab: Any) -> Any:
    lab.hosts([CLIENT, SERVER, TWIN, OUTSIDE], (80, 81))
    return lab


def outcome(hosts: Any, rules: Ruleset, *probe: Any) -> str:
    hosts.flush()
    hosts.apply(transaction(EMPTY, rules))
    answer: str = hosts.probe([probe])[probe]
    return answer


@pytest.mark.live
@pytest.mark.parametrize("source", [CLIENT, SERVER, OUTSIDE, NODE], ids=["pod", "endpoint", "external", "node"])
@pytest.mark.parametrize(
    ("target", "protocol", "port", "expected"),
    [
        (WEB, "TCP", 8080, "connected"),
        (DNS, "UDP", 53, "connected"),
        (NODE, "TCP", 30080, "connected"),
        (WEB, "TCP", 80, "refused"),
        (DNS, "UDP", 54, "refused"),
        (IDLE, "TCP", 80, "refused"),
        (NODE, "TCP", 30081, "refused"),
    ],
)
def test_services(hosts: Any, source: str, target: str, protocol: str, port: int, expected: str) -> None:
    assert outcome(hosts, state(), source, target, protocol, port) == expected


@pytest.mark.live
def test_a_pod_reaches_itself_through_its_service_even_when_isolated(hosts: Any) -> None:
    deny = policy("server", policyTypes=["Ingress", "Egress"])
    isolated = state(deny, unready="twin")
    assert outcome(hosts, isolated, SERVER, WEB, "TCP", 8080) == "connected"
    assert outcome(hosts, isolated, SERVER, TWIN, "TCP", 80) == "silent"


@pytest.mark.live
@pytest.mark.parametrize(
    ("block", "port", "expected"),
    [
        (f"{WEB}/32", 8080, "silent"),
        ("10.244.0.0/24", 8080, "silent"),
        ("10.244.0.0/24", 80, "connected"),
    ],
    ids=["cluster IP", "service port", "pod address and target port"],
)
def test_egress_rules_apply_after_the_service_translation(hosts: Any, block: str, port: int, expected: str) -> None:
    rules = [{"to": [{"ipBlock": {"cidr": block}}], "ports": [{"port": port}]}]
    assert (
        outcome(hosts, state(policy("client", policyTypes=["Egress"], egress=rules)), CLIENT, WEB, "TCP", 8080)
        == expected
    )


@pytest.mark.live
@pytest.mark.parametrize("target", [(WEB, 8080), (NODE, 30080)], ids=["cluster IP", "node port"])
def test_ingress_rules_see_the_client_of_a_service(hosts: Any, target: tuple[str, int]) -> None:
    rules = [{"from": [{"ipBlock": {"cidr": f"{OUTSIDE}/32"}}]}]
    admitting = state(policy("server", ingress=rules))
    assert outcome(hosts, admitting, OUTSIDE, target[0], "TCP", target[1]) == "connected"
    assert outcome(hosts, admitting, CLIENT, target[0], "TCP", target[1]) == "silent"


@pytest.mark.live
def test_the_node_reaches_its_isolated_pods(hosts: Any) -> None:
    assert outcome(hosts, state(policy("server")), NODE, SERVER, "TCP", 80) == "connected"


@pytest.mark.live
def test_replies_need_no_rule(hosts: Any) -> None:
    silent_server = state(policy("server", policyTypes=["Egress"]))
    assert outcome(hosts, silent_server, CLIENT, SERVER, "TCP", 80) == "connected"
    assert outcome(hosts, silent_server, CLIENT, SERVER, "UDP", 81) == "connected"


@pytest.mark.live
def test_a_denial_holds_for_an_open_flow(hosts: Any) -> None:
    hosts.flush()
    hosts.apply(transaction(EMPTY, state()))
    assert hosts.flow(CLIENT, SERVER, 80) == "connected"
    hosts.apply(transaction(state(), state(policy("server"))))
    assert hosts.flow(CLIENT, SERVER, 80) == "silent"
