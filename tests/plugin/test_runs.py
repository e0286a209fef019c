"""Whole runs on the embedded cluster: what a user sees, and what is left afterwards."""

import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from netpol_harness.deadline import Deadline
from tests.plugin.demo import WORKLOADS

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

pytestmark = pytest.mark.live
Green = Callable[..., pytest.RunResult]
CLOSED = "demo/scenario.yaml::closed::client -> ip(front):80"


def test_a_green_run_names_the_dataplane_and_what_it_cost(green: Green) -> None:
    text = green("demo").stdout.str()
    assert "4 passed" in text
    assert text.count("dataplane: embedded") == 2
    assert "3 paths as expected" in text


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        ([CLOSED], 1),
        (["-k", "http", "demo"], 1),
        (["demo/scenario.yaml::closed"], 2),
        (["-p", "no:xdist", "demo"], 4),
        (["--literal-namespaces", "demo"], 4),
        (["--probe-tool", "bash", "-k", "not http", "demo"], 3),
    ],
)
def test_selection_and_options(green: Green, arguments: list[str], passed: int) -> None:
    green(*arguments).assert_outcomes(passed=passed)


def test_a_wrong_expectation_fails_with_a_message_that_stands_alone_and_lf_asks_it_again(demo: "Demo") -> None:
    demo.edit("ip(front):80: blocked", "ip(front):80: allowed")
    result = demo.run("demo")
    result.assert_outcomes(passed=3, failed=1)
    text = result.stdout.str()
    for part in (
        "client -> ip(front):80: expected allowed, observed TIMED_OUT",
        "demo/scenario.yaml:11, step closed",
        "attempts with nc",
        "deny (deny.yaml:1) isolates server for ingress",
        "no policy in force isolates client for egress",
        "exec client -- ",
        "truth table of demo/scenario.yaml::closed",
        "X≠.",
    ):
        assert part in text, text
    assert "Traceback" not in text
    demo.run("--lf", "demo").assert_outcomes(failed=1)
    assert demo.vanished(), demo.left()


def test_an_open_path_is_not_blocked(demo: "Demo") -> None:
    demo.edit("client -> front:80: allowed", "client -> front:80: blocked")
    result = demo.run("demo")
    result.assert_outcomes(passed=3, failed=1)
    assert "expected blocked, observed CONNECTED" in result.stdout.str()


def test_a_dead_listener_makes_a_denial_unproven(demo: "Demo") -> None:
    demo.edit("name: server,", "name: server, annotations: {netpol-harness/dead-ports: '80'},", of=demo.workloads)
    result = demo.run(CLOSED)
    result.assert_outcomes(errors=1)
    assert "UNPROVEN" in result.stdout.str()
    assert "listener probed inside its own pod: REFUSED" in result.stdout.str()


def test_a_dead_listener_is_no_disagreement_of_the_network_either(demo: "Demo") -> None:
    demo.edit("name: server,", "name: server, annotations: {netpol-harness/dead-ports: '80'},", of=demo.workloads)
    result = demo.run("demo/scenario.yaml::open")
    result.assert_outcomes(errors=2)
    assert "; nothing listens on this port of the target" in result.stdout.str()


def test_a_dead_listener_is_an_error_in_every_way_of_asking(demo: "Demo") -> None:
    """One TCP and one UDP port are dead; eight more pods make the closed world so large that it is asked in bulk."""
    dead = "name: server, annotations: {netpol-harness/dead-ports: '80, 53/UDP'},"
    both = "ports: [{containerPort: 80}, {containerPort: 53, protocol: UDP}]"
    pods = WORKLOADS.replace("name: server,", dead).replace("ports: [{containerPort: 80}]", both)
    many = [POD.replace("NAME", f"more-{number}") for number in range(7)]
    demo.write(DEAD, "---\n".join([pods, *many]))
    result = demo.run("-v", "demo")
    result.assert_outcomes(errors=6, passed=1)
    assert "16 of the 80 other paths are not allowed" in result.stdout.str()
    assert "with python3 within" in result.stdout.str()


def test_a_program_that_cannot_be_started_makes_every_path_of_its_pod_an_error(demo: "Demo") -> None:
    of = "{name: c, image: i, ports: [{containerPort: 8080}]}"
    demo.edit(of, "{name: c, image: busybox, command: [no-such-program]}", of=demo.workloads)
    result = demo.run(CLOSED)
    result.assert_outcomes(errors=1)
    assert "no-such-program" in result.stdout.str()


POD = """{apiVersion: v1, kind: Pod, metadata: {name: NAME},
 spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}}
"""
DEAD = """
title: dead listeners
workloads: [workloads.yaml]
steps:
  - name: paths
    paths:
      client -> server:80: allowed
      client -> http://server:80: allowed
      client -> udp://server:53: allowed
      throughout client -> server:80: allowed
      held client -> http://server:80: allowed
      client -> more-1:80: allowed
  - {name: table, others: allowed}
"""
TOOLS = "nc,ncat,netcat,curl,python3,wget,bash,agnhost,ping"


def test_a_pod_that_cannot_be_asked_is_an_error_with_a_remedy_and_never_green(demo: "Demo") -> None:
    demo.edit(
        "name: client,", f"name: client, annotations: {{netpol-harness/hide-tools: '{TOOLS}'}},", of=demo.workloads
    )
    result = demo.run("--probe-image", "none", "demo")
    result.assert_outcomes(errors=4)
    assert "found none of curl, nc" in result.stdout.str()
    assert "probe containers are switched off" in result.stdout.str()


def test_a_pod_without_tools_is_asked_from_a_container_beside_its_own(demo: "Demo", green: Green) -> None:
    demo.edit(
        "name: client,", f"name: client, annotations: {{netpol-harness/hide-tools: '{TOOLS}'}},", of=demo.workloads
    )
    result = green("demo")
    result.assert_outcomes(passed=4)
    assert "nc (container netpol-probe) 2" in result.stdout.str()


def test_what_the_backend_lacks_is_skipped_by_name(demo: "Demo") -> None:
    demo.edit("      client -> ip(front):80: blocked", '      "client -> [2001:db8::1]:80": undefined')
    result = demo.run("-rs", "demo")
    result.assert_outcomes(passed=3, skipped=1)
    assert "this backend has no IPv6" in result.stdout.str()


def test_junit_has_one_case_a_path_with_its_figures(demo: "Demo", green: Green) -> None:
    green("--junitxml=out.xml", "demo")
    cases = ElementTree.parse(demo.pytester.path / "out.xml").getroot().iter("testcase")
    figures = {case.get("name"): {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")} for case in cases}
    assert len(figures) == 4
    closed = figures["client -> ip(front):80"]
    assert closed["outcome"] == "TIMED_OUT"
    assert int(closed["attempts"]) >= 2
    assert float(closed["settle_seconds"]) >= 0


def test_workers_share_one_cluster_and_keep_a_scenario_together(demo: "Demo", green: Green) -> None:
    for name in ("second", "third"):
        demo.write(name=name)
    text = green("-n", "2", "-v", "demo", "second", "third").stdout.str()
    workers = {
        name: {line[1:4] for line in text.splitlines() if f" {name}/" in line and "PASSED" in line}
        for name in ("demo", "second", "third")
    }
    assert all(len(seen) == 1 for seen in workers.values()), text


def test_a_killed_worker_leaves_nothing_and_the_rest_goes_on(demo: "Demo") -> None:
    demo.pytester.makepyfile(
        test_suicide="import os, signal\ndef test_it(cluster):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    result = demo.run("-n", "2", "test_suicide.py", "demo")
    result.assert_outcomes(passed=4, failed=1)
    assert demo.vanished(), demo.left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_a_run_that_is_ended_leaves_nothing(demo: "Demo", number: signal.Signals, workers: list[str]) -> None:
    demo.pytester.makepyfile(
        test_wait="import pathlib, time\ndef test_it(cluster):\n    pathlib.Path('ready').touch()\n    time.sleep(60)\n"
    )
    process = demo.start(*workers, "test_wait.py")
    try:
        assert any((demo.pytester.path / "ready").exists() for _ in Deadline(30.0).ticks(0.05))
        assert any("netpol_harness.emulator" in line for line in demo.left())
        os.kill(process.pid, number)
        process.wait(timeout=20)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
    assert demo.vanished(), demo.left()


def test_python_tests_use_the_fixtures(demo: "Demo", green: Green) -> None:
    (demo.pytester.path / "demo" / "test_fixtures.py").write_text(
        "import pytest\n"
        "from netpol_harness.errors import CapabilityMissing, ScenarioInvalid, Unproven\n"
        "\n"
        "def test_it(cluster, scenario, probe, truth_table):\n"
        "    assert cluster.backend == 'embedded'\n"
        "    scenario.enter('open')\n"
        "    assert probe('client -> front:80').outcome == 'CONNECTED'\n"
        "    assert [str(f) for f in truth_table('allowed').wrong] == []\n"
        "    scenario.enter('closed')\n"
        "    assert probe('client -> ip(front):80', 'blocked').judgement == 'agrees'\n"
        "    table = truth_table('allowed')\n"
        "    assert [table.marks[p] for p in table.marks if str(p) == 'client -> server:80'] == ['X≠.']\n"
        "    with pytest.raises(ScenarioInvalid, match='nobody'):\n"
        "        probe('nobody -> front:80')\n"
        "    with pytest.raises(ValueError, match='open, closed'):\n"
        "        scenario.enter('ajar')\n"
    )
    green("demo/test_fixtures.py").assert_outcomes(passed=1)
