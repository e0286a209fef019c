"""The canary's scenario over other protocols and IP versions than the one in which it is written."""

from importlib.resources import files
from pathlib import Path

import pytest

from netpol_harness.analysis.predict import Predictor
from netpol_harness.model.names import NamespacedName, Protocol
from netpol_harness.paths.ends import AddressTarget
from netpol_harness.paths.path import Expectation, Scheme
from netpol_harness.runner.canary.traffic import PLAIN, Traffic
from netpol_harness.runner.canary.variant import PORTS, variant, with_protocols
from netpol_harness.scenario.load import load

CANARY = Path(str(files("netpol_harness.runner.canary")))
FILES = pytest.mark.parametrize("file", ["scenario.yaml", "two-nodes.yaml"])


def _addresses(_: NamespacedName) -> tuple[str, ...]:
    return "10.244.0.5", "fd00::5"


def _variants(file: str, traffic: Traffic) -> list[Expectation]:
    expectations = load(CANARY / file).steps[-1].expectations
    variants = [variant(expectation, traffic, _addresses) for expectation in expectations]
    return [expectation for expectation in variants if expectation is not None]


@FILES
@pytest.mark.parametrize("protocol", list(PORTS))
def test_the_oracle_expects_the_same_over_every_protocol(file: str, protocol: Protocol) -> None:
    scenario = with_protocols(load(CANARY / file), {protocol})
    predictor = Predictor(scenario, scenario.steps[-1])
    variants = _variants(file, Traffic(protocol))
    assert {e.path.scheme for e in variants} == {Scheme(protocol.lower())}
    assert {e.path: predictor.verdict(e.path) for e in variants} == {e.path: e.expected for e in variants}
    assert len(variants) == len(scenario.steps[-1].expectations)


@FILES
def test_plain_tcp_is_as_written(file: str) -> None:
    assert _variants(file, PLAIN) == list(load(CANARY / file).steps[-1].expectations)


def test_another_ip_version_asks_the_address_of_that_version() -> None:
    targets = {e.path.target for e in _variants("scenario.yaml", Traffic(Protocol.UDP, 6))}
    assert targets == {AddressTarget("fd00::5", 8081)}
    (expectation, *_) = load(CANARY / "scenario.yaml").steps[0].expectations
    assert variant(expectation, Traffic(Protocol.TCP, 6), lambda _: ("10.244.0.5",)) is None


def test_other_protocols_are_left_out_of_pods_and_policies() -> None:
    def ports(*protocols: Protocol) -> set[str]:
        scenario = with_protocols(load(CANARY / "scenario.yaml"), protocols)
        pods = [container for m in scenario.workloads for container in m.data["spec"]["containers"]]
        rules = [r for m in scenario.steps[-1].policies for r in m.data["spec"].get("egress", ())]
        texts = [str(part.get("ports")) for part in (*pods, *rules)] + [str(pod["args"]) for pod in pods]
        return {protocol for protocol in ("UDP", "SCTP", "sctp-port") if any(protocol in text for text in texts)}

    assert ports(Protocol.TCP) == set()
    assert ports(Protocol.TCP, Protocol.UDP) == {"UDP"}
    assert ports(Protocol.SCTP) == {"SCTP", "sctp-port"}
