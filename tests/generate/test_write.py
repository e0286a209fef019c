from pathlib import Path
from typing import Any

import pytest
import yaml

from netpol_harness.generate.drafts import Draft
from netpol_harness.generate.write import texts, write
from netpol_harness.scenario import SCHEMA_FILE
from netpol_harness.scenario.load import load

SHIPPED = Path(__file__).parents[2] / "scenarios/conformance/axes"
SCHEMA = "../../../../harness/netpol_harness/scenario/scenario.schema.json"


def test_the_shipped_scenarios_are_up_to_date(few: tuple[Draft, ...]) -> None:
    """If this fails: netpol catalogue scenarios/conformance/axes"""
    shipped = {file.relative_to(SHIPPED): file.read_text() for file in SHIPPED.rglob("*.yaml")}

    assert shipped == dict(texts(few, SCHEMA))


def test_the_files_have_the_content_of_the_drafts(few: tuple[Draft, ...]) -> None:
    found = dict(texts(few[:1], SCHEMA))
    (draft,) = few[:1]

    assert yaml.safe_load(found[Path(draft.name, "scenario.yaml")]) == plain(draft.scenario)
    assert list(yaml.safe_load_all(found[Path(draft.name, "workloads.yaml")])) == [*draft.workloads]
    for name, manifest in draft.policies.items():
        assert yaml.safe_load(found[Path(draft.name, "policies", f"{name}.yaml")]) == manifest


def test_lines_have_a_readable_length(few: tuple[Draft, ...]) -> None:
    assert max(len(line) for _, text in texts(few, SCHEMA) for line in text.splitlines()) <= 120


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*/scenario.yaml")), ids=lambda file: file.parent.name)
def test_the_shipped_scenarios_load(file: Path) -> None:
    load(file)


def test_only_scenarios_of_an_earlier_catalogue_are_removed(few: tuple[Draft, ...], tmp_path: Path) -> None:
    own = tmp_path / "own/scenario.yaml"
    own.parent.mkdir()
    own.write_text("title: mine\n")
    write(few[:2], tmp_path, SCHEMA_FILE)

    write(few[1:3], tmp_path, SCHEMA_FILE)

    assert {folder.name for folder in tmp_path.iterdir()} == {"own", *(draft.name for draft in few[1:3])}
    assert own.read_text() == "title: mine\n"
    first, modeline = (tmp_path / few[1].name / "scenario.yaml").read_text().splitlines()[:2]
    assert first.startswith("# Written by")
    assert (tmp_path / few[1].name / modeline.partition("$schema=")[2]).resolve() == SCHEMA_FILE.resolve()


def plain(value: Any) -> Any:
    return yaml.safe_load(yaml.safe_dump(value))
