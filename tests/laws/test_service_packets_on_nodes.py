"""Services on two nodes, as kube-proxy treats them, checked with packets. Policies show what address a client has.

``near`` is on the first node, with a client; ``far`` is on the second node. The host outside is on neither.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from netpol_harness.emulator.address_plan import IPV4, IPV6, FamilyPlan
from netpol_harness.emulator.dataplane.ruleset import ruleset
from netpol_harness.emulator.dataplane.transaction import EMPTY, transaction
from netpol_harness.ip_family import IpFamily
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.objects import World

HOST_PORT = 18080
PLACES = {"client": 0, "near": 0, "far": 1}
NODES = ("first", "second")
ANYWHERE = (*PLACES, "outside", *NODES)


def addresses(family: FamilyPlan) -> dict[str, str]:
    """Return the addresses of pods, nodes, Services and the host outside, by name."""
    first, second = family.pods_of(0), family.pods_of(1)
    services = {name: str(family.services[5 + number]) for number, name in enumerate(("web", "only-far", "local"))}
    nodes = {name: family.node(number) for number, name in enumerate(NODES)}
    pods = {"client": str(first[2]), "near": str(first[3]), "far": str(second[2])}
    return {**pods, **nodes, **services, "outside": str(family.external[1])}


def pod(name: str, address: str, *apps: str, host_port: int = 0) -> JsonObject:
    port = {"containerPort": 80, **({"hostPort": host_port} if host_port else {})}
    return {
        "kind": "Pod",
        "metadata": {"namespace": "x", "name": name, "labels": dict.fromkeys(apps, "")},
        "spec": {"containers": [{"ports": [port]}], "nodeName": NODES[PLACES[name]]},
        "status": {"podIPs": [{"ip": address}]},
    }


def service(name: str, address: str, app: str, node_port: int, **spec: Any) -> JsonObject:
    ports = [{"port": 80, "nodePort": node_port}]
    whole = {"clusterIP": address, "selector": {app: ""}, "ports": ports, **spec}
    return {"kind": "Service", "metadata": {"namespace": "x", "name": name}, "spec": whole}


@dataclass(frozen=True, slots=True)
class Site:
    """The lab with pods and a host outside, and their addresses by name."""

    lab: Any
    addresses: Mapping[str, str]

    def world(self, *policies: JsonObject) -> World:
        at = self.addresses
        return World.parse(
            [
                pod("client", at["client"], "client"),
                pod("near", at["near"], "web"),
                pod("far", at["far"], "web", "far", host_port=HOST_PORT),
                service("web", at["web"], "web", 30080),
                service("far", at["only-far"], "far", 30081),
                service(
                    "local", at["local"], "far", 30082, externalTrafficPolicy="Local", internalTrafficPolicy="Local"
                ),
                *policies,
            ]
        )

    def change(self, new: World, old: World | None = None) -> None:
        for number, node in enumerate(NODES):
            before = EMPTY if old is None else ruleset(old, node=node)
            self.lab.apply(transaction(before, ruleset(new, node=node)), node=number)

    def outcome(self, source: str, target: str, port: int, *policies: JsonObject) -> str:
        self.lab.flush()
        self.change(self.world(*policies))
        probe = (self.addresses[source], self.addresses[target], "TCP", port)
        answer: str = self.lab.probe([probe])[probe]
        return answer

    def admitting(self, *names: str) -> JsonObject:
        """Return a policy that admits these clients alone to the pod on the second node."""
        peers = [{"ipBlock": {"cidr": f"{self.addresses[name]}/{self._length}"}} for name in names]
        spec = {"podSelector": {"matchLabels": {"far": ""}}, "ingress": [{"from": peers}] if peers else []}
        return {"kind": "NetworkPolicy", "metadata": {"namespace": "x", "name": "p"}, "spec": spec}

    @property
    def _length(self) -> int:
        return 128 if ":" in self.addresses["far"] else 32


@pytest.fixture(scope="module", params=[IPV4, IPV6], ids=["ipv4", "ipv6"])
def site(request: pytest.FixtureRequest, new_lab: Any) -> Iterator[Site]:
    at = addresses(request.param)
    with new_lab(2, IpFamily(f"ipv{request.param.version}")) as lab:
        for name, node in PLACES.items():
            lab.hosts([at[name]], [80], node=node)
        lab.hosts([at["outside"]], [80], node=None)
        yield Site(lab, at)


@pytest.mark.live
@pytest.mark.parametrize("source", ANYWHERE)
@pytest.mark.parametrize(
    ("target", "port"),
    [
        *((name, 80) for name in ("web", "only-far", "near", "far")),
        *((node, port) for node in NODES for port in (30080, 30081)),
        ("second", 30082),
        ("second", HOST_PORT),
    ],
)
def test_every_service_is_reached_from_everywhere(site: Site, source: str, target: str, port: int) -> None:
    assert site.outcome(source, target, port) == "connected"


@pytest.mark.live
@pytest.mark.parametrize(
    ("source", "target", "port", "expected"),
    [
        ("outside", "first", 30082, "silent"),
        ("far", "first", 30082, "silent"),
        ("client", "first", 30082, "connected"),  # the policy is about clients from elsewhere
        ("first", "first", 30082, "connected"),
        ("client", "local", 80, "silent"),
        ("first", "local", 80, "silent"),
        ("far", "local", 80, "connected"),
        ("client", "first", HOST_PORT, "refused"),
    ],
)
def test_a_local_policy_is_about_the_node(site: Site, source: str, target: str, port: int, expected: str) -> None:
    assert site.outcome(source, target, port) == expected


@pytest.mark.live
@pytest.mark.parametrize(
    ("source", "target", "port", "seen"),
    [
        ("outside", "first", 30081, "first"),
        ("client", "first", 30081, "first"),
        ("outside", "second", 30081, "outside"),  # its own node judges the packet before it replaces the address
        ("client", "second", 30081, "client"),
        ("outside", "second", 30082, "outside"),
        ("outside", "only-far", 80, "first"),
        ("client", "only-far", 80, "client"),
        ("first", "only-far", 80, "first"),
        ("client", "second", HOST_PORT, "client"),
        ("first", "far", 80, "first"),
        ("client", "far", 80, "client"),
    ],
)
def test_policies_see_the_address_that_kube_proxy_leaves(
    site: Site, source: str, target: str, port: int, seen: str
) -> None:
    assert site.outcome(source, target, port, site.admitting(seen)) == "connected"
    others = {"client", "outside", *NODES, "near"} - {seen}
    assert site.outcome(source, target, port, site.admitting(*others)) == "silent"


@pytest.mark.live
def test_a_node_reaches_its_own_isolated_pods_and_no_others(site: Site) -> None:
    assert site.outcome("second", "far", 80, site.admitting()) == "connected"
    assert site.outcome("first", "far", 80, site.admitting()) == "silent"


@pytest.mark.live
def test_a_denial_holds_for_an_open_flow_across_nodes(site: Site) -> None:
    free, denied = site.world(), site.world(site.admitting())
    site.lab.flush()
    site.change(free)
    assert site.lab.flow(site.addresses["client"], site.addresses["far"], 80) == "connected"
    site.change(denied, free)
    assert site.lab.flow(site.addresses["client"], site.addresses["far"], 80) == "silent"
