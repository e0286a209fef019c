from dataclasses import replace
from typing import Any

from netpol_harness.model.names import PodRef
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Manner, Path, Scheme, Target, TargetKind
from netpol_harness.runner.held_connections import HeldLines
from netpol_harness.runner.snapshot import Census
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Scenario

CLIENT, WEB = PodRef("shop", "client"), PodRef("shop", "web")
PATH = Path(CLIENT, Scheme.HTTP, Target(TargetKind.POD, WEB, 80), "held client -> http://web:80", Manner.HELD)


class Recorded:
    """A prober that remembers what was hung up, and whose connections are all silent for five seconds."""

    def __init__(self) -> None:
        self.hung_up: list[Any] = []

    def hang_up(self, held: Any) -> None:
        self.hung_up += held

    def silence(self, pod: PodRef, probe: Any) -> float:
        return 5.0


def census(shop: Scenario, address: str) -> Census:
    pods = [
        {
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"containers": []},
            "status": {"podIPs": [{"ip": ip}]},
        }
        for name, ip in (("client", "10.0.0.2"), ("web", address))
    ]
    return Census.take(pods, Placement.literal(shop))


def test_aims_stay_those_of_the_beginning_under_each_steps_own_word(shop: Scenario) -> None:
    lines = HeldLines(Recorded())  # type: ignore[arg-type]
    assert PATH not in lines
    (first,) = lines.aims(Expectation(PATH, Expected.ALLOWED, ""), census(shop, "10.0.0.1"))
    (later,) = lines.aims(Expectation(PATH, Expected.BLOCKED, ""), census(shop, "10.0.0.9"))
    assert PATH in lines
    assert first.question.probe == later.question.probe
    assert later.question == replace(first.question, expected=Expected.BLOCKED)
    assert (first.question.probe.host, first.question.probe.held) == ("10.0.0.1", PATH.text)


def test_what_no_later_step_has_is_hung_up(shop: Scenario) -> None:
    prober = Recorded()
    lines = HeldLines(prober)  # type: ignore[arg-type]
    (aim,) = lines.aims(Expectation(PATH, Expected.ALLOWED, ""), census(shop, "10.0.0.1"))
    lines.keep([PATH])
    assert prober.hung_up == []
    lines.keep([])
    assert prober.hung_up == [(aim.question.source, aim.question.probe)]
    assert PATH not in lines


def test_only_what_should_speak_again_is_waited_for(shop: Scenario) -> None:
    lines = HeldLines(Recorded())  # type: ignore[arg-type]
    allowed, blocked = (Expectation(PATH, word, "") for word in (Expected.ALLOWED, Expected.BLOCKED))
    assert lines.patience([allowed]) == 0.0, "it has never been asked"
    lines.aims(allowed, census(shop, "10.0.0.1"))
    assert lines.patience([allowed]) == 5.0
    assert lines.patience([blocked]) == 0.0
