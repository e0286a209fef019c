"""The embedded cluster starts while the tests are still collected, if none of them is left out."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

pytestmark = pytest.mark.live

NOTE_THE_FOLDERS = """
import tempfile
from pathlib import Path

def pytest_collection_modifyitems():
    print("\\nSTARTED", len([*Path(tempfile.gettempdir()).glob("netpol-*")]))
"""


@pytest.fixture
def noting(demo: "Demo") -> "Demo":
    """Runs print whether the folder of a cluster exists once all tests are collected."""
    demo.pytester.makeconftest(NOTE_THE_FOLDERS)
    return demo


def test_the_cluster_starts_before_all_tests_are_collected(noting: "Demo") -> None:
    result = noting.run("--cluster", "embedded", "-s", "demo")
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(["STARTED 1"])
    assert noting.vanished(), noting.left()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--collect-only",),
        ("-k", "nothing"),
        ("-m", "nothing"),
        ("--deselect", "demo/scenario.yaml"),
        ("--cluster", "kubeconfig"),
    ],
    ids=" ".join,
)
def test_it_does_not_start_early_if_no_test_may_need_it(noting: "Demo", arguments: tuple[str, ...]) -> None:
    result = noting.run("--cluster", "embedded", "-s", *arguments, "demo")
    result.stdout.fnmatch_lines(["*STARTED 0"])
    assert noting.left() == []


def test_a_run_whose_collection_fails_ends_it(noting: "Demo") -> None:
    noting.write("title: x\n", name="invalid")
    result = noting.run("--cluster", "embedded", "-s", "demo", "invalid")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*STARTED 1"])
    assert noting.vanished(), noting.left()


def test_a_run_that_leaves_out_all_tests_for_another_reason_ends_it(demo: "Demo") -> None:
    demo.pytester.makeconftest("def pytest_collection_modifyitems(items):\n    items.clear()\n")
    result = demo.run("--cluster", "embedded", "demo")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.no_fnmatch_line("*netpol: cluster*")
    assert demo.vanished(), demo.left()
