"""``--mutant``: a cluster with a bug, which nobody can overlook."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

pytestmark = pytest.mark.live


def test_a_scenario_fails_where_the_cluster_has_the_bug(demo: "Demo") -> None:
    result = demo.run("--mutant", "ingress-not-enforced", "--no-canary", "demo")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["netpol: cluster embedded *MUTANT ingress-not-enforced: Policies have no effect *"])


def test_a_bug_that_the_scenario_does_not_touch_is_not_noticed(demo: "Demo") -> None:
    demo.run("--mutant", "except-ignored", "-n", "2", "demo").assert_outcomes(passed=4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--mutant", "not-enforcd"], "*no mutant is called not-enforcd; did you mean not-enforced*"),
        (
            ["--mutant", "not-enforced", "--cluster", "kubeconfig"],
            "*--netpol-mutant: for --netpol-cluster embedded alone*kubeconfig",
        ),
    ],
    ids=["unknown", "another backend"],
)
def test_what_cannot_be_meant_is_a_usage_error(demo: "Demo", arguments: list[str], said: str) -> None:
    result = demo.run(*arguments, "demo")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


def test_after_a_first_failure_the_rest_of_the_scenario_is_skipped_and_the_next_is_asked(demo: "Demo") -> None:
    demo.write(name="second")
    result = demo.run("--mutant", "not-enforced", "--no-canary", "--first-failure", "demo", "second")
    result.assert_outcomes(passed=4, failed=2, skipped=2)
