"""A project without scenarios does not notice that the package is installed."""

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.guest.environment import Environment

SCENARIO = Path(__file__).parents[3] / "scenarios" / "mysql"
PLAIN = """\
import sys, threading

def test_it(tmp_path):
    assert threading.active_count() == 1
    ours = {name.split(".")[1] for name in sys.modules if name.startswith("netpol_harness.")}
    assert not ours & {"lab", "cluster", "kube", "model"}
    assert not {"yaml", "rich", "aiohttp", "kubernetes"} & set(sys.modules)

def test_of_their_own(cluster, scenario, probe):
    assert (cluster, scenario, probe) == ("theirs", "theirs", "theirs")
"""
THEIRS = """\
import pytest

@pytest.fixture
def cluster(): return "theirs"

@pytest.fixture
def scenario(): return "theirs"

@pytest.fixture
def probe(): return "theirs"
"""
TIMES = re.compile(r"\b\d+\.\d+s\b")
WORKER = re.compile(r"\[gw\d+\] (\[ *\d+%\] )?")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Two modules of tests, with fixtures whose names are ours as well."""
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "conftest.py").write_text(THEIRS)
    for name in ("one", "two"):
        (folder / f"test_{name}.py").write_text(PLAIN)
    return folder


def printed(alone: "Environment", folder: Path, *arguments: str) -> list[str]:
    """What a run prints, without what differs from run to run and without the list of plugins."""
    done = alone.pytest(folder, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    text = WORKER.sub("", TIMES.sub("", done.stdout + done.stderr))
    lines = [line for line in text.splitlines() if not line.startswith("plugins: ")]
    return sorted(lines) if "-n" in arguments else lines


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--collect-only", "-q"],
        ["-n", "2", "--dist", "loadscope", "-v"],
        ["-n", "auto", "-v"],
    ],
    ids=lambda arguments: " ".join(arguments) or "alone",
)
def test_a_run_prints_the_same_with_and_without_the_plugin(
    alone: "Environment", plain: Path, arguments: list[str]
) -> None:
    if "-n" in arguments:  # a worker has threads of xdist's
        for file in plain.glob("test_*.py"):
            file.write_text(file.read_text().replace("threading.active_count() == 1", "threading"))
    assert printed(alone, plain, *arguments) == printed(alone, plain, "-p", "no:netpol_harness.plugin", *arguments)
    assert alone.calls == ""
    assert not list(plain.parent.glob("*netpol-*"))


def test_where_xdist_is_not_installed_plain_tests_and_scenarios_run(
    without_xdist: "Environment", plain: Path, tmp_path: Path
) -> None:
    done = without_xdist.pytest(plain, "-q")
    assert "4 passed" in done.stdout
    assert without_xdist.calls == ""
    shutil.copytree(SCENARIO, tmp_path / "mysql")
    done = without_xdist.pytest(
        tmp_path / "mysql", "-q", "--netpol-cluster", "embedded", "--netpol-no-canary", "-k", "no-policy"
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
@pytest.mark.parametrize("more", [["--collect-only"], ["-k", "of_their_own"]], ids=" ".join)
def test_scenarios_that_are_not_run_start_nothing(
    alone: "Environment", plain: Path, more: list[str], workers: list[str]
) -> None:
    shutil.copytree(SCENARIO, plain / "deep")
    done = alone.pytest(plain, *more, *workers)
    assert done.returncode in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED), done.stdout + done.stderr
    assert "netpol:" not in done.stdout
    assert alone.calls == ""
    assert not list(plain.parent.glob("*netpol-*"))
