"""Services without selectors, with further addresses, with affinity, and host ports, checked with packets."""

from typing import Any

import pytest

from netpol_harness.emulator.dataplane.ruleset import ruleset
from netpol_harness.emulator.dataplane.transaction import EMPTY, transaction
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import World

Dict = dict[str, Any]

CLIENT, SERVER, TWIN, DATABASE, NODE = "10.244.0.2", "10.244.0.3", "10.244.0.4", "198.51.100.55", "192.0.2.1"
VIRTUAL, OUTSIDE = "10.96.0.5", "192.0.2.130"


def pod(name: str, address: str, **port: Any) -> Dict:
    return {
        "kind": "Pod",
        "metadata": {"namespace": "x", "name": name, "labels": {"app": name}},
        "spec": {"containers": [{"ports": [{"containerPort": 80, "name": "http", **port}]}], "nodeName": "node"},
        "status": {"podIPs": [{"ip": address}]},
    }


def service(**spec: Any) -> Dict:
    ports = [{"port": 5432, "targetPort": 80}]
    spec = {"clusterIP": VIRTUAL, "ports": ports, **spec}
    status = {"loadBalancer": {"ingress": [{"ip": OUTSIDE}]}} if spec.get("type") == "LoadBalancer" else {}
    return {"kind": "Service", "metadata": {"namespace": "x", "name": "s"}, "spec": spec, "status": status}


def written(*endpoints: Dict, name: str = "", port: int = 80) -> Dict:
    metadata = {"namespace": "x", "name": "by-hand", "labels": {"kubernetes.io/service-name": "s"}}
    ports = [{"port": port, "protocol": "TCP", "name": name}]
    return {"kind": "EndpointSlice", "metadata": metadata, "ports": ports, "endpoints": list(endpoints)}


def at(*addresses: str, **conditions: bool) -> Dict:
    return {"addresses": list(addresses), "conditions": conditions}


def policy(app: str, **spec: Any) -> Dict:
    subject = {"podSelector": {"matchLabels": {"app": app}}}
    return {"kind": "NetworkPolicy", "metadata": {"namespace": "x", "name": app}, "spec": {**subject, **spec}}


def egress_to(address: str, port: int) -> Dict:
    return policy("client", policyTypes=["Egress"], egress=[{"to": [block(address)], "ports": [{"port": port}]}])


def block(address: str) -> Dict:
    return {"ipBlock": {"cidr": f"{address}/32"}}


PODS = (pod("client", CLIENT), pod("server", SERVER), pod("twin", TWIN))
TO_SERVER = {"selector": {"app": "server"}}


@pytest.fixture(scope="module")
def hosts(lab: Any) -> Any:
    lab.hosts([CLIENT, SERVER, TWIN, DATABASE], (80, 81))
    return lab


def outcome(hosts: Any, objects: tuple[Dict, ...], *probe: Any, unready: str = "") -> str:
    world = World.parse([*PODS, *objects])
    hosts.flush()
    hosts.apply(transaction(EMPTY, ruleset(world, unready={NamespacedName("x", unready)})))
    answer: str = hosts.probe([probe])[probe]
    return answer


@pytest.mark.live
@pytest.mark.parametrize(
    ("slices", "expected"),
    [
        ([written(at(DATABASE))], "connected"),
        ([written(at(SERVER))], "connected"),
        ([written(at(DATABASE), port=82)], "refused"),
        ([written(at(DATABASE), name="other")], "refused"),
        ([written(at(DATABASE, ready=False))], "refused"),
        ([written(at(DATABASE, ready=False, serving=True, terminating=True))], "connected"),
        ([written(at(DATABASE, ready=False, serving=False, terminating=True))], "refused"),
        ([], "refused"),
    ],
    ids=["outside", "a pod", "closed port", "other port", "not ready", "draining", "ended", "no slice"],
)
def test_a_service_without_a_selector_leads_where_its_slices_say(hosts: Any, slices: list[Dict], expected: str) -> None:
    assert outcome(hosts, (service(), *slices), CLIENT, VIRTUAL, "TCP", 5432) == expected


@pytest.mark.live
@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (egress_to(DATABASE, 80), "connected"),
        (egress_to(DATABASE, 5432), "silent"),
        (egress_to(VIRTUAL, 80), "silent"),
    ],
    ids=["address outside", "service port", "cluster IP"],
)
def test_policies_see_the_address_outside_that_a_service_leads_to(hosts: Any, rule: Dict, expected: str) -> None:
    assert outcome(hosts, (service(), written(at(DATABASE)), rule), CLIENT, VIRTUAL, "TCP", 5432) == expected


@pytest.mark.live
@pytest.mark.parametrize("ready", [{"selector": {"app": "server"}}, {}], ids=["a pod", "another slice"])
def test_endpoints_that_drain_get_nothing_while_others_are_ready(hosts: Any, ready: Dict) -> None:
    """The draining endpoint leads nowhere, so that one connection to it would be silent."""
    draining = at("10.244.0.200", ready=False, serving=True, terminating=True)
    slices = [written(draining), written(at(SERVER)) if not ready else written(draining)]
    for _ in range(5):
        assert outcome(hosts, (service(**ready), *slices), CLIENT, VIRTUAL, "TCP", 5432) == "connected"


@pytest.mark.live
def test_endpoints_are_mirrored_unless_the_service_has_a_selector(hosts: Any) -> None:
    metadata = {"namespace": "x", "name": "s"}
    subset = {"addresses": [{"ip": DATABASE}], "ports": [{"port": 80}]}
    endpoints = {"kind": "Endpoints", "metadata": metadata, "subsets": [subset]}
    probe = CLIENT, VIRTUAL, "TCP", 5432
    assert outcome(hosts, (service(), endpoints), *probe) == "connected"
    assert outcome(hosts, (service(selector={"app": "none"}), endpoints), *probe) == "refused"


@pytest.mark.live
@pytest.mark.parametrize("source", [CLIENT, DATABASE], ids=["pod", "external"])
@pytest.mark.parametrize(
    "spec", [{"externalIPs": [OUTSIDE]}, {"type": "LoadBalancer"}], ids=["external IP", "load balancer"]
)
def test_further_addresses_of_a_service_lead_to_its_pods(hosts: Any, source: str, spec: Dict) -> None:
    assert outcome(hosts, (service(**TO_SERVER, **spec),), source, OUTSIDE, "TCP", 5432) == "connected"
    admitting = policy("server", ingress=[{"from": [block(source)], "ports": [{"port": 80}]}])
    assert outcome(hosts, (service(**TO_SERVER, **spec), admitting), source, OUTSIDE, "TCP", 5432) == "connected"
    denying = policy("server", ingress=[{"from": [block(TWIN)]}])
    assert outcome(hosts, (service(**TO_SERVER, **spec), denying), source, OUTSIDE, "TCP", 5432) == "silent"


@pytest.mark.live
def test_a_load_balancer_drops_clients_outside_its_source_ranges(hosts: Any) -> None:
    spec = {**TO_SERVER, "type": "LoadBalancer", "loadBalancerSourceRanges": [" 198.51.100.0/24"]}
    assert outcome(hosts, (service(**spec),), DATABASE, OUTSIDE, "TCP", 5432) == "connected"
    assert outcome(hosts, (service(**spec),), CLIENT, OUTSIDE, "TCP", 5432) == "silent"
    assert outcome(hosts, (service(**spec),), CLIENT, VIRTUAL, "TCP", 5432) == "connected"


@pytest.mark.live
@pytest.mark.parametrize("source", [CLIENT, SERVER, DATABASE, NODE], ids=["pod", "itself", "external", "node"])
def test_a_host_port_leads_to_its_pod(hosts: Any, source: str) -> None:
    serving = pod("server", SERVER, hostPort=18080)
    assert outcome(hosts, (serving,), source, NODE, "TCP", 18080) == "connected"
    denying = policy("server", ingress=[{"from": [block(TWIN)]}])
    expected = "silent" if source in (CLIENT, DATABASE) else "connected"
    assert outcome(hosts, (serving, denying), source, NODE, "TCP", 18080) == expected


@pytest.mark.live
@pytest.mark.parametrize(("host_ip", "expected"), [(NODE, "connected"), ("127.0.0.1", "refused")])
def test_a_host_port_may_be_on_one_address_only(hosts: Any, host_ip: str, expected: str) -> None:
    serving = pod("server", SERVER, hostPort=18080, hostIP=host_ip)
    assert outcome(hosts, (serving,), CLIENT, NODE, "TCP", 18080) == expected


@pytest.mark.live
def test_pods_that_are_not_ready_are_endpoints_if_the_service_publishes_them(hosts: Any) -> None:
    probe = CLIENT, VIRTUAL, "TCP", 5432
    assert outcome(hosts, (service(**TO_SERVER),), *probe, unready="server") == "refused"
    published = service(**TO_SERVER, publishNotReadyAddresses=True)
    assert outcome(hosts, (published,), *probe, unready="server") == "connected"


@pytest.mark.live
@pytest.mark.parametrize(("node", "expected"), [("node", "connected"), ("elsewhere", "silent"), ("", "silent")])
def test_a_local_service_drops_what_no_endpoint_on_the_node_serves(hosts: Any, node: str, expected: str) -> None:
    endpoint = {**at(DATABASE), "nodeName": node}
    local = service(internalTrafficPolicy="Local")
    assert outcome(hosts, (local, written(endpoint)), CLIENT, VIRTUAL, "TCP", 5432) == expected


@pytest.mark.live
def test_a_client_keeps_its_endpoint_while_it_is_one(hosts: Any) -> None:
    def state(*addresses: str) -> Any:
        sticky = service(sessionAffinity="ClientIP")
        return ruleset(World.parse([*PODS, sticky, written(*map(at, addresses))]))

    def answers(count: int) -> set[str]:
        return {hosts.probe([probe])[probe] for _ in range(count)}

    def enter(*addresses: str) -> None:
        states.append(state(*addresses))
        hosts.apply(transaction(*states[-2:]))

    probe, states = (CLIENT, VIRTUAL, "TCP", 5432), [EMPTY]
    hosts.flush()
    enter(SERVER)
    assert answers(1) == {"connected"}
    enter(SERVER, *(f"10.244.0.{n}" for n in range(200, 220)))
    assert answers(30) == {"connected"}  # of 21 endpoints, all but one lead nowhere
    enter(DATABASE)
    assert answers(3) == {"connected"}
