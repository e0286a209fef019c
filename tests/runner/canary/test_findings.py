"""What results of the canary mean: pure, from outcomes to errors."""

from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from netpol_harness.analysis.broken_part import ControlFinder
from netpol_harness.errors import ClusterFailed, NotEnforcing
from netpol_harness.model.names import Protocol
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.outcome import Outcome
from netpol_harness.results.evidence import Attempt, Evidence, Identity, Reply
from netpol_harness.results.proof import Proof
from netpol_harness.results.table import PathResult, PodPairResult
from netpol_harness.runner.canary.findings import (
    Fault,
    Finding,
    after_policies,
    before_policies,
    error_of,
    problem,
    under_policies,
)
from netpol_harness.runner.canary.traffic import PLAIN, Traffic
from netpol_harness.scenario.load import load

SCENARIO = load(Path(str(files("netpol_harness.runner.canary"))) / "scenario.yaml")
OPEN, ENFORCED = SCENARIO.steps
UDP = Traffic(Protocol.UDP)
ALIVE = Reply(Outcome.CONNECTED)
LEAK_IN, LEAK_OUT = "canary-stranger-near -> canary-guarded:8080", "canary-closed-near -> canary-stranger-near:8080"
CLOSED, FAILED = "canary-friend-near -> canary-guarded:8080", "canary-closed-near -> canary-friend-near:8080"
CONNECTED, SILENT, LOST = (
    Attempt(0.0, Reply(outcome), ALIVE)
    for outcome in Outcome
    if outcome in (Outcome.CONNECTED, Outcome.TIMED_OUT, Outcome.PROBE_FAILED)
)
INTERCEPTED = replace(CONNECTED, negative_control=Reply(Outcome.CONNECTED))
FOREIGN = replace(CONNECTED, identity=Identity("", frozenset({"canary-guarded"})))
DEAD = replace(SILENT, liveness=Reply(Outcome.REFUSED))


def results(step_name: str, attempts: Mapping[str, Attempt]) -> list[PathResult]:
    """The results of a step, as they should be except for these attempts."""
    step = OPEN if step_name == "open" else ENFORCED
    found = []
    for expectation in step.expectations:
        as_expected = SILENT if expectation.expected.needs_proof else CONNECTED
        attempt = attempts.get(expectation.path.text, as_expected)
        evidence = Evidence(expectation.expected, (attempt,), proof=Proof.BASELINE, counterfactual=attempt)
        pair = PodPairResult(expectation.path.source_text, expectation.path.target_text, evidence)
        found.append(PathResult(expectation, (pair,)))
    return found


def before(attempts: Mapping[str, Attempt]) -> Finding | None:
    found = results("open", attempts)
    return before_policies(found, ControlFinder(found, EndpointResolver(OPEN.inventory.world())), "shut")


def test_a_cluster_that_does_what_policies_say_has_no_fault() -> None:
    assert before({}) is None
    assert under_policies(results("enforced", {})) is None
    assert after_policies(results("open", {})) is None


ALL_CLOSED = {expectation.path.text: SILENT for expectation in OPEN.expectations}
FROM_FRIEND = {text: SILENT for text in ALL_CLOSED if text.startswith("canary-friend")}
TO_GUARDED = {text: SILENT for text in ALL_CLOSED if text.endswith("canary-guarded:8080")}


@pytest.mark.parametrize(
    ("attempts", "fault", "text"),
    [
        (ALL_CLOSED, Fault.BROKEN, "nothing is open although the canary has applied no policy yet"),
        (ALL_CLOSED, Fault.BROKEN, "is namespace shut free of other policies"),
        (FROM_FRIEND, Fault.BROKEN, "2 of 5 paths are closed"),
        (FROM_FRIEND, Fault.BROKEN, "; the source is isolated; is"),
        (TO_GUARDED, Fault.BROKEN, "; the target's own firewall closes it"),
        ({CLOSED: INTERCEPTED}, Fault.INTERCEPTED, "an unused port of the target answered as well"),
        ({CLOSED: FOREIGN}, Fault.INTERCEPTED, "not canary-guarded answered"),
        ({CLOSED: INTERCEPTED, FAILED: SILENT}, Fault.INTERCEPTED, "an unused port"),
        ({CLOSED: LOST}, Fault.UNKNOWN, f"{CLOSED} should be allowed and is PROBE_FAILED"),
    ],
)
def test_what_is_wrong_before_any_policy(attempts: Mapping[str, Attempt], fault: Fault, text: str) -> None:
    finding = before(attempts)
    assert finding is not None
    assert finding.fault is fault
    assert text in finding.text


@pytest.mark.parametrize(
    ("attempts", "fault", "text"),
    [
        ({LEAK_IN: CONNECTED, LEAK_OUT: CONNECTED}, Fault.NOT_ENFORCED, "policies have no effect: "),
        ({LEAK_IN: CONNECTED}, Fault.NOT_ENFORCED, "ingress policies have no effect: "),
        ({LEAK_OUT: CONNECTED}, Fault.NOT_ENFORCED, "egress policies have no effect: "),
        ({LEAK_OUT: CONNECTED, FAILED: LOST}, Fault.NOT_ENFORCED, "egress policies have no effect: "),
        ({LEAK_IN: INTERCEPTED}, Fault.INTERCEPTED, "an unused port of the target answered as well"),
        ({CLOSED: FOREIGN, LEAK_IN: CONNECTED}, Fault.INTERCEPTED, "not canary-guarded answered"),
        ({CLOSED: SILENT}, Fault.WRONG_EFFECT, f"{CLOSED} should be allowed and is TIMED_OUT"),
        ({FAILED: LOST}, Fault.UNKNOWN, f"{FAILED} should be allowed and is PROBE_FAILED"),
        ({CLOSED: SILENT, FAILED: LOST}, Fault.UNKNOWN, "PROBE_FAILED"),
        ({LEAK_IN: DEAD}, Fault.UNKNOWN, f"{LEAK_IN} should be blocked and is TIMED_OUT"),
    ],
)
def test_what_is_wrong_under_policies(attempts: Mapping[str, Attempt], fault: Fault, text: str) -> None:
    finding = under_policies(results("enforced", attempts))
    assert finding is not None
    assert finding.fault is fault
    assert text in finding.text


def test_a_leak_is_an_interception_if_an_address_that_nobody_has_answers_as_well() -> None:
    finding = under_policies(results("enforced", {LEAK_IN: CONNECTED}), "a is connected to 192.0.2.99")
    assert finding is not None
    assert finding.fault is Fault.INTERCEPTED
    assert finding.text == f"{LEAK_IN} should be blocked and is CONNECTED, and a is connected to 192.0.2.99"
    assert under_policies(results("enforced", {}), "a is connected to 192.0.2.99") is None


@pytest.mark.parametrize(
    ("attempt", "fault", "text"),
    [
        (SILENT, Fault.BROKEN, "stays closed after they are gone"),
        (FOREIGN, Fault.INTERCEPTED, "not canary-guarded answered"),
        (LOST, Fault.UNKNOWN, "PROBE_FAILED"),
    ],
)
def test_what_is_wrong_after_the_policies(attempt: Attempt, fault: Fault, text: str) -> None:
    finding = after_policies(results("open", {LEAK_IN: attempt}))
    assert finding is not None
    assert finding.fault is fault
    assert text in finding.text


@pytest.mark.parametrize(
    ("fault", "kind", "text"),
    [
        (Fault.INTERCEPTED, NotEnforcing, "connections are intercepted on this cluster (flannel): how. Every verdict"),
        (Fault.NOT_ENFORCED, NotEnforcing, "policies are not enforced on this cluster (flannel): how. Every verdict"),
        (Fault.WRONG_EFFECT, NotEnforcing, "policies have the wrong effect on this cluster (flannel): how; see"),
        (Fault.BROKEN, ClusterFailed, "the network is broken on this cluster (flannel): how"),
        (Fault.UNKNOWN, ClusterFailed, "the canary could not find out whether policies have effect: how; is"),
    ],
)
def test_each_fault_has_an_error(fault: Fault, kind: type[Exception], text: str) -> None:
    error = error_of({PLAIN: Finding(fault, "how")}, "flannel")
    assert type(error) is kind
    assert str(error).startswith(text)
    assert "--no-canary" in str(error) or fault is Fault.UNKNOWN


def test_an_error_of_several_protocols_names_each() -> None:
    found = {UDP: Finding(Fault.NOT_ENFORCED, "leaks"), PLAIN: Finding(Fault.BROKEN, "is closed")}
    error = error_of(found, "flannel")
    assert type(error) is ClusterFailed
    assert "TCP: is closed; UDP: leaks" in str(error)
    assert type(error_of({**found, PLAIN: Finding(Fault.INTERCEPTED, "is a proxy")}, "")) is NotEnforcing


def test_a_problem_names_its_protocol() -> None:
    assert problem(UDP, Finding(Fault.NOT_ENFORCED, "leaks")).startswith("no verdict about UDP means anything")
