"""Situations are those that the lies of ``tests/liars/network`` cause in their scenario, as they were observed."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from netpol_harness.analysis.broken_part import ControlFinder, Controls
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import ContainerPort
from netpol_harness.model.services import Service, ServicePort
from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.expectations import resolve
from netpol_harness.paths.grammar import parse
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Expectation, Inventory, Workload
from netpol_harness.report.message import PathContext, message_for
from netpol_harness.results.evidence import Attempt, Evidence, Reply
from netpol_harness.results.proof import Proof
from netpol_harness.results.table import PathResult, PodPairResult

PORTS = (ContainerPort(Port(Protocol.TCP, 80)), ContainerPort(Port(Protocol.UDP, 81)))
PODS = [
    Workload(NamespacedName("x", name), "Pod", {"app": name}, PORTS)
    for name in ("client", "friend", "lonely", "server", "decoy")
]
SERVICE = Service(NamespacedName("x", "svc"), {"app": "server"}, (ServicePort(Port(Protocol.TCP, 80), 80),))
IDLE = Service(NamespacedName("x", "idle"), {"app": "nothing"}, (ServicePort(Port(Protocol.TCP, 80), 80),))
INVENTORY = Inventory({pod.ref: pod for pod in PODS}, {SERVICE.ref: SERVICE, IDLE.ref: IDLE}, {}, "x")
ENDPOINTS = EndpointResolver(INVENTORY.world())

STATES = {
    "open": (Outcome.CONNECTED, None),
    "blocked": (Outcome.TIMED_OUT, Outcome.CONNECTED),
    "unresolved": (Outcome.NAME_FAILED, Outcome.CONNECTED),
    "closed": (Outcome.TIMED_OUT, Outcome.TIMED_OUT),
    "nameless": (Outcome.NAME_FAILED, Outcome.NAME_FAILED),
    "hidden": (Outcome.NAME_FAILED, Outcome.TIMED_OUT),
    "refused": (Outcome.REFUSED, Outcome.REFUSED),
}
"""By name, the outcome in the step and that with every policy lifted."""

TRUTH = {
    "client -> svc:80": "blocked",
    "client -> ip(svc):80": "blocked",
    "client -> server:80": "blocked",
    "client -> udp://server:81": "blocked",
    "friend -> svc:80": "open",
    "friend -> ip(svc):80": "open",
    "friend -> http://svc:80": "open",
    "friend -> server:80": "open",
    "friend -> udp://server:81": "open",
    "lonely -> svc:80": "unresolved",
    "lonely -> server:80": "blocked",
}
ALL_CLIENT = {text: "closed" for text in TRUTH if text.startswith("client")}
ALL_TCP = {text: "closed" for text in TRUTH if "udp" not in text} | {"lonely -> svc:80": "hidden"}
BY_SERVICE = {text: "closed" for text in TRUTH if "svc" in text} | {"lonely -> svc:80": "hidden"}
NAMELESS = {text: "nameless" if "-> svc" in text or "http" in text else "closed" for text in TRUTH}
NAMELESS_CLIENT = {text: state for text, state in NAMELESS.items() if text.startswith("client")}


def expectation(text: str) -> Expectation:
    sentence = parse(text, Expected.BLOCKED, Place("test", 1))
    assert not isinstance(sentence, Problem)
    (expectation,), problems = resolve([sentence], INVENTORY)
    assert not problems
    return expectation


def result(text: str, state: str) -> PathResult:
    now, lifted = STATES[state]
    attempt = Attempt(0.0, Reply(now), Reply(Outcome.CONNECTED))
    counterfactual = None if lifted is None else Attempt(0.0, Reply(lifted))
    expected = Expected.ALLOWED if now is Outcome.CONNECTED else Expected.BLOCKED
    expected = Expected.UNRESOLVED if now is Outcome.NAME_FAILED else expected
    evidence = Evidence(expected, (attempt,), counterfactual=counterfactual, proof=Proof.LIFT)
    pair = PodPairResult(text.split(" -> ")[0], text.split(" -> ")[1], evidence)
    return PathResult(replace(expectation(text), expected=expected), (pair,))


def controls(path: str, states: Mapping[str, str]) -> Controls | None:
    results = {text: result(text, state) for text, state in states.items()}
    return ControlFinder(results.values(), ENDPOINTS).of(results[path])


@pytest.mark.parametrize(
    ("lie", "path", "conclusion"),
    [
        pytest.param(NAMELESS, "friend -> server:80", "neither this source nor this target", id="all-dropped"),
        pytest.param(NAMELESS_CLIENT, "client -> server:80", "the source is isolated", id="source-dropped"),
        pytest.param(NAMELESS_CLIENT, "client -> svc:80", "the source is isolated", id="source-dropped-by-name"),
        pytest.param(dict.fromkeys(TRUTH, "closed"), "client -> server:80", "the target's own firewall", id="target"),
        pytest.param(ALL_TCP, "client -> server:80", "a firewall, of the target or on the way", id="target-one-port"),
        pytest.param(ALL_CLIENT, "client -> server:80", "only the way from this source", id="pair-dropped"),
        pytest.param(BY_SERVICE, "client -> svc:80", "the Service does not forward", id="kube-proxy-dead"),
        pytest.param(BY_SERVICE, "client -> ip(svc):80", "the Service does not forward", id="stale-cluster-ip"),
        pytest.param(BY_SERVICE, "lonely -> svc:80", "the Service does not forward", id="kube-proxy-dead-hidden"),
        pytest.param({"client -> svc:80": "closed"}, "client -> svc:80", "the name record is stale", id="stale-name"),
        pytest.param({"client -> idle:80": "refused"}, "client -> idle:80", "the Service has no endpoints", id="idle"),
        pytest.param({"client -> svc:80": "nameless"}, "client -> svc:80", "the name does not resolve", id="no-name"),
        pytest.param(
            {"client -> udp://server:81": "closed", "friend -> udp://server:81": "closed"},
            "client -> udp://server:81",
            "a firewall, of the target or on the way",
            id="udp-dropped",
        ),
    ],
)
def test_the_conclusion_names_the_broken_part(lie: Mapping[str, str], path: str, conclusion: str) -> None:
    found = controls(path, {**TRUTH, **lie})
    assert found is not None
    assert found.conclusion.startswith(conclusion)


def test_a_source_that_reaches_no_other_target_is_isolated() -> None:
    by_address = {"client -> server:80": "closed", "friend -> server:80": "open"}
    found = controls("client -> server:80", by_address)
    assert found is not None
    assert found.conclusion == "the source is isolated, or the way from it to this target is broken"
    found = controls("client -> server:80", {**by_address, "client -> decoy:80": "closed"})
    assert found is not None
    assert found.conclusion == "the source is isolated"


def test_without_a_clusterip_path_a_stale_name_is_not_told_from_a_dead_service() -> None:
    found = controls("client -> svc:80", {"client -> svc:80": "closed", "client -> server:80": "blocked"})
    assert found is not None
    assert found.conclusion == "the Service does not forward, or its name record is stale"


def test_a_path_that_stands_alone_has_no_conclusion() -> None:
    found = controls("client -> server:80", {"client -> server:80": "closed"})
    assert found is not None
    assert [str(line) for line in found.lines] == ["  controls   none: no other path of this step shares an end"]


@pytest.mark.parametrize("state", ["open", "blocked", "unresolved"])
def test_a_path_that_the_lift_opens_has_no_broken_part(state: str) -> None:
    assert controls("client -> svc:80", {**TRUTH, "client -> svc:80": state}) is None


def test_the_message_lists_the_controls_and_names_the_part_in_its_first_line() -> None:
    found = controls("client -> svc:80", {**TRUTH, **BY_SERVICE})
    context = PathContext("scenario.yaml:1", "closed", "test tubes", Path("kc"), controls=found)
    lines = message_for(result("client -> svc:80", "closed"), context).text.splitlines()
    assert lines[0].endswith("the path stays closed with every policy lifted; the Service does not forward")
    assert (
        "  controls   other paths of this source: 2 open, 1 closed; other sources to this target: 3 closed; other "
        "ports of this target: 2 open; the Service's pods by address: 1 open; the Service by ClusterIP: 1 closed; "
        "names resolve in this source"
    ) in lines
    assert "  broken     the Service does not forward" in lines
