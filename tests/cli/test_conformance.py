import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from netpol_harness.cli import main
from netpol_harness.report.conformance import EXPERIMENTAL_TESTS, STANDARD_TESTS
from netpol_harness.scenario.item_names import item_names
from netpol_harness.scenario.load import load

LIBRARY = Path(__file__).parents[2] / "scenarios/cluster_network_policy"
RAN = "scenarios/cluster_network_policy/admin_priority/scenario.yaml"
ORIGIN = (
    *("--organization", "o", "--project", "p", "--url", "u", "--version", "v1", "--contact", "@a,@b"),
    *("--additional-info", "i", "--scenarios", str(LIBRARY)),
)

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a run.json in which all tests of a scenario have an outcome, except some, and return its folder."""

    def written(*without: str, outcome: str = "passed", canary: str = "passed", file: str = RAN) -> str:
        names = item_names(load(LIBRARY / "admin_priority/scenario.yaml"))
        tests = [{"node": f"{file}::{name}", "outcome": outcome, "message": "why"} for name in names]
        plugin = {"name": "calico", "version": "v3.32.1"}
        document = {
            "version": 1,
            "run": "r",
            "harness": {"version": "0.1.0"},
            "cluster": {"backend": "kind", "dataplane": "iptables\nx: y", "cni": [plugin], "kubernetes": "v1.37.0"},
            "canary": {"outcome": canary},
            "ended": "2026-11-30T07:07:40.698+00:00",
            "tests": [test for test in tests if not test["node"].endswith(without or "no test")],
        }
        (tmp_path / "run.json").write_text(json.dumps(document))
        return str(tmp_path)

    return written


def status(text: str, level: str = "standard") -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text)["profiles"][0][level]
    return found


def test_every_test_of_the_suite_has_a_scenario(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    main(["conformance", write(), *ORIGIN])
    assert "there is no scenario" not in capsys.readouterr().err


def test_only_the_scenario_that_ran_has_passed(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conformance", write(), *ORIGIN]) == 1
    output = capsys.readouterr()
    found = status(output.out)
    assert found["statistics"] == {"Passed": 1, "Skipped": len(STANDARD_TESTS) - 1, "Failed": 0}
    assert "CNPAdminTierPriorityField" not in found["skippedTests"]
    assert status(output.out, "experimental")["statistics"]["Skipped"] == len(EXPERIMENTAL_TESTS)
    assert "netpol: CNPAdminTierGress skipped: 54 of 54 were not run" in output.err


def test_one_test_that_was_not_run_is_enough(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    last = [*item_names(load(LIBRARY / "admin_priority/scenario.yaml"))][-1]
    main(["conformance", write(last), *ORIGIN])
    output = capsys.readouterr()
    assert "CNPAdminTierPriorityField" in status(output.out)["skippedTests"]
    assert "CNPAdminTierPriorityField skipped: 1 of 8 were not run" in output.err


def test_a_failure_is_named_with_its_reason(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conformance", write(outcome="failed"), *ORIGIN]) == 1
    output = capsys.readouterr()
    assert status(output.out)["failedTests"] == ["CNPAdminTierPriorityField"]
    assert "CNPAdminTierPriorityField failed: 8 of 8 failed, first" in output.err


def test_a_scenario_of_the_same_name_elsewhere_is_no_evidence(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    main(["conformance", write(file="mine/admin_priority/scenario.yaml"), *ORIGIN])
    assert status(capsys.readouterr().out)["statistics"]["Passed"] == 0


def test_the_head_says_what_was_tested_and_by_whom(write: Write, tmp_path: Path) -> None:
    file = tmp_path / "report.yaml"
    main(["conformance", write(), *ORIGIN, "--output", str(file)])
    head = [line for line in file.read_text().splitlines() if line.startswith("#")]
    assert "netpol 0.1.0" in head[0]
    assert "not by the suite" in head[0]
    assert "# backend: kind" in head
    assert "# network plugin: calico v3.32.1" in head
    assert yaml.safe_load(file.read_text())["date"] == "2026-11-30T07:07:40Z"
    assert yaml.safe_load(file.read_text())["implementation"]["contact"] == ["@a", "@b"]


def test_features_that_are_not_claimed_do_not_count(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    main(["conformance", write(), *ORIGIN, "--supported-features", "none"])
    output = capsys.readouterr()
    assert "experimental" not in yaml.safe_load(output.out)["profiles"][0]
    assert "NamedPort" not in output.err


@pytest.mark.parametrize("outcome", ["failed", "off", "unknown"])
def test_a_run_without_a_canary_is_refused(write: Write, outcome: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conformance", write(canary=outcome), *ORIGIN]) == 2
    assert f"canary: {outcome}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [("nonsense", "is not JSON"), ("[]", "is not a run.json"), ('{"version": 2}', "is not a run.json of version 1")],
)
def test_another_file_is_an_error(text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.json").write_text(text)
    assert main(["conformance", str(tmp_path), *ORIGIN]) == 2
    assert message in capsys.readouterr().err


def test_a_missing_run_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conformance", str(tmp_path), *ORIGIN]) == 2
    assert "run.json: No such file" in capsys.readouterr().err


def test_a_folder_without_these_scenarios_is_an_error(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["conformance", write(), *ORIGIN, "--scenarios", str(tmp_path)]) == 2
    assert "has no scenario of network-policy-api's tests" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--project", " "], "the text is empty"),
        (["--contact", "@a,"], "the text is empty"),
        (["--supported-features", "Ports"], "no such feature: Ports; choose from ClusterNetworkPolicyNamedPorts"),
    ],
)
def test_a_wrong_argument_is_an_error(
    change: Sequence[str], message: str, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["conformance", write(), *ORIGIN, *change])
    assert end.value.code == 2
    assert message in capsys.readouterr().err
