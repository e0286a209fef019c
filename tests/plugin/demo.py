"""A small scenario in a folder of its own, and runs of it in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netpol_harness.deadline import Deadline

WORKLOADS = """\
{apiVersion: v1, kind: Pod, metadata: {name: server, labels: {app: server}},
 spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: client, labels: {app: client}},
 spec: {containers: [{name: c, image: i, ports: [{containerPort: 8080}]}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: front}, spec: {selector: {app: server}, ports: [{port: 80}]}}
"""
DENY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""
SCENARIO = """\
title: two pods
workloads: [workloads.yaml]
steps:
  - name: open
    paths:
      client -> front:80: allowed
      client -> http://front:80: allowed
  - name: closed
    policies: [deny.yaml]
    paths:
      client -> ip(front):80: blocked
    others: blocked
"""


class Demo:
    """A scenario directory in a pytester's folder, and the processes and folders that its runs may leave."""

    scenario = SCENARIO
    workloads = WORKLOADS

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.temporary = pytester.mkdir("temporary")
        self.write()

    def edit(self, old: str, new: str, *, of: str = SCENARIO) -> None:
        """Write the scenario, or the workloads, with one piece of text replaced."""
        assert of.count(old) == 1
        changed = of.replace(old, new)
        self.write(**({"scenario": changed} if of is SCENARIO else {"workloads": changed}))

    def write(self, scenario: str = SCENARIO, workloads: str = WORKLOADS, name: str = "demo") -> None:
        """Make the scenario say something else, or make another."""
        directory = self.pytester.path / name
        directory.mkdir(exist_ok=True)
        (directory / "workloads.yaml").write_text(workloads)
        (directory / "deny.yaml").write_text(DENY)
        (directory / "scenario.yaml").write_text(scenario)

    def run(self, *arguments: str) -> pytest.RunResult:
        """A run in a process of its own, as a user would start it."""
        return self.pytester.runpytest_subprocess("-p", "netpol_harness.plugin", *arguments)

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """A run that the test does not wait for, as from a terminal: it leads a group, and hears Ctrl-C and SIGHUP.

        A test run that a shell has put into the background hears no Ctrl-C, one below nohup hears no SIGHUP, and its
        children would inherit that.
        """
        command = [
            "env",
            "--default-signal=INT,HUP",
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "netpol_harness.plugin",
            *arguments,
        ]
        return subprocess.Popen(
            command, cwd=self.pytester.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )

    def left(self) -> list[str]:
        """Folders of runs that are still there, and command lines of processes that mention this test's own folder."""
        return [path.name for path in self.temporary.glob("netpol-*")] + self.processes()

    def processes(self) -> list[str]:
        """Command lines of running processes that mention this test's own folder."""
        return [line for line in _command_lines() if str(self.temporary) in line]

    def vanished(self) -> bool:
        """Whether everything is gone, or is within a few seconds (the kernel takes its time over namespaces)."""
        return any(not self.left() for _ in Deadline(10.0).ticks(0.05))


def _command_lines() -> list[str]:
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name != str(os.getpid()):
            try:
                lines.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:  # it ended meanwhile
                continue
    return lines
