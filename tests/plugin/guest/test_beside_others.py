"""Beside the plugins that many projects have, whatever they register, shuffle, repeat and run again."""

from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo
    from tests.plugin.guest.environment import Environment

IN_PYTHON = """\
def test_open(scenario, probe):
    scenario.enter("open")
    assert probe("client -> front:80") == "allowed"

def test_closed(scenario, probe):
    scenario.enter("closed")
    assert probe("client -> front:80") == "blocked"
"""
REPORTS = ("--html", "out.html", "--json-report", "--alluredir", "allure", "--cov", "demo", "--instafail", "--profile")


def test_a_plain_run_is_green_and_others_options_are_theirs(crowded: "Environment", tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "test_it.py").write_text("def test_it(mocker, httpserver, fp, check):\n    check.equal(1, 1)\n")
    done = crowded.pytest(
        folder, "--keep-cluster", "--cluster-name", "theirs", "--reruns", "1", "--count", "3", *REPORTS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
    assert "netpol:" not in done.stdout
    assert crowded.calls == ""


@pytest.mark.live
@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_verdicts_stay_right(crowded: "Environment", demo: "Demo", workers: list[str]) -> None:
    demo.edit("ip(front):80: blocked", "ip(front):80: allowed")
    folder = demo.pytester.path
    (folder / "demo" / "test_it.py").write_text(IN_PYTHON)
    options = ["--netpol-cluster", "embedded", "--reruns", "1", "--count", "2", "--junitxml", "out.xml", *REPORTS]
    done = crowded.pytest(folder, *options, *workers, "demo")
    cases = ElementTree.parse(folder / "out.xml").getroot().iter("testcase")
    seen = {(case.get("classname"), case.get("name")): {child.tag for child in case} - {"properties"} for case in cases}
    wrong = {name for (_, name), tags in seen.items() if tags}
    assert wrong == {"client -> ip(front):80"}, done.stdout + done.stderr
    assert len(seen) == 8, seen
    assert "canary: policies have effect" in done.stdout
    assert crowded.calls == ""
