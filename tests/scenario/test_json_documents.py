"""JSON is read as the standard library reads it, with the position of every value."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.scenario.compose import MAX_DEPTH, Unreadable
from netpol_harness.scenario.json_documents import JsonComposer
from netpol_harness.scenario.source import parse

VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner | st.none()),
    max_leaves=20,
)
LAYOUTS = st.sampled_from([None, 2, "\t"])


def documents(text: str) -> list[Any]:
    composer = JsonComposer(text, "f.json")
    values = [node.plain() for node in composer.documents()]
    assert not composer.problems
    return values


@given(VALUES, LAYOUTS, st.booleans())
def test_every_value_is_read_as_it_was_written(value: Any, indent: int | str | None, escaped: bool) -> None:  # noqa: FBT001 - a parametrized form
    assert documents(json.dumps(value, indent=indent, ensure_ascii=escaped)) == [value]


@given(st.lists(st.dictionaries(st.text(), st.integers()), max_size=4), st.sampled_from(["", " ", "\n", "\r\n\t"]))
def test_objects_follow_each_other(values: list[Any], between: str) -> None:
    assert documents(between.join(map(json.dumps, values))) == values


@given(st.text(alphabet='{}[]",:0123456789.eE+-truefalsn \n\\u', max_size=60))
def test_any_text_gives_values_or_places(text: str) -> None:
    documents, problems = parse(text, "f.json", is_json=True)
    assert len(problems) <= 1 or documents
    assert all(1 <= problem.place.line <= text.count("\n") + 1 for problem in problems)


def test_values_know_their_place() -> None:
    (node,) = JsonComposer('{\n\t"metadata": {"name": "x"},\n "items": [1,\n  null]}', "f.json").documents()
    assert str(node.at("metadata", "name").place) == "f.json:2:23"
    assert str(node.at("items").items[1].place) == "f.json:4:3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,}', "f.json:1:9: this is not JSON: found '}', expected a string as key; fix the syntax"),
        ('{"a" 1}', "f.json:1:6: this is not JSON: found '1', expected ':'; fix the syntax"),
        ("[1 2]", "f.json:1:4: this is not JSON: found '2', expected ',' or ']'; fix the syntax"),
        ("[1", "f.json:1:3: this is not JSON: found the end of the file, expected ',' or ']'; fix the syntax"),
        ("{'a': 1}", 'f.json:1:2: this is not JSON: found "\'", expected a string as key; fix the syntax'),
        ('"a\nb"', "without control characters and bad escapes"),
        ("[" * (MAX_DEPTH + 2), f"nested more than {MAX_DEPTH} deep"),
    ],
)
def test_what_is_not_json_is_reported_with_its_place(text: str, message: str) -> None:
    with pytest.raises(Unreadable) as caught:
        list(JsonComposer(text, "f.json").documents())
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,\n "a": 2}', "f.json:2:2: the key 'a' is already on line 1; remove one of them"),
        ("[1e999]", "f.json:1:2: '1e999' is too large a number; write a smaller one, or quote it"),
        (f"[{'9' * 5000}]", "is too large a number"),
    ],
)
def test_what_can_be_read_but_is_wrong_is_a_problem(text: str, message: str) -> None:
    composer = JsonComposer(text, "f.json")
    list(composer.documents())
    (problem,) = composer.problems
    assert message in str(problem)
