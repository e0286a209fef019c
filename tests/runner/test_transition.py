"""Transitions between pods that do not run: what is probed when, and what is injected into manifests."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, cast

import pytest

from netpol_harness.deadline import Deadline
from netpol_harness.model.names import NamespacedName, ObjectKey
from netpol_harness.paths.diagnostics import Place
from netpol_harness.paths.ends import PodSource
from netpol_harness.paths.expectations import resolve
from netpol_harness.paths.grammar import Sentence, parse
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import ProbeMode
from netpol_harness.probe.first_packet import NAME
from netpol_harness.results.evidence import Attempt, Evidence, Identity, Judgement, Reply, judge_evidence
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.runner.state import Act, Change
from netpol_harness.runner.targets import resolve_probes
from netpol_harness.runner.transition import StepTransition, TransitionContext, paths_with
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
    plain = [replace(s, mode=ProbeMode.NEW) for s in sentences if isinstance(s, Sentence)]
    expectations, problems = resolve(plain, step.inventory)
    assert not problems
    modes = [s.mode for s in sentences if isinstance(s, Sentence)]
    found = [replace(e, path=replace(e.path, mode=m)) for e, m in zip(expectations, modes, strict=True)]
    return replace(step, expectations=tuple(found))


@pytest.fixture
def transition(shop: Scenario) -> Callable[..., StepTransition]:
    placement = Placement.literal(shop)
    snapshot = ClusterSnapshot.of(
        [live("web", "10.0.0.1", app="web"), live("client", "10.0.0.2", app="client")], placement
    )

    def make(*lines: str, client: Any = None, take_snapshot: Any = None) -> StepTransition:
        prober, client = cast("Any", NoProber()), cast("Any", client or Logs())
        context = TransitionContext(prober, client, placement, take_snapshot or (lambda without: snapshot))
        return StepTransition(step_of(shop, *lines), context, snapshot, 0.0)

    return make


POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "client", "namespace": "shop"},
    "spec": {"containers": [{"name": "c"}]},
}
KEY = ObjectKey("v1", "Pod", "shop", "client")


def test_paths_are_selected_by_their_mode(transition: Callable[..., StepTransition]) -> None:
    step = transition("throughout web -> 10.0.0.2:80", "client -> pod(web):80").step
    assert [path.source for path in paths_with(step, ProbeMode.CONTINUOUS)] == [
        PodSource(NamespacedName("shop", "web"))
    ]
    assert [path.source for path in paths_with(step, ProbeMode.NEW)] == [PodSource(NamespacedName("shop", "client"))]


def test_a_pod_whose_first_packets_are_probed_gets_an_init_container_before_all_others(
    transition: Callable[..., StepTransition],
) -> None:
    entering = transition("first client -> pod(web):80")
    delete, recreate = entering.inject([Change(Act.DELETE, KEY, POD), Change(Act.RECREATE, KEY, POD)])
    assert delete.data is POD
    assert [c["name"] for c in recreate.data["spec"]["initContainers"]] == [NAME]
    assert "10.0.0.1 80" in recreate.data["spec"]["initContainers"][0]["command"][2]
    assert "initContainers" not in POD["spec"]


def test_a_controller_gets_it_in_its_pod_template(transition: Callable[..., StepTransition]) -> None:
    entering = transition("first db -> pod(web):80")
    key = ObjectKey("apps/v1", "Deployment", "shop", "db")
    template = {"spec": {"containers": [{"name": "c"}]}}
    data = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": template}}
    (recreate,) = entering.inject([Change(Act.START, key, data)])
    assert recreate.data["spec"]["template"]["spec"]["initContainers"][0]["name"] == NAME


def test_other_pods_are_not_changed(transition: Callable[..., StepTransition]) -> None:
    entering = transition("first client -> pod(web):80", "web -> 10.0.0.2:80")
    change = Change(Act.START, replace(KEY, name="web"), POD)
    assert entering.inject([change]) == (change,)


def test_a_log_without_frames_is_not_an_observation(transition: Callable[..., StepTransition]) -> None:
    logs = Logs(b"nothing of ours")
    entering = transition("first client -> pod(web):80", client=logs)
    entering.inject([Change(Act.RECREATE, KEY, POD)])
    entering.finish(entering.before, 0.0)
    ((attempts,),) = entering.end().values()
    assert {attempt.reply.outcome for attempt in attempts} == {Outcome.PROBE_FAILED}
    assert logs.asked == [("client", NAME)]


def test_a_new_pod_is_probed_as_soon_as_it_has_an_address(
    transition: Callable[..., StepTransition], shop: Scenario
) -> None:
    ignored_uids: list[Collection[str]] = []

    def take_snapshot(without: Collection[str]) -> ClusterSnapshot:
        ignored_uids.append(without)
        address = "10.0.0.9" if len(ignored_uids) > 2 else ""  # placed, and then with an address
        return ClusterSnapshot.of([live("web", "10.0.0.1"), live("client", address)], Placement.literal(shop))

    entering = transition("first web -> pod(client):80", take_snapshot=take_snapshot)
    entering.start()
    Deadline(0.5).pause(0.5)
    ((attempts,),) = entering.end().values()
    assert len(ignored_uids) == 3
    assert ignored_uids[0] == {"web10.0.0.1", "client10.0.0.2"}, "pods from before the change are ignored"
    assert {attempt.reply.outcome for attempt in attempts} == {Outcome.CONNECTED}


def test_attempts_of_the_transition_come_first_with_times_from_the_beginning(
    transition: Callable[..., StepTransition],
) -> None:
    entering = transition("throughout web -> 10.0.0.2:80")
    (expectation,) = entering.step.expectations
    liveness = Reply(Outcome.CONNECTED, "alive")
    entering._attempts[expectation.path] = [[Attempt(0.1, Reply(Outcome.TIMED_OUT))]]
    settled = Evidence(Expected.BLOCKED, (Attempt(0.2, Reply(Outcome.TIMED_OUT), liveness),))
    (resolved_probe,) = resolve_probes(expectation, entering.before)
    entering.finish(entering.before, 5.0)
    evidence = entering.merge(replace(expectation, expected=Expected.BLOCKED), 0, resolved_probe, settled)
    assert evidence == Evidence(
        Expected.BLOCKED,
        (Attempt(0.1, Reply(Outcome.TIMED_OUT), liveness), Attempt(5.2, Reply(Outcome.TIMED_OUT), liveness)),
        ProbeMode.CONTINUOUS,
    )


@pytest.mark.parametrize("mode", ["throughout", "first"])
@pytest.mark.parametrize(
    ("control", "judgement"),
    [
        ({"identity": Identity("10.0.0.2", frozenset({"client"}))}, Judgement.BROKEN),
        ({"negative_control": Reply(Outcome.CONNECTED)}, Judgement.BROKEN),
        ({"identity": Identity("client", frozenset({"client"}))}, Judgement.AGREES),
    ],
)
def test_who_answers_in_the_settled_step_counts_for_the_transition(
    transition: Callable[..., StepTransition], mode: str, control: Any, judgement: Judgement
) -> None:
    entering = transition(f"{mode} web -> 10.0.0.2:80")
    (expectation,) = entering.step.expectations
    alive = Reply(Outcome.CONNECTED, "alive")
    entering._attempts[expectation.path] = [[Attempt(0.1, alive, alive)]]
    settled = Evidence(Expected.ALLOWED, (Attempt(0.2, alive, alive, **control),))
    (resolved_probe,) = resolve_probes(expectation, entering.before)
    evidence = entering.merge(replace(expectation, expected=Expected.ALLOWED), 0, resolved_probe, settled)
    assert judge_evidence(evidence) is judgement


@pytest.mark.parametrize("mode", ["throughout", "first"])
def test_the_settled_step_does_not_replace_missing_attempts_of_the_transition(
    transition: Callable[..., StepTransition], mode: str
) -> None:
    entering = transition(f"{mode} web -> 10.0.0.2:80")
    (expectation,) = entering.step.expectations
    alive = Reply(Outcome.CONNECTED, "alive")
    settled = Evidence(Expected.ALLOWED, (Attempt(0.2, alive, alive),))
    (resolved_probe,) = resolve_probes(expectation, entering.before)
    evidence = entering.merge(replace(expectation, expected=Expected.ALLOWED), 0, resolved_probe, settled)
    assert judge_evidence(evidence) is Judgement.BROKEN


def test_the_evidence_of_a_completed_source_is_its_log_alone(transition: Callable[..., StepTransition]) -> None:
    entering = transition("first client -> pod(web):80")
    (expectation,) = entering.step.expectations
    done = {**live("client", ""), "status": {"phase": "Succeeded"}}
    (resolved_probe,) = resolve_probes(
        expectation, ClusterSnapshot.of([live("web", "10.0.0.1", app="web"), done], entering.context.placement)
    )
    assert (resolved_probe.source_completed, resolved_probe.source) == (True, "shop/client")
    assert str(resolved_probe.question) == "shop/web -> tcp://10.0.0.1:80", "whether the target lives"
    liveness = Reply(Outcome.CONNECTED, "alive")
    entering._attempts[expectation.path] = [[Attempt(0.0, Reply(Outcome.TIMED_OUT))]]
    settled = Evidence(Expected.ALLOWED, (Attempt(0.2, liveness, liveness),))
    evidence = entering.merge(replace(expectation, expected=Expected.BLOCKED), 0, resolved_probe, settled)
    attempts = (Attempt(0.0, Reply(Outcome.TIMED_OUT), liveness),)
    assert evidence == Evidence(Expected.BLOCKED, attempts, ProbeMode.FIRST_PACKET)
    missing = entering.merge(expectation, 7, resolved_probe, settled)
    assert missing.decisive.reply.outcome is Outcome.PROBE_FAILED
