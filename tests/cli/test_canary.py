import json
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.select import BackendChoice
from netpol_harness.cli import main
from netpol_harness.cli.canary import exit_code
from netpol_harness.lab import Lab, Settings
from netpol_harness.probe.ephemeral import RESTRICTED
from netpol_harness.runner.canary.rows import Enforcement

ENFORCED, NOT_ENFORCED, INCONCLUSIVE = Enforcement


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ((ENFORCED, ENFORCED), 0),
        ((ENFORCED, NOT_ENFORCED, INCONCLUSIVE), 1),
        ((ENFORCED, INCONCLUSIVE), 2),
        ((), 2),
    ],
)
def test_the_exit_code_tells_the_worst_that_is_known(results: tuple[Enforcement, ...], code: int) -> None:
    assert exit_code(results) == code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cluster", "kind", "--mutant", "not-enforced"], "--mutant: for --cluster embedded alone"),
        (["--cluster", "nowhere"], "--cluster nowhere: no such backend"),
        (["--cluster", "embedded", "--mutant", "nothing"], "nothing"),
    ],
)
def test_a_wrong_choice_is_explained_by_the_names_of_the_command(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["canary", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "--netpol-" not in error


def rows(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[tuple[str, ...], dict[str, Any]]]:
    """Run the command on an embedded cluster; its rows by direction, family, protocol and pods."""
    code = main(["canary", "--cluster", "embedded", "-o", "json", *arguments])
    found = json.loads(capsys.readouterr().out)["rows"]
    return code, {(r["direction"], r["family"], r["protocol"], r["pods"]): r for r in found}


@pytest.mark.live
def test_each_row_has_its_controls_before_under_and_after_the_policies(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = rows(capsys, "--nodes", "2", "--ip-family", "dual")
    assert code == 0
    wanted = product(("ingress", "egress"), ("IPv4", "IPv6"), ("TCP", "UDP"), ("same node", "two nodes"))
    assert set(found) >= set(wanted)
    for row in found.values():
        assert row["result"] == "ENFORCED"
        by_phase: dict[str, set[str]] = {}
        for one in row["evidence"]:
            by_phase.setdefault(one["phase"], set()).add(one["observed"])
            assert one["listener"] == "CONNECTED"
        assert by_phase["before the policies"] == by_phase["after the policies"] == {"CONNECTED"}
        assert by_phase["under the policies"] == {"CONNECTED", "TIMED_OUT"}


@pytest.mark.live
@pytest.mark.parametrize(
    ("mutant", "family", "column", "value"),
    [
        ("egress-not-enforced", "ipv4", 0, "egress"),
        ("ipv6-not-enforced", "dual", 1, "IPv6"),
        ("udp-not-enforced", "ipv4", 2, "UDP"),
    ],
)
def test_a_mutant_is_not_enforced_in_its_rows_alone(
    mutant: str, family: str, column: int, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = rows(capsys, "--mutant", mutant, "--ip-family", family)
    assert code == 1
    assert {name: row["result"] for name, row in found.items()} == {
        name: "NOT ENFORCED" if name[column] == value else "ENFORCED" for name in found
    }
    assert {name[column] for name in found} > {value}


@pytest.mark.live
def test_a_failed_control_is_inconclusive(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with Lab(BackendChoice(EmbeddedBackend(), "for a test"), Settings()) as lab, pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(lab.cluster.kubeconfig))
        client = lab.context.client
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shut"}})
        policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
        spec = {"podSelector": {}, "policyTypes": ["Ingress"]}
        client.create({**policy, "metadata": {"name": "theirs", "namespace": "shut"}, "spec": spec})
        code = main(["canary", "--cluster", "kubeconfig", "--namespace", "shut", "-o", "json"])
        found = json.loads(capsys.readouterr().out)["rows"]
        assert code == 2
        assert {row["result"] for row in found} == {"INCONCLUSIVE"}
        assert all("free of other policies" in row["reason"] for row in found)
        assert client.list("v1", "Pod", namespace="shut") == []
        assert len(client.list("networking.k8s.io/v1", "NetworkPolicy", namespace="shut")) == 1


@pytest.mark.live
def test_after_ctrl_c_nothing_is_left_and_the_pods_were_restricted() -> None:
    with Lab(BackendChoice(EmbeddedBackend(), "for a test"), Settings()) as lab, pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(lab.cluster.kubeconfig))
        client = lab.context.client
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
        command = ["-m", "netpol_harness.cli", "canary", "--cluster", "kubeconfig", "--namespace", "team"]
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell ignores it for what it runs in the background
        process = subprocess.Popen([sys.executable, *command, "--probe-image", "mirror.test/agnhost:1"])
        signal.signal(signal.SIGINT, before)
        end = time.monotonic() + 30
        while not (pods := client.list("v1", "Pod", namespace="team")) and time.monotonic() < end:
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        for pod in pods:
            (container,) = pod["spec"]["containers"]
            assert container["securityContext"] == RESTRICTED
            assert container["image"] == "mirror.test/agnhost:1"
        assert client.list("v1", "Pod", namespace="team") == []
        assert client.list("networking.k8s.io/v1", "NetworkPolicy", namespace="team") == []
