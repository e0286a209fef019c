"""Processes in pods of a real embedded cluster: exec, streams, privileges, and their end."""

import shlex
import subprocess
from typing import Any

import pytest

from netpol_harness.deadline import Deadline
from netpol_harness.wellknown import HIDE_TOOLS_ANNOTATION
from tests.emulator.kubelet.live_pods import pod

pytestmark = pytest.mark.live


def test_processes_have_no_privileges(pods: Any) -> None:
    status = pods.ok("exec", "web", "--", "cat", "/proc/self/status")
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert {lines[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert lines["NoNewPrivs"] == "1"
    for path in ("/etc/hosts", "/usr/bin/x", "/root/x", "/var/tmp/x", "/proc/sys/net/ipv4/ip_forward"):
        assert pods("exec", "web", "--", "sh", "-c", f"echo x > {path}").returncode != 0, path
    names = {line.partition("=")[0] for line in pods.ok("exec", "web", "--", "env").splitlines()}
    told = {name for name in names if name.startswith(("DB_", "HEADLESS_", "KUBERNETES_"))}  # the Services
    assert "DB_SERVICE_HOST" in told
    assert names - told == {"PATH", "HOME", "HOSTNAME", "COLOUR"}


def test_each_pod_has_its_own_tmp(pods: Any) -> None:
    pods.ok("exec", "web", "--", "touch", "/tmp/mine")
    assert pods.ok("exec", "web", "--", "ls", "/tmp") == "mine\n"
    assert pods.ok("exec", "db", "--", "ls", "/tmp") == ""


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("exec /nosuch", 127)])
def test_exit_codes_are_returned(pods: Any, script: str, code: int) -> None:
    assert pods("exec", "web", "--", "sh", "-c", script).returncode == code


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("nosuch", "executable file not found in $PATH"),
        ("/nosuch", "no such file"),
        ("/etc/hosts", "permission denied"),
    ],
)
def test_a_program_that_cannot_be_started_is_named(pods: Any, program: str, message: str) -> None:
    done = pods("exec", "web", "--", program)
    assert done.returncode != 0
    assert f'exec: "{program}": {message}' in done.stderr


def test_streams_are_separate_and_whole(pods: Any) -> None:
    text = "line\n" * 200_000
    done = pods("exec", "-i", "web", "--", "sh", "-c", "cat; echo problem >&2", data=text)
    assert done.stdout == text
    assert done.stderr == "problem\n"


@pytest.mark.parametrize(("script", "heard"), [("exec 2>&1; cat", ""), ("exec 9>&2 2>&1; head -n 1", "line\n")])
def test_standard_input_ends_with_standard_error_as_containerd_does(pods: Any, script: str, heard: str) -> None:
    command = pods.command("exec", "-i", "web", "--", "sh", "-c", f"{script}; echo end")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdin is not None
        if heard:
            running.stdin.write(heard)
            running.stdin.flush()
        try:
            assert running.wait(timeout=10) == 0
        finally:
            running.kill()
        assert running.stdout is not None
        assert running.stdout.read() == f"{heard}end\n"


def test_output_ends_with_the_command_even_if_a_child_survives(pods: Any) -> None:
    deadline = Deadline(3)
    assert pods.ok("exec", "web", "--", "sh", "-c", "sleep 30 & echo done") == "done\n"
    assert not deadline.passed


def test_orphans_are_reaped_and_killed_clients_kill_their_command(pods: Any) -> None:
    pods.ok("exec", "web", "--", "sh", "-c", "(sh -c 'sleep 0.01' &) ; true")
    command = ["timeout", "-s", "KILL", "0.5", *pods.command("exec", "web", "--", "sleep", "4321")]
    subprocess.run(command, capture_output=True, check=False)
    for _ in Deadline(3).ticks(0.02):
        processes = pods.ok("exec", "web", "--", "ps", "-eo", "stat,args")
        if "sleep 4321" not in processes and "\nZ" not in processes:
            return
    pytest.fail(processes)


def test_hidden_tools_are_not_found(pods: Any) -> None:
    pods.run_pods(pod("bare", annotations={HIDE_TOOLS_ANNOTATION: "nc, curl, python3"}))
    done = pods("exec", "bare", "--", "sh", "-c", "command -v nc curl python3 || echo none")
    assert done.stdout == "none\n"
    assert "executable file not found" in pods("exec", "bare", "--", "curl", "x").stderr
    assert pods.ok("exec", "web", "--", "sh", "-c", "command -v curl")
    pods.ok("delete", "pod", "bare")


def test_deleting_a_pod_kills_what_runs_in_it(pods: Any) -> None:
    pods.run_pods(pod("short"))
    pods.ok("exec", "short", "--", "sh", "-c", "setsid sleep 8765 </dev/null >/dev/null 2>&1 &")
    assert "sleep 8765" in pods.ok("exec", "web", "--", "ps", "-eo", "args")
    pods.ok("delete", "pod", "short")
    for _ in Deadline(3).ticks(0.02):
        if "sleep 8765" not in pods.ok("exec", "web", "--", "ps", "-eo", "args"):
            return
    pytest.fail("it lives on")


def test_a_command_can_have_a_terminal(pods: Any) -> None:
    command = pods.command("exec", "-it", "web", "--", "sh", "-c", "tty; test -t 0 && echo yes")
    done = subprocess.run(["script", "-qec", shlex.join(command), "/dev/null"], capture_output=True, text=True)
    assert "/dev/pts/" in done.stdout
    assert "yes" in done.stdout


def test_a_command_dies_with_its_pod(pods: Any) -> None:
    pods.run_pods(pod("mortal"))
    command = pods.command("exec", "mortal", "--", "sh", "-c", "echo begun; sleep 5432")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "begun\n"
        pods.ok("delete", "pod", "mortal")
        assert running.wait(timeout=5) == 137
