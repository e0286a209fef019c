from pathlib import Path

import pytest

from netpol_harness.cli import main

THREE_TIER = str(Path(__file__).parents[2] / "scenarios" / "three_tier")


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")


def heads(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("step ")]


def test_every_step_that_asks_the_path_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", THREE_TIER, "web-pod  ->  db-service:3306"]) == 0
    told = capsys.readouterr().out
    assert [head.split()[1] for head in heads(told)] == ["all-allow", "with-dns", "default-deny"]
    assert "db-policy (policies/db-policy.yaml:2) isolates db-pod for ingress" in told


def test_a_path_that_no_step_asks_is_explained_in_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", f"{THREE_TIER}/scenario.yaml", "app-pod -> web-pod:80"]) == 0
    assert [head.split()[1] for head in heads(capsys.readouterr().out)] == ["default-deny"]


def test_one_step_can_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", THREE_TIER, "web-pod -> db-service:3306", "--step", "as-written"]) == 0
    told = capsys.readouterr().out
    assert [head.split()[1] for head in heads(told)] == ["as-written"]
    assert "forget the name server" in told


def test_where_the_author_says_otherwise_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["explain", THREE_TIER, "db-pod -> web-service:80", "--step", "as-written", "--profile", "cilium"]
    assert main(words) == 0
    (head,) = heads(capsys.readouterr().out)
    assert head.endswith("says allowed")


def test_lines_keep_to_the_width_of_the_screen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["explain", THREE_TIER, "web-pod -> db-service:3306", "--step", "as-written"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith(" " * 13) for line in lines)


def test_the_wanted_verdict_can_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["explain", THREE_TIER, "web-pod -> db-pod:3306", "--step", "with-dns", "--expect", "allowed"]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "edit       policies/db-policy.yaml:11 (2 of 2, then: allowed)" in told
    assert main([*words[:-1], "unresolved"]) == 0
    assert "edit" not in capsys.readouterr().out
