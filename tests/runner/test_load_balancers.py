"""Waiting for the addresses of load balancers."""

from dataclasses import replace
from typing import Any

from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import NamespacedName, ObjectKey
from netpol_harness.model.objects import World
from netpol_harness.model.services import Service
from netpol_harness.paths.ends import LoadBalancerTarget, PodSource, ServiceTarget, Target
from netpol_harness.paths.path import Path, Scheme
from netpol_harness.runner.load_balancers import LoadBalancers
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.scenario.placement import Placement
from netpol_harness.timeouts import EMBEDDED

EDGE = NamespacedName("shop", "edge")
REAL = NamespacedName("shop-x1", "edge")
SNAPSHOT = ClusterSnapshot(
    World(services={REAL: Service(REAL, {}, (), balanced=True)}), {}, NameServer(), (), Placement({"shop": "shop-x1"})
)


class Polled:
    """A cluster that gives the Service an address at its poll ``after``."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.polls = 0

    def find(self, key: ObjectKey) -> dict[str, Any] | None:
        self.polls += 1
        status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.130"}]}} if self.polls >= self.after else {}
        metadata = {"namespace": key.namespace, "name": key.name}
        return {"metadata": metadata, "spec": {"type": "LoadBalancer"}, "status": status}


def path(target: Target) -> Path:
    return Path(PodSource(NamespacedName("shop", "web")), Scheme.TCP, target, "s", "t")


def balancers(cluster: Polled, ready: float = 600.0) -> LoadBalancers:
    return LoadBalancers(cluster, replace(EMBEDDED, ready=ready, interval=0.001))


def test_an_address_is_waited_for_if_a_path_needs_it() -> None:
    cluster = Polled(after=3)
    assert balancers(cluster).wait([path(LoadBalancerTarget(EDGE, 80))], SNAPSHOT)
    assert cluster.polls == 3


def test_nothing_is_waited_for_if_no_path_needs_it_or_all_is_there() -> None:
    known = SNAPSHOT.world.services[REAL]
    served = (
        replace(known, load_balancer_ips=("192.0.2.130",)),
        replace(known, load_balancer_proxies=("lb.example.com",)),
    )
    cluster = Polled(after=1)
    assert not balancers(cluster).wait([path(ServiceTarget(EDGE, 80))], SNAPSHOT)
    for service in served:
        there = replace(SNAPSHOT, world=World(services={REAL: service}))
        assert not balancers(cluster).wait([path(LoadBalancerTarget(EDGE, 80))], there)
    assert not balancers(cluster).wait([path(LoadBalancerTarget(NamespacedName("shop", "gone"), 80))], SNAPSHOT)
    assert cluster.polls == 0


def test_a_service_that_gets_no_address_in_time_is_waited_for_once() -> None:
    cluster = Polled(after=1_000_000)
    waiting = balancers(cluster, ready=0.0)
    assert waiting.wait([path(LoadBalancerTarget(EDGE, 80))], SNAPSHOT)
    asked = cluster.polls
    assert not waiting.wait([path(LoadBalancerTarget(EDGE, 80))], SNAPSHOT)
    assert asked == cluster.polls == 1
