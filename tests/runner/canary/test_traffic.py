from dataclasses import replace

import pytest

from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import ContainerPort
from netpol_harness.paths.ends import AddressTarget, ExternalSource, ExternalTarget, PodSource, PodTarget, Target
from netpol_harness.paths.path import ExternalHost, Path, Scheme
from netpol_harness.runner.canary.report import CanaryReport
from netpol_harness.runner.canary.traffic import PLAIN, Traffic, served_traffic, traffic_of, traffic_of_paths

POD = NamespacedName("shop", "web")
PATH = Path(PodSource(POD), Scheme.TCP, PodTarget(POD, 80), "web", "web:80")
UDP, V6 = Traffic(Protocol.UDP), Traffic(Protocol.TCP, 6)
HOSTS = {"far": ExternalHost("far", "2001:db8::7"), "near": ExternalHost("near")}


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        (Scheme.TCP, PLAIN),
        (Scheme.HTTP, PLAIN),
        (Scheme.HTTPS, PLAIN),
        (Scheme.UDP, UDP),
        (Scheme.SCTP, Traffic(Protocol.SCTP)),
        (Scheme.ICMP, None),
    ],
)
def test_the_protocol_is_that_of_policies(scheme: Scheme, expected: Traffic | None) -> None:
    assert traffic_of(replace(PATH, scheme=scheme), HOSTS) == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (AddressTarget("fd00::1", 80), V6),
        (AddressTarget("10.0.0.1", 80), Traffic(Protocol.TCP, 4)),
        (ExternalTarget("far", 80), V6),
        (ExternalTarget("near", 80), PLAIN),
    ],
)
def test_an_address_has_an_ip_version(target: Target, expected: Traffic) -> None:
    assert traffic_of(replace(PATH, target=target), HOSTS) == expected


def test_an_external_source_has_one_too() -> None:
    assert traffic_of(replace(PATH, source=ExternalSource("far")), HOSTS) == V6


def test_traffic_is_text_and_back() -> None:
    for each in (PLAIN, UDP, V6, Traffic(Protocol.SCTP, 4)):
        assert Traffic.parse(str(each)) == each


def test_all_paths_and_all_ports() -> None:
    paths = [PATH, replace(PATH, scheme=Scheme.UDP), replace(PATH, scheme=Scheme.ICMP)]
    assert traffic_of_paths(paths, HOSTS) == {PLAIN, UDP}
    servers = [ExternalHost("a", ports=(ContainerPort(Port(Protocol.UDP, 53)),)), ExternalHost("b")]
    assert served_traffic(servers) == {UDP}


def test_a_report_is_text_and_back() -> None:
    report = CanaryReport("policies have effect over TCP, on one node", {V6: "leaks", UDP: "is closed"})
    assert CanaryReport.from_json(report.to_json()) == report
    assert str(report) == "policies have effect over TCP, on one node; leaks; is closed"
