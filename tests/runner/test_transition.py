"""Ways into a step over pods that are not there: what is asked when, and what goes into manifests."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import pytest

from netpol_harness.deadline import Deadline
from netpol_harness.kube.client import ObjectKey
from netpol_harness.paths.diagnostics import Place
from netpol_harness.paths.expectations import resolve
from netpol_harness.paths.grammar import Sentence, parse
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Manner
from netpol_harness.probe.first_packet import NAME
from netpol_harness.results.evidence import Attempt, Evidence, Judgement, Reply, judge
from netpol_harness.runner.snapshot import Census
from netpol_harness.runner.state import Act, Change
from netpol_harness.runner.targets import aims
from netpol_harness.runner.transition import Passage, Ways, paths
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Scenario, Step


class NoProber:
    """A prober that only knows its time-out and image."""

    timeout, image = 0.2, "agnhost"

    def observe(self, batches: Any, means: Any = None) -> Any:
        return {(pod, probe): Reply(Outcome.CONNECTED) for pod, probes in batches.items() for probe in probes}


class Logs:
    """A client that has one container's log."""

    def __init__(self, log: bytes = b"") -> None:
        self.text = log
        self.asked: list[tuple[str, str]] = []

    def log(self, key: ObjectKey, *, container: str) -> bytes:
        self.asked.append((key.name, container))
        return self.text


def live(name: str, address: str, **labels: str) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": labels, "uid": name + address},
        "spec": {"containers": [{"name": "c", "ports": [{"containerPort": 80, "name": "http"}]}]},
        "status": {"phase": "Running", "podIPs": [{"ip": address}] if address else []},
    }


def step_of(shop: Scenario, *lines: str) -> Step:
    step = next(step for step in shop.steps if step.name == "again")
    sentences = [parse(line, Expected.UNDEFINED, Place("s", 1)) for line in lines]
    plain = [replace(s, manner=Manner.NEW) for s in sentences if isinstance(s, Sentence)]
    expectations, problems = resolve(plain, step.inventory)
    assert not problems
    manners = [s.manner for s in sentences if isinstance(s, Sentence)]
    found = [replace(e, path=replace(e.path, manner=m)) for e, m in zip(expectations, manners, strict=True)]
    return replace(step, expectations=tuple(found))


@pytest.fixture
def passage(shop: Scenario) -> Callable[..., Passage]:
    placement = Placement.literal(shop)
    census = Census.take([live("web", "10.0.0.1", app="web"), live("client", "10.0.0.2", app="client")], placement)

    def make(*lines: str, client: Any = None, look: Any = None) -> Passage:
        ways = Ways(NoProber(), client or Logs(), placement, look or (lambda without: census))  # type: ignore[arg-type]
        return Passage(step_of(shop, *lines), ways, census, 0.0)

    return make


POD = {"kind": "Pod", "metadata": {"name": "client", "namespace": "shop"}, "spec": {"containers": [{"name": "c"}]}}
KEY = ObjectKey("v1", "Pod", "shop", "client")


def test_paths_are_told_by_their_manner(passage: Callable[..., Passage]) -> None:
    step = passage("throughout web -> 10.0.0.2:80", "client -> pod(web):80").step
    assert [str(path.source) for path in paths(step, Manner.THROUGHOUT)] == ["shop/web"]
    assert [str(path.source) for path in paths(step, Manner.NEW)] == ["shop/client"]


def test_a_pod_that_asks_first_gets_a_container_before_all_others(passage: Callable[..., Passage]) -> None:
    way = passage("first client -> pod(web):80")
    delete, made = way.equipped([Change(Act.DELETE, KEY, POD), Change(Act.RECREATE, KEY, POD)])
    assert delete.data is POD
    assert [c["name"] for c in made.data["spec"]["initContainers"]] == [NAME]
    assert "10.0.0.1 80" in made.data["spec"]["initContainers"][0]["command"][2]
    assert "initContainers" not in POD["spec"]


def test_what_makes_pods_gets_it_in_its_template(passage: Callable[..., Passage]) -> None:
    way = passage("first db -> pod(web):80")
    key = ObjectKey("apps/v1", "Deployment", "shop", "db")
    data = {"spec": {"template": {"spec": {"containers": [{"name": "c"}]}}}}
    (made,) = way.equipped([Change(Act.START, key, data)])
    assert made.data["spec"]["template"]["spec"]["initContainers"][0]["name"] == NAME


def test_others_are_left_as_they_are(passage: Callable[..., Passage]) -> None:
    way = passage("first client -> pod(web):80", "web -> 10.0.0.2:80")
    change = Change(Act.START, replace(KEY, name="web"), POD)
    assert way.equipped([change]) == (change,)


def test_a_log_without_frames_is_no_observation(passage: Callable[..., Passage]) -> None:
    logs = Logs(b"nothing of ours")
    way = passage("first client -> pod(web):80", client=logs)
    way.equipped([Change(Act.RECREATE, KEY, POD)])
    way.arrive(way.before, 0.0)
    ((attempts,),) = way.end().values()
    assert {attempt.reply.outcome for attempt in attempts} == {Outcome.PROBE_FAILED}
    assert logs.asked == [("client", NAME)]


def test_a_new_pod_is_asked_only_once_it_has_an_address(passage: Callable[..., Passage], shop: Scenario) -> None:
    looks: list[Collection[str]] = []

    def look(without: Collection[str]) -> Census:
        looks.append(without)
        address = "10.0.0.9" if len(looks) > 2 else ""  # placed, and then with an address
        return Census.take([live("web", "10.0.0.1"), live("client", address)], Placement.literal(shop))

    way = passage("first web -> pod(client):80", look=look)
    way.depart()
    Deadline(0.5).pause(0.5)
    ((attempts,),) = way.end().values()
    assert len(looks) == 3
    assert looks[0] == {"web10.0.0.1", "client10.0.0.2"}, "the pod that was there before is not meant"
    assert {attempt.reply.outcome for attempt in attempts} == {Outcome.CONNECTED}


def test_earlier_answers_come_first_with_times_from_the_beginning(passage: Callable[..., Passage]) -> None:
    way = passage("throughout web -> 10.0.0.2:80")
    (asked,) = way.step.expectations
    witness = Reply(Outcome.CONNECTED, "alive")
    way._told[asked.path] = [[Attempt(0.1, Reply(Outcome.TIMED_OUT))]]
    settled = Evidence(Expected.BLOCKED, (Attempt(0.2, Reply(Outcome.TIMED_OUT), witness),))
    (aim,) = aims(asked, way.before)
    way.arrive(way.before, 5.0)
    found = way.completed(replace(asked, expected=Expected.BLOCKED), 0, aim, settled)
    assert found == Evidence(
        Expected.BLOCKED,
        (Attempt(0.1, Reply(Outcome.TIMED_OUT), witness), Attempt(5.2, Reply(Outcome.TIMED_OUT), witness)),
        Manner.THROUGHOUT,
    )


@pytest.mark.parametrize("manner", ["throughout", "first"])
def test_what_was_not_seen_on_the_way_is_not_made_up_from_the_settled_step(
    passage: Callable[..., Passage], manner: str
) -> None:
    way = passage(f"{manner} web -> 10.0.0.2:80")
    (asked,) = way.step.expectations
    alive = Reply(Outcome.CONNECTED, "alive")
    settled = Evidence(Expected.ALLOWED, (Attempt(0.2, alive, alive),))
    (aim,) = aims(asked, way.before)
    found = way.completed(replace(asked, expected=Expected.ALLOWED), 0, aim, settled)
    assert judge(found) is Judgement.BROKEN


def test_of_a_source_that_has_ended_its_log_alone_speaks(passage: Callable[..., Passage]) -> None:
    way = passage("first client -> pod(web):80")
    (asked,) = way.step.expectations
    done = {**live("client", ""), "status": {"phase": "Succeeded"}}
    (aim,) = aims(asked, Census.take([live("web", "10.0.0.1", app="web"), done], way.ways.placement))
    assert (aim.by_hearsay, aim.source) == (True, "shop/client")
    assert str(aim.question) == "shop/web -> tcp://10.0.0.1:80", "whether the target lives"
    witness = Reply(Outcome.CONNECTED, "alive")
    way._told[asked.path] = [[Attempt(0.0, Reply(Outcome.TIMED_OUT))]]
    settled = Evidence(Expected.ALLOWED, (Attempt(0.2, witness, witness),))
    found = way.completed(replace(asked, expected=Expected.BLOCKED), 0, aim, settled)
    told = (Attempt(0.0, Reply(Outcome.TIMED_OUT), witness),)
    assert found == Evidence(Expected.BLOCKED, told, Manner.FIRST)
    nothing = way.completed(asked, 7, aim, settled)
    assert nothing.last.reply.outcome is Outcome.PROBE_FAILED
