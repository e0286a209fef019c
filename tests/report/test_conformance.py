"""What counts as evidence in a ConformanceReport, and its form."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.report.conformance import (
    EXPERIMENTAL_FEATURES,
    EXPERIMENTAL_TESTS,
    STANDARD_TESTS,
    Implementation,
    SuiteOutcome,
    SuiteResult,
    is_success,
    judge,
    report,
)

ORIGIN = Implementation("o", "p", "u", "v", ("@a",), "i")
PASSED = SuiteResult(SuiteOutcome.PASSED)
ALL_PASSED = dict.fromkeys((*STANDARD_TESTS, *EXPERIMENTAL_TESTS), PASSED)

outcomes = st.sampled_from(["passed", "failed", "error", "skipped", "xfailed", "xpassed"])


def entry(outcome: str) -> dict[str, Any]:
    return {"outcome": outcome, "message": "why"}


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (("passed", "passed"), SuiteOutcome.PASSED),
        (("passed", "xpassed"), SuiteOutcome.PASSED),
        (("passed",), SuiteOutcome.SKIPPED),
        ((), SuiteOutcome.SKIPPED),
        (("passed", "skipped"), SuiteOutcome.SKIPPED),
        (("passed", "error"), SuiteOutcome.SKIPPED),
        (("error", "failed"), SuiteOutcome.FAILED),
        (("passed", "xfailed"), SuiteOutcome.FAILED),
    ],
)
def test_only_what_was_seen_counts(found: tuple[str, ...], outcome: SuiteOutcome) -> None:
    tests = {name: entry(word) for name, word in zip("ab", found, strict=False)}
    assert judge(["a", "b"], tests).outcome is outcome


def test_a_scenario_without_tests_has_not_passed() -> None:
    assert judge([], {"a": entry("passed")}).outcome is SuiteOutcome.SKIPPED


def test_the_reason_names_the_first_test_and_the_number() -> None:
    result = judge(["a", "b", "c"], {"a": entry("passed"), "b": entry("skipped"), "c": entry("skipped")})
    assert result.reason == "2 of 3 skipped, first b: why"
    assert judge(["a", "b"], {"a": entry("passed")}).reason == "1 of 2 were not run"


@given(expected=st.sets(st.sampled_from("abcde")), tests=st.dictionaries(st.sampled_from("abcdexy"), outcomes))
def test_a_test_passes_only_if_every_expected_one_did(expected: set[str], tests: Mapping[str, str]) -> None:
    result = judge(sorted(expected), {name: entry(word) for name, word in tests.items()})
    all_did = bool(expected) and all(tests.get(name) in ("passed", "xpassed") for name in expected)
    assert (result.outcome is SuiteOutcome.PASSED) is all_did


def test_the_suite_has_24_standard_and_6_experimental_tests() -> None:
    assert (len(STANDARD_TESTS), len(EXPERIMENTAL_TESTS)) == (24, 6)
    assert not set(STANDARD_TESTS) & EXPERIMENTAL_TESTS.keys()


def test_a_report_of_all_tests_has_the_form_of_the_suites_own() -> None:
    assert report(ORIGIN, ALL_PASSED, EXPERIMENTAL_FEATURES, "2026-11-30T07:00:00Z") == {
        "apiVersion": "policy.networking.k8s.io/v1alpha1",
        "date": "2026-11-30T07:00:00Z",
        "implementation": {
            "additionalInformation": "i",
            "contact": ["@a"],
            "organization": "o",
            "project": "p",
            "url": "u",
            "version": "v",
        },
        "kind": "ConformanceReport",
        "networkPolicyBundleVersion": "v0.3.0",
        "profiles": [
            {
                "experimental": {
                    "result": "success",
                    "statistics": {"Failed": 0, "Passed": 6, "Skipped": 0},
                    "summary": "",
                    "supportedFeatures": list(EXPERIMENTAL_FEATURES),
                },
                "name": "ClusterNetworkPolicy",
                "standard": {
                    "result": "success",
                    "statistics": {"Failed": 0, "Passed": 24, "Skipped": 0},
                    "summary": "",
                },
            }
        ],
    }


def level(results: Mapping[str, SuiteResult], name: str = "standard", features: tuple[str, ...] = ()) -> dict[str, Any]:
    document = report(ORIGIN, results, features, "d")
    found: dict[str, Any] = document["profiles"][0][name]
    return found


def test_a_test_without_a_result_is_skipped_and_the_result_a_failure() -> None:
    skipped = STANDARD_TESTS[3]
    found = level({name: PASSED for name in STANDARD_TESTS if name != skipped})
    assert found["result"] == "failure"
    assert found["statistics"] == {"Passed": 23, "Skipped": 1, "Failed": 0}
    assert found["skippedTests"] == [skipped]
    assert found["summary"] == f"required tests skipped: {skipped}"


def test_a_failed_test_is_named() -> None:
    found = level(ALL_PASSED | {STANDARD_TESTS[0]: SuiteResult(SuiteOutcome.FAILED)})
    assert (found["result"], found["failedTests"], found["summary"]) == ("failure", [STANDARD_TESTS[0]], "")


def test_tests_of_features_that_are_not_claimed_do_not_count() -> None:
    one = EXPERIMENTAL_FEATURES[:1]
    bad = {name: SuiteResult(SuiteOutcome.FAILED) for name, feature in EXPERIMENTAL_TESTS.items() if feature not in one}
    found = level(ALL_PASSED | bad, "experimental", one)
    assert found["statistics"]["Passed"] == 4
    assert (found["supportedFeatures"], found["unsupportedFeatures"]) == ([*one], [*EXPERIMENTAL_FEATURES[1:]])
    without = report(ORIGIN, ALL_PASSED | bad, (), "d")
    assert "experimental" not in without["profiles"][0]
    assert is_success(without)
    assert not is_success(report(ORIGIN, ALL_PASSED | bad, EXPERIMENTAL_FEATURES, "d"))
