"""The canary examines what the selected tests probe, and an error of one protocol leaves the others alone."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

pytestmark = pytest.mark.live
WORKLOADS = """\
{apiVersion: v1, kind: Pod, metadata: {name: server, labels: {app: server}},
 spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}, {containerPort: 81, protocol: UDP}]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: client, labels: {app: client}}, spec: {containers: [{name: c, image: i}]}}
"""
SCENARIO = """\
title: two protocols
workloads: [workloads.yaml]
steps:
  - name: closed
    policies: [deny.yaml]
    paths:
      client -> server:80: blocked
      client -> udp://server:81: blocked
"""
TEST = """\
def test_tcp(probe):
    assert probe("client -> server:80").allowed
def test_udp(probe):
    assert probe("client -> udp://server:81").allowed
"""


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_paths_over_a_protocol_that_is_not_enforced_are_errors(demo: "Demo", workers: list[str]) -> None:
    demo.write(SCENARIO, WORKLOADS)
    result = demo.run(*workers, "--mutant", "udp-port-lost", "demo")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*no verdict about UDP means anything on this cluster: policies close what a rule allows: *",
            "netpol: canary: policies have effect over TCP, on one node; no verdict about UDP *",
        ]
    )


@pytest.mark.parametrize(
    ("selection", "summary"),
    [("server:80", "policies have effect, on one node"), ("udp", "policies have effect over UDP, on one node")],
)
def test_only_what_is_selected_is_examined(demo: "Demo", selection: str, summary: str) -> None:
    demo.write(SCENARIO, WORKLOADS)
    result = demo.run("-k", selection, "demo")
    result.assert_outcomes(passed=1, deselected=1)
    result.stdout.fnmatch_lines([f"netpol: canary: {summary}"])


def test_tests_in_python_may_probe_what_their_scenario_serves(demo: "Demo") -> None:
    demo.write(SCENARIO, WORKLOADS)
    (demo.pytester.path / "demo" / "test_it.py").write_text(TEST)
    result = demo.run("--mutant", "udp-port-lost", "demo/test_it.py")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*NotEnforcing: no verdict about UDP means anything on this cluster: *"])
