from dataclasses import replace
from typing import Any

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.ends import PodSource, PodTarget
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Path, ProbeMode, Scheme
from netpol_harness.runner.held_connections import HeldConnections
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Scenario

CLIENT, WEB = NamespacedName("shop", "client"), NamespacedName("shop", "web")
PATH = Path(PodSource(CLIENT), Scheme.HTTP, PodTarget(WEB, 80), "held client", "http://web:80", ProbeMode.PERSISTENT)


class Recorded:
    """A prober that records the connections it closes, and whose connections are all silent for five seconds."""

    def __init__(self) -> None:
        self.closed: list[Any] = []

    def close_connections(self, connections: Any) -> None:
        self.closed += connections

    def silence(self, pod: NamespacedName, probe: Any) -> float:
        return 5.0


def snapshot(shop: Scenario, address: str) -> ClusterSnapshot:
    pods = [
        {
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"containers": []},
            "status": {"podIPs": [{"ip": ip}]},
        }
        for name, ip in (("client", "10.0.0.2"), ("web", address))
    ]
    return ClusterSnapshot.of(pods, Placement.literal(shop))


def test_probes_stay_as_first_resolved_with_the_verdict_of_each_step(shop: Scenario) -> None:
    held = HeldConnections(Recorded())  # type: ignore[arg-type]
    assert PATH not in held
    (first,) = held.resolve_probes(Expectation(PATH, Expected.ALLOWED, ""), snapshot(shop, "10.0.0.1"))
    (later,) = held.resolve_probes(Expectation(PATH, Expected.BLOCKED, ""), snapshot(shop, "10.0.0.9"))
    assert PATH in held
    assert first.question.probe == later.question.probe
    assert later.question == replace(first.question, expected=Expected.BLOCKED)
    assert (first.question.probe.host, first.question.probe.connection) == ("10.0.0.1", PATH.text)


def test_connections_that_no_later_step_has_are_closed(shop: Scenario) -> None:
    prober = Recorded()
    held = HeldConnections(prober)  # type: ignore[arg-type]
    (resolved_probe,) = held.resolve_probes(Expectation(PATH, Expected.ALLOWED, ""), snapshot(shop, "10.0.0.1"))
    held.close_others([PATH])
    assert prober.closed == []
    held.close_others([])
    assert prober.closed == [(resolved_probe.question.source, resolved_probe.question.probe)]
    assert PATH not in held


def test_only_connections_that_should_open_again_are_waited_for(shop: Scenario) -> None:
    held = HeldConnections(Recorded())  # type: ignore[arg-type]
    allowed, blocked = (Expectation(PATH, expected, "") for expected in (Expected.ALLOWED, Expected.BLOCKED))
    assert held.extra_settle_time([allowed]) == 0.0, "it has not been probed yet"
    held.resolve_probes(allowed, snapshot(shop, "10.0.0.1"))
    assert held.extra_settle_time([allowed]) == 5.0
    assert held.extra_settle_time([blocked]) == 0.0
