from pathlib import Path

import pytest

from harness.cli import main

THREE_TIER = str(Path(__file__).parents[2] / "scenarios" / "three_tier")


def rows(text: str, *, start: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(start)]


def test_each_step_has_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", THREE_TIER]) == 0
    told = capsys.readouterr().out
    assert [line.split()[1] for line in rows(told, start="step ")] == [
        "all-allow",
        "as-written",
        "with-dns",
        "default-deny",
    ]
    assert told.splitlines()[-1] == ". allowed   X blocked   N unresolved   ? undefined"


def test_services_by_name_pods_and_hosts_are_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", THREE_TIER, "--step", "as-written"]) == 0
    told = capsys.readouterr().out
    (head,) = rows(told, start="from")
    assert head.split()[3:] == [
        "web-service:80",
        "app-service:5000",
        "db-service:3306",
        "web-pod:80",
        "app-pod:5000",
        "db-pod:3306",
        "user:8080",
    ]
    assert [row.split()[1:] for row in rows(told, start="web-pod")] == [list("NNN.XX")]
    assert [row.split()[1:] for row in rows(told, start="db-pod")] == [list("?X??X.")]
    assert [row.split()[1:] for row in rows(told, start="user")] == [list(".XX.XX")]


def test_a_profile_decides(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", THREE_TIER, "--step", "as-written", "--profile", "calico"]) == 0
    assert "web-pod:80" in (told := capsys.readouterr().out)
    assert main(["table", THREE_TIER, "--step", "as-written", "--profile", "cilium"]) == 0
    assert capsys.readouterr().out != told
