"""What cannot be written is remembered and told, and nothing else happens."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netpol_harness.plugin.reports.files import ReportFiles
from netpol_harness.plugin.reports.steps import stem

if TYPE_CHECKING:
    from tests.plugin.demo import Demo


def test_a_file_is_there_as_a_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    reports = ReportFiles(tmp_path / "a" / "b")
    reports.write("x.json", "first")
    reports.write("x.json", "second \udcff")
    assert [file.name for file in (tmp_path / "a" / "b").iterdir()] == ["x.json"]
    assert (tmp_path / "a" / "b" / "x.json").read_text() == r"second \udcff"
    assert reports.unwritten == []


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ReportFiles(None).write("x.json", "text")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_remembered() -> None:
    reports = ReportFiles(None)
    reports.append(Path("/dev/full"), "text")
    assert reports.unwritten == ["/dev/full: No space left on device"]


def test_a_folder_that_cannot_be_made_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    reports = ReportFiles(tmp_path / "file" / "folder")
    reports.write("x.json", "text")
    assert reports.unwritten == ["x.json: Not a directory"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a/demo/scenario.yaml::open", "b/demo/scenario.yaml::open"),
        ("demo/scenario.yaml::to web", "demo/scenario.yaml::to-web"),
        ("demo/scenario.yaml::" + "x" * 300, "demo/scenario.yaml::" + "x" * 301),
        ("demo/scenario.yaml::../../x", "demo/scenario.yaml::x"),
    ],
)
def test_every_node_has_a_file_name_of_its_own(one: str, other: str) -> None:
    assert stem(one) != stem(other)
    for name in (stem(one), stem(other)):
        assert "/" not in name
        assert not name.startswith(".")
        assert len(name) < 200
    assert stem("demo/scenario.yaml::open").startswith("demo.open-")


@pytest.mark.live
@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_what_cannot_be_written_costs_no_verdict_and_is_told(demo: "Demo", workers: list[str]) -> None:
    report = demo.pytester.path / "report"
    (report / f"{stem('demo/scenario.yaml::open')}.json").mkdir(parents=True)
    result = demo.run("--report-dir", "report", *workers, "demo")
    result.assert_outcomes(passed=4)
    assert result.ret == 0
    assert result.stdout.str().count("netpol: report not written: demo.open-") == 1
    assert (report / f"{stem('demo/scenario.yaml::closed')}.txt").exists()


@pytest.mark.live
def test_scenarios_in_folders_of_one_name_have_files_of_their_own(demo: "Demo") -> None:
    for place in ("one", "two"):
        (demo.pytester.path / place).mkdir()
        demo.write(demo.scenario.replace("two pods", place), name=f"{place}/demo")
    demo.run("--report-dir", "report", "one", "two").assert_outcomes(passed=8)
    steps = [json.loads(file.read_text()) for file in (demo.pytester.path / "report").glob("*.json")]
    assert sorted((step["node"], step["title"]) for step in steps if "node" in step) == [
        ("one/demo/scenario.yaml::closed", "one"),
        ("one/demo/scenario.yaml::open", "one"),
        ("two/demo/scenario.yaml::closed", "two"),
        ("two/demo/scenario.yaml::open", "two"),
    ]
