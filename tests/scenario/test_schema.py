"""The JSON Schema of scenario.yaml: fresh, true of every shipped scenario, and never stricter than the harness."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from netpol_harness.paths.diagnostics import Problem
from netpol_harness.scenario import SCENARIO_FILE, SCHEMA_FILE
from netpol_harness.scenario.compose import Composer
from netpol_harness.scenario.schema import SCENARIO, json_schema
from netpol_harness.scenario.shape import Report
from tests.scenario.test_load import KEYS, TREES, cases
from tools.generate_scenario_schema import text

ROOT = Path(__file__).parents[2]
CANARY = ROOT / "harness" / "netpol_harness" / "runner" / "canary"
SHIPPED = [*sorted((ROOT / "scenarios").rglob(SCENARIO_FILE)), CANARY / "scenario.yaml", CANARY / "two-nodes.yaml"]
VALIDATOR = Draft7Validator(json_schema())
BEYOND_JSON_SCHEMA = "is already on line"
"""A rule that JSON Schema cannot express: names of steps are unique."""
VALID = """\
title: x
workloads: [workloads.yaml]
external: {user: {address: 198.51.100.7, ports: [443, 53/UDP]}, other: null}
marks: [slow]
timeouts: {settle: 20, ready: 0.5}
steps:
- name: open
  others: allowed
- name: closed
  policies: ['policies/*.yaml']
  repeat: 3
  labels: {pods: {web: {tier: front, old: null}}, namespaces: {shop: {a: b}}}
  paths: {web -> db:3306: blocked}
- {name: derived, expect: oracle, paths: [web -> db:3306], recreate: [web], absent: [db], restart: agent}
"""


def read(content: str) -> tuple[Any, list[Problem]]:
    """The only document as plain values, and what its shape reports."""
    (node,) = Composer(content, SCENARIO_FILE).documents()
    report = Report()
    SCENARIO(node, report)
    return node.plain(), report.problems


def documents(content: str) -> int:
    """How many there are: a shape looks at the only one."""
    return len(list(Composer(content, SCENARIO_FILE).documents()))


def test_the_file_in_the_package_is_that_of_the_shapes() -> None:
    """If this fails: python tools/generate_scenario_schema.py"""
    assert SCHEMA_FILE.read_text() == text()
    Draft7Validator.check_schema(json_schema())


def test_every_key_of_a_scenario_and_of_a_step_is_described() -> None:
    schema = json_schema()
    for fields in (schema["properties"], schema["properties"]["steps"]["items"]["properties"]):
        assert [key for key, field in fields.items() if not field.get("description")] == []


def test_every_shipped_scenario_validates() -> None:
    assert len(SHIPPED) > 150
    errors = {file: [error.message for error in VALIDATOR.iter_errors(read(file.read_text())[0])] for file in SHIPPED}
    assert {file: messages for file, messages in errors.items() if messages} == {}


def test_every_shipped_scenario_names_the_schema_for_editors() -> None:
    prefix = "# yaml-language-server: $schema="
    for file in SHIPPED:
        (line,) = [line for line in file.read_text().splitlines() if line.startswith(prefix)]
        assert (file.parent / line.removeprefix(prefix)).resolve() == SCHEMA_FILE.resolve()


@pytest.mark.parametrize("content", [content for _, content in cases("scenario") if documents(content) == 1])
def test_it_refuses_what_the_shape_refuses_and_nothing_else(content: str) -> None:
    value, problems = read(content)
    expressible = [problem for problem in problems if BEYOND_JSON_SCHEMA not in problem.what]
    assert VALIDATOR.is_valid(value) == (not expressible), problems


@given(data=st.data())
def test_it_accepts_what_the_shape_accepts(data: st.DataObject) -> None:
    document = yaml.safe_load(VALID)
    _mutate(document, data)
    value, problems = read(yaml.safe_dump(document))
    assert problems or VALIDATOR.is_valid(value), list(VALIDATOR.iter_errors(value))


def _mutate(document: Any, data: st.DataObject) -> None:
    """Replace, rename or repeat something at a random depth."""
    container: Any = document
    for _ in range(data.draw(st.integers(0, 4))):
        values = container.values() if isinstance(container, dict) else container
        inner = [value for value in values if isinstance(value, dict | list) and value]
        if not inner:
            break
        container = data.draw(st.sampled_from(inner))
    keys = list(container) if isinstance(container, dict) else list(range(len(container)))
    key = data.draw(st.sampled_from(keys))
    if data.draw(st.booleans()):
        container[key] = data.draw(TREES)
    elif isinstance(container, dict):
        container[data.draw(KEYS)] = container.pop(key)
    else:
        container.append(deepcopy(container[key]))


def test_the_unmutated_document_is_valid() -> None:
    value, problems = read(VALID)
    assert problems == []
    assert VALIDATOR.is_valid(value)
