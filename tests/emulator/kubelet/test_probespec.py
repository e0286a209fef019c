from typing import Any

import pytest

from netpol_harness.emulator.kubelet.probespec import (
    ConsecutiveResults,
    ContainerProbe,
    ProbeKind,
    ProbeResult,
    asks_network,
    may_be_killed,
    port_number,
    probes,
)

PASS, FAIL = ProbeResult(passed=True), ProbeResult(passed=False)


def test_a_probe_is_read_with_its_times() -> None:
    data = {"tcpSocket": {"port": 80}, "initialDelaySeconds": 3, "periodSeconds": 2, "failureThreshold": 1}
    found = probes({"livenessProbe": data, "readinessProbe": {}})
    assert found == {ProbeKind.LIVENESS: ContainerProbe(ProbeKind.LIVENESS, {"tcpSocket": {"port": 80}}, 3, 2, 1, 1, 1)}


@pytest.mark.parametrize(
    ("results", "counted"),
    [
        ([PASS], [True]),
        ([FAIL, FAIL, FAIL, FAIL], [False, False, True, True]),
        ([FAIL, FAIL, PASS, FAIL, FAIL], [False, False, True, False, False]),
    ],
)
def test_enough_equal_results_in_a_row_count(results: list[ProbeResult], counted: list[bool]) -> None:
    count = ConsecutiveResults(ContainerProbe(ProbeKind.READINESS, {}))
    assert [count.count(result) for result in results] == counted


def test_successes_have_a_threshold_too() -> None:
    count = ConsecutiveResults(ContainerProbe(ProbeKind.READINESS, {}, successes=2))
    assert [count.count(result) for result in (PASS, FAIL, PASS, PASS)] == [False, False, False, True]


@pytest.mark.parametrize(("port", "number"), [(80, 80), ("443", 443), ("http", 8080), ("absent", None)])
def test_ports_by_name(port: int | str, number: int | None) -> None:
    assert port_number({"ports": [{"name": "http", "containerPort": 8080}]}, port) == number


@pytest.mark.parametrize(
    ("container", "killed"),
    [({"startupProbe": {"exec": {}}}, True), ({"readinessProbe": {"exec": {}}}, False), ({}, False)],
)
def test_who_may_be_killed(container: Any, *, killed: bool) -> None:
    assert may_be_killed(container) is killed


@pytest.mark.parametrize(
    ("command", "asks"),
    [
        (["nc", "-z", "db", "5432"], True),
        (["sh", "-c", "curl -sf http://db:8080/health || exit 1"], True),
        (["/bin/sh", "-c", "exec 3<>/dev/tcp/db/80"], True),
        (["sh", "-c", "until nslookup db; do :; done"], True),
        (["curl", "-f", "http://localhost:8080/"], False),
        (["sh", "-c", "wget -qO- http://127.0.0.1/"], False),
        (["sh", "-c", "curl http://$POD_IP:8080"], False),
        (["pg_isready", "-U", "postgres"], False),
        (["sh", "-c", "redis-cli ping | grep PONG"], False),
        (["cat", "/tmp/ready"], False),
        (["rabbitmq-diagnostics", "ping"], False),
        (["/agnhost", "connect", "db:5432", "--timeout=1s"], True),
        (["timeout", "2", "nc", "-z", "db", "5432"], True),
        (["sh", "-c", "timeout 2 curl http://db"], True),
        (["sh", "-c", "curl -s http://db | jq .ok"], False),
    ],
)
def test_which_commands_ask_the_network(command: list[str], *, asks: bool) -> None:
    assert asks_network(command) is asks
