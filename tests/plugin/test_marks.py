"""``marks:`` of scenario.yaml."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo


def marked(demo: "Demo", *names: str) -> None:
    demo.write(f"marks: [{', '.join(names)}]\n{demo.scenario}")


@pytest.mark.parametrize("strict", ["", "strict_markers = true\n"], ids=["lax", "strict"])
def test_a_registered_mark_selects(demo: "Demo", strict: str) -> None:
    demo.pytester.makeini(f"[pytest]\nmarkers = slow: takes long\n{strict}")
    demo.write(name="other")
    marked(demo, "slow")
    assert "4/8 tests collected (4 deselected)" in demo.run("--collect-only", "-m", "slow").stdout.str()
    assert "4/8 tests collected (4 deselected)" in demo.run("--collect-only", "-m", "not slow").stdout.str()


def test_without_strictness_any_mark_will_do(demo: "Demo") -> None:
    demo.pytester.makeini("[pytest]\nfilterwarnings = error\n")
    marked(demo, "slow", "nightly")
    assert "4 tests collected" in demo.run("--collect-only", "-m", "nightly and slow").stdout.str()


@pytest.mark.parametrize("setting", ["strict_markers = true", "strict = true", "addopts = --strict-markers"])
def test_under_strictness_an_unknown_mark_is_an_error_with_its_place(demo: "Demo", setting: str) -> None:
    demo.pytester.makeini(f"[pytest]\n{setting}\n")
    marked(demo, "slow")
    result = demo.run("--collect-only")
    result.assert_outcomes(errors=1)
    assert "demo/scenario.yaml:1: marks: 'slow' is not registered; add it to `markers`" in result.stdout.str()
    assert "Traceback" not in result.stdout.str()


def test_a_mark_cannot_switch_tests_off(demo: "Demo") -> None:
    marked(demo, "skip")
    result = demo.run("--collect-only")
    result.assert_outcomes(errors=1)
    assert "marks: 'skip' would change what the tests do" in result.stdout.str()


def test_a_mark_is_a_word(demo: "Demo") -> None:
    marked(demo, "not slow")
    assert "demo/scenario.yaml:1:9: 'not slow' is not a marker of pytest" in demo.run("--collect-only").stdout.str()
