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
    """A prober that remembers what was hung up, and whose connections are all silent for five seconds."""

    def __init__(self) -> None:
        self.hung_up: list[Any] = []

    def close_connections(self, held: Any) -> None:
        self.hung_up += held

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


def test_aims_stay_those_of_the_beginning_under_each_steps_own_word(shop: Scenario) -> None:
    lines = HeldConnections(Recorded())  # type: ignore[arg-type]
    assert PATH not in lines
    (first,) = lines.resolve_probes(Expectation(PATH, Expected.ALLOWED, ""), snapshot(shop, "10.0.0.1"))
    (later,) = lines.resolve_probes(Expectation(PATH, Expected.BLOCKED, ""), snapshot(shop, "10.0.0.9"))
    assert PATH in lines
    assert first.question.probe == later.question.probe
    assert later.question == replace(first.question, expected=Expected.BLOCKED)
    assert (first.question.probe.host, first.question.probe.connection) == ("10.0.0.1", PATH.text)


def test_what_no_later_step_has_is_hung_up(shop: Scenario) -> None:
    prober = Recorded()
    lines = HeldConnections(prober)  # type: ignore[arg-type]
    (resolved_probe,) = lines.resolve_probes(Expectation(PATH, Expected.ALLOWED, ""), snapshot(shop, "10.0.0.1"))
    lines.keep([PATH])
    assert prober.hung_up == []
    lines.keep([])
    assert prober.hung_up == [(resolved_probe.question.source, resolved_probe.question.probe)]
    assert PATH not in lines


def test_only_what_should_speak_again_is_waited_for(shop: Scenario) -> None:
    lines = HeldConnections(Recorded())  # type: ignore[arg-type]
    allowed, blocked = (Expectation(PATH, word, "") for word in (Expected.ALLOWED, Expected.BLOCKED))
    assert lines.patience([allowed]) == 0.0, "it has never been asked"
    lines.resolve_probes(allowed, snapshot(shop, "10.0.0.1"))
    assert lines.patience([allowed]) == 5.0
    assert lines.patience([blocked]) == 0.0
