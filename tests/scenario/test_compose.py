"""YAML with marks, bounds and kubectl's scalars."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.scenario.compose import MAX_DEPTH, MAX_NODES, MAX_REPEATED, Composer, Unreadable


def compose(text: str) -> tuple[list[object], list[str]]:
    composer = Composer(text, "f.yaml")
    try:
        documents = [node.plain() for node in composer.documents()]
    except Unreadable as error:
        return [], [str(error)]
    return documents, [str(problem) for problem in composer.problems]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: [1, -2, 0x1f, 0o7, 017, 1_000]", {"a": [1, -2, 31, "0o7", 15, 1000]}),
        ("a: [1.5, 1e3, .5, 5.]", {"a": [1.5, 1000.0, 0.5, 5.0]}),
        ("a: [yes, Off, true, y, 'no', !!str on]", {"a": [True, False, True, "y", "no", "on"]}),
        ("a: [~, null, '', ]\nb:", {"a": [None, None, ""], "b": None}),
        ("a: [2001-01-01, 12:30:45, =, 1.2.3]", {"a": ["2001-01-01", "12:30:45", "=", "1.2.3"]}),
        ("on: 1\nno: 2\n80: 3\n1.5: 4", {"on": 1, "no": 2, "80": 3, "1.5": 4}),
        ('{"a": {"b": [null, "x"]}}', {"a": {"b": [None, "x"]}}),
        ("a: &x {k: 1, l: 2}\nb: {<<: *x, l: 3}", {"a": {"k": 1, "l": 2}, "b": {"k": 1, "l": 3}}),
        (
            "a: &x {k: 1}\nb: &y {k: 2, l: 3}\nc: {<<: [*x, *y]}",
            {"a": {"k": 1}, "b": {"k": 2, "l": 3}, "c": {"k": 1, "l": 3}},
        ),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("\ufeffa: 1", {"a": 1}),
        ("a: web -> db:80", {"a": "web -> db:80"}),
    ],
)
def test_reads_what_kubectl_reads(text: str, data: object) -> None:
    assert compose(text) == ([data], [])


def test_empty_documents_are_skipped() -> None:
    assert compose("---\n# nothing\n---\na: 1\n---\n...\n---\nb: 2\n") == ([{"a": 1}, {"b": 2}], [])
    assert compose("") == ([], [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml:3:1: the key 'a' is already on line 1; remove one of them"),
        ("? [a]\n: 1", "f.yaml:1:3: a list is not a key; write a string before the colon"),
        ("? {a: 1}\n: 1", "f.yaml:1:3: a mapping is not a key; write a string before the colon"),
        ("~: 1", "f.yaml:1:1: nothing is not a key; write a string before the colon"),
        (
            "a: !!python/object:os.system x",
            "f.yaml:1:4: the tag !!python/object:os.system is not supported; remove the tag",
        ),
        ("a: !mine {b: 1}", "f.yaml:1:4: the tag !mine is not supported; remove the tag"),
        ("a: .inf", "f.yaml:1:4: '.inf' is a number that JSON cannot represent; write a finite number, or quote it"),
        ("a: .nan", "f.yaml:1:4: '.nan' is a number that JSON cannot represent; write a finite number, or quote it"),
        ("a: {<<: 3}", "f.yaml:1:9: << merges a number; merge a mapping, or a list of mappings"),
    ],
)
def test_goes_on_after_a_problem(text: str, problem: str) -> None:
    documents, problems = compose(text)
    assert problems == [problem]
    assert len(documents) == 1


@pytest.mark.parametrize("digits", ["9" * 400, "-" + "9" * 5000, "0x" + "f" * 300, "0b" + "1" * 5000, "1e400"])
def test_a_number_beyond_all_bounds_is_a_problem(digits: str) -> None:
    problem = f"f.yaml:1:4: '{digits[:40]}' is a number that JSON cannot represent; write a finite number, or quote it"
    assert compose(f"a: {digits}")[1] == [problem]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n\t- b", "f.yaml:2:1: this is not YAML"),
        ("a:\n\t- b", "indent with spaces, not tabs"),
        ("a: 'x", "f.yaml:1:6: this is not YAML"),
        ("a: b: c", "f.yaml:1:5: this is not YAML"),
        ("a: [1, 2", "this is not YAML"),
        ("%YAML 9.9\n---\na", "this is not YAML"),
        ("a: &x [*x]", "f.yaml:1:8: the alias *x is inside its own anchor"),
        ("a: *x", "f.yaml:1:4: the alias *x has no anchor"),
        ("a: &x 1\n---\nb: *x", "f.yaml:3:4: the alias *x has no anchor"),
        ("[" * 10_000, f"nested more than {MAX_DEPTH} deep"),
        ("- " * 10_000, f"nested more than {MAX_DEPTH} deep"),
        ("[" + "1," * MAX_NODES + "]", f"more than {MAX_NODES} values"),
    ],
)
def test_stops_where_the_rest_cannot_be_read(text: str, message: str) -> None:
    assert message in compose(text)[1][0]


@pytest.mark.parametrize("link", ["[{}]", "{{{}}}"], ids=["aliases", "merge keys"])
def test_small_files_cannot_become_large_trees(link: str) -> None:
    def level(number: int) -> str:
        parts = [f"*a{number - 1}"] * 10
        inner = ", ".join(parts) if link == "[{}]" else f"<<: [{', '.join(parts)}]"
        return f"a{number}: &a{number} {link.format(inner)}"

    text = "\n".join(["a0: &a0 {x: 1, y: 2}", *map(level, range(1, 30))])
    assert f"repeat more than {MAX_REPEATED} values" in compose(text)[1][0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8", exclude_categories=["C"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(JSON.filter(lambda value: value is not None))
def test_json_is_yaml(data: object) -> None:
    import json

    assert compose(json.dumps(data, ensure_ascii=False)) == ([data], [])


@given(st.text("ab:-{}[]&*!<>|?,#'\"\n \t%@~0.", max_size=60))
def test_no_text_raises(text: str) -> None:
    compose(text)
