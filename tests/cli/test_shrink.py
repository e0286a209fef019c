"""The command shrinks a scenario by real packets."""

import os
import signal
import threading
from pathlib import Path

import pytest

from netpol_harness.cli import main
from netpol_harness.cli.shrink import INTERRUPTED, NOT_WRONG
from netpol_harness.scenario.load import load

pytestmark = pytest.mark.live
SCENARIO = """\
title: A world that is larger than the fault
workloads: [workloads.yaml]
steps:
  - name: first
    policies: [other.yaml]
    paths: {'web -> db:80': allowed}
  - name: second
    policies: [other.yaml, except.yaml, noise.yaml]
    paths: {'web -> db:80': VERDICT}
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: {name}}}
spec: {spec}
"""
POLICIES = {
    "other": "{podSelector: {matchLabels: {app: cache}}, policyTypes: [Ingress]}",
    "except": "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0, except: "
    "[10.0.0.0/8]}}], ports: [{port: 80}]}]}",
    "noise": "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: cache}}}]}]}",
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A scenario in which only the mutant except-ignored lets web reach db."""
    directory = tmp_path / "large"
    directory.mkdir()
    (directory / "scenario.yaml").write_text(SCENARIO.replace("VERDICT", "blocked"))
    pods = [
        f"{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{app: {name}}}}}, spec: {{containers: "
        "[{name: c, image: i, ports: [{containerPort: 80}]}]}}\n"
        for name in ("web", "db", "cache")
    ]
    (directory / "workloads.yaml").write_text("---\n".join(pods))
    for name, spec in POLICIES.items():
        (directory / f"{name}.yaml").write_text(POLICY.format(name=name, spec=spec))
    return directory


def test_a_fault_is_shrunk_to_a_scenario_that_runs(directory: Path, tmp_path: Path) -> None:
    out = tmp_path / "small"
    options = ["--path", "web -> db:80", "--mutant", "except-ignored", "--out", str(out)]
    assert main(["shrink", str(directory), *options]) == 0
    scenario = load(out / "scenario.yaml")
    assert {manifest.name.ref.name for manifest in scenario.workloads} == {"shop", "web", "db"}
    (step,) = scenario.steps
    (policy,) = step.policies
    (rule,) = policy.data["spec"]["ingress"]
    assert list(rule) == ["from"], "the ports are not needed"
    assert (out / "reproduce.sh").exists(), "nothing is in the namespace default any more"
    report = (out / "report.md").read_text()
    assert "shop/web -> shop/db:80 is CONNECTED, and should be blocked" in report
    assert "MUTANT except-ignored" in report
    assert "--netpol-cluster embedded --netpol-mutant except-ignored\n" in report, "the backend that ran"
    assert "oracle     blocked" in report, "the reasons know the pods' addresses, which the ipBlock is about"


def test_a_path_that_is_right_is_not_shrunk(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "small"
    assert main(["shrink", str(directory), "--path", "web -> db:80", "--out", str(out)]) == NOT_WRONG
    assert "is not wrong on this cluster: TIMED_OUT (agrees), expected blocked" in capsys.readouterr().err
    assert not out.exists()


def test_the_result_does_not_go_into_a_directory_that_has_files(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["shrink", str(directory), "--path", "web -> db:80", "--out", str(directory)]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_a_verdict_that_the_specification_leaves_open_is_not_shrunk(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SCENARIO.replace("{'web -> db:80': VERDICT}", "{'held web -> http://db:80': blocked}")
    text = text.replace("{'web -> db:80': allowed}", "{'held web -> http://db:80': allowed}")
    (directory / "scenario.yaml").write_text(text)
    out = tmp_path / "small"
    assert main(["shrink", str(directory), "--path", "held web -> http://db:80", "--out", str(out)]) == 2
    assert "the specification leaves 'held web -> http://db:80' open in step second" in capsys.readouterr().err
    assert not out.exists()


def test_ctrl_c_leaves_a_scenario_and_a_report_about_it(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interrupt comes when the search has run a few candidates, whichever it runs then."""
    out = tmp_path / "small"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for background processes
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stop = threading.Event()
    watcher = threading.Thread(target=_interrupt, args=(tmp_path, 5, stop))
    watcher.start()
    try:
        options = ["--path", "web -> db:80", "--mutant", "except-ignored", "--out", str(out)]
        assert main(["shrink", str(directory), *options]) == INTERRUPTED
    finally:
        stop.set()
        watcher.join()
        signal.signal(signal.SIGINT, before)
    scenario, report = load(out / "scenario.yaml"), (out / "report.md").read_text()
    assert report.startswith(f"# {scenario.title}\n")
    for manifest in (*scenario.workloads, *scenario.steps[-1].policies):
        assert f"name: {manifest.name.ref.name}" in report
    assert f"{scenario.steps[-1].expectations[0].path}" in report


def _interrupt(folder: Path, candidates: int, stop: threading.Event) -> None:
    """Send SIGINT to this process once a search has written so many candidates below the folder."""
    while not stop.wait(0.01):
        if any(folder.glob(f"netpol-shrink-*/t{candidates}")):
            os.kill(os.getpid(), signal.SIGINT)
            return
