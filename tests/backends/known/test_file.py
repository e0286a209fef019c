"""A file of known deviations: what it may hold, and how its faults are told."""

from pathlib import Path

import pytest

from netpol_harness.backends.known.file import deviations
from netpol_harness.errors import ScenarioInvalid

GOOD = """\
- test: "a/scenario.yaml::*"
  dataplane: Calico
  version: ">=3.30,<3.33"
  reason: it is so
  source: https://example.org/1
  expires: 2027-01-31
"""


def problems(tmp_path: Path, text: str) -> tuple[str, ...]:
    file = tmp_path / "known.yaml"
    file.write_text(text)
    with pytest.raises(ScenarioInvalid) as raised:
        deviations(file, "known.yaml")
    return raised.value.problems


def test_a_good_file(tmp_path: Path) -> None:
    (tmp_path / "known.yaml").write_text(GOOD + GOOD)
    first, second = deviations(tmp_path / "known.yaml", "known.yaml")
    assert (first.where, second.where) == ("known.yaml:1", "known.yaml:7")
    assert str(first) == "known deviation: it is so (https://example.org/1; known.yaml:1, until 2027-01-31)"


def test_a_list_may_be_empty(tmp_path: Path) -> None:
    (tmp_path / "known.yaml").write_text("[]")
    assert deviations(tmp_path / "known.yaml", "known.yaml") == ()


def test_all_faults_are_told_with_their_places(tmp_path: Path) -> None:
    text = GOOD.replace("2027-01-31", "soon").replace('">=3.30,<3.33"', "3.30 or so").replace("reason", "because")
    told = "\n".join(problems(tmp_path, text))
    for part in (
        "known.yaml:1:3: 'reason' is missing",
        "known.yaml:3:12: '3.30 or so' is not a range of versions",
        "known.yaml:4:3: unknown key 'because'",
        "known.yaml:6:12: 'soon' is not a date",
    ):
        assert part in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "known.yaml:1:1: the file is empty"),
        ("a: b", "known.yaml:1:1: expected a list of known deviations"),
        ("[", "known.yaml:"),
        ("[]\n---\n[]", "known.yaml:3:1: a second document"),
        (GOOD.replace("  dataplane: Calico\n", ""), "known.yaml:2:12: 'version' needs a network plugin"),
        (GOOD.replace("2027-01-31", "2027-02-30"), "'2027-02-30' is not a date"),
    ],
)
def test_a_fault(tmp_path: Path, text: str, told: str) -> None:
    assert told in "\n".join(problems(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ScenarioInvalid, match=r"known\.yaml:1:1: this is not a file"):
        deviations(tmp_path / "known.yaml", "known.yaml")


def test_one_entry_may_name_several_globs_and_describe_its_fault(tmp_path: Path) -> None:
    text = GOOD.replace('test: "a/scenario.yaml::*"', 'test: ["a/*", "b/*"]')
    text += "  strict: false\n  fault: it forgets\n  right: blocked\n  mutants: [forgetful]\n"
    (tmp_path / "known.yaml").write_text(text)
    first, second = deviations(tmp_path / "known.yaml", "known.yaml")
    assert (first.tests, second.tests) == ("a/*", "b/*")
    assert (first.is_strict, first.fault.kind, first.fault.right) == (False, "it forgets", "blocked")
    assert first.fault.mutants == ("forgetful",)


def test_only_an_entry_for_one_release_needs_no_date(tmp_path: Path) -> None:
    without = GOOD.replace("  expires: 2027-01-31\n", "")
    (problem,) = problems(tmp_path, without)
    assert "'expires' is missing, and 'version' is not one release" in problem
    (tmp_path / "known.yaml").write_text(without.replace('">=3.30,<3.33"', '"==3.30.1"'))
    (known,) = deviations(tmp_path / "known.yaml", "known.yaml")
    assert str(known) == "known deviation: it is so (https://example.org/1; known.yaml:1)"
