import json
from pathlib import Path

import pytest

from netpol_harness.cli import main

DEFINITION = """
title: An engine
binary: netpol-test-engine
install: build it
needs: [no-such-program]
command: []
version: [--version]
"""


@pytest.fixture
def definition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    (tmp_path / "bin").mkdir()
    path = tmp_path / "engine.yaml"
    path.write_text(DEFINITION)
    return path


def test_the_shipped_agents_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agents"]) in (0, 1)
    assert "kube-router: kube-router (iptables)\n    program: " in capsys.readouterr().out


def test_what_is_missing_is_listed_with_the_way_to_get_it(definition: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agents", str(definition)]) == 1
    assert capsys.readouterr().out == (
        "engine: An engine\n"
        "    program: no netpol-test-engine in PATH; get it: build it\n"
        "    missing: no-such-program\n"
    )


def test_what_this_host_has_is_listed_with_its_version(definition: Path, capsys: pytest.CaptureFixture[str]) -> None:
    definition.write_text(DEFINITION.replace("needs: [no-such-program]", ""))
    program = definition.parent / "bin/netpol-test-engine"
    program.write_text("#!/bin/sh\necho v1.2.3\n")
    program.chmod(0o755)
    assert main(["agents", str(definition)]) == 0
    assert f"program: {program} v1.2.3\n" in capsys.readouterr().out


def test_the_results_of_a_run_go_to_the_page(
    definition: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "agents.md"
    page.write_text("<!-- written by `netpol agents --matrix` -->\n<!-- end -->\n")
    cluster = {"cni": [{"name": "engine", "version": "v1.2.3", "image": ""}], "nodes": []}
    tests = [{"node": "scenarios/a/scenario.yaml::s::x -> y:80", "outcome": "failed"}]
    run = {"cluster": cluster, "tests": tests, "counts": {"failed": 1}, "seconds": 60.0}
    (tmp_path / "run.json").write_text(json.dumps(run))
    arguments = ["agents", str(definition), "--matrix", "--report", str(tmp_path), "--write", str(page)]
    assert main(arguments) == 1
    assert "engine v1.2.3: 1 failures are not explained\n" in capsys.readouterr().out
    assert "### engine v1.2.3\n" in page.read_text()


def test_results_of_something_else_are_refused(
    definition: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.json").write_text("{}")
    page = tmp_path / "agents.md"
    page.write_text("")
    assert main(["agents", str(definition), "--matrix", "--report", str(tmp_path), "--write", str(page)]) == 2
    assert "is not the report of a run with an agent" in capsys.readouterr().err
    assert main(["agents", str(definition), "--matrix", "--write", str(page)]) == 2
    assert "none of these agents can run here" in capsys.readouterr().err
