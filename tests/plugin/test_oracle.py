"""What the specification has to say in a run: derived words, derived scenarios, and warnings where an author errs."""

import json
from typing import TYPE_CHECKING

import pytest

from tests.plugin.demo import DENY

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

POLICIES = """\
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: tier}
spec: {}
"""
HEAD = "title: x\nworkloads: [workloads.yaml]\nsteps:\n"
BLOCK = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: pods-by-address}
spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.244.0.0/16}}]}]}
"""


@pytest.mark.live
def test_a_word_that_only_the_network_agrees_with_warns_by_its_line_or_is_an_error(demo: "Demo") -> None:
    demo.write(HEAD + "- {name: a, policies: [block.yaml], paths: {client -> server:80: allowed}}\n")
    (demo.pytester.path / "demo" / "block.yaml").write_text(BLOCK)
    result = demo.run("--profile", "cilium", "demo")
    result.assert_outcomes(passed=1, warnings=1)
    said = "client -> server:80: written allowed, but the oracle (cilium) says blocked: "
    result.stdout.fnmatch_lines([f"*demo/scenario.yaml:4: OracleDisagrees: {said}*"])
    strict = ("-W", "error::netpol_harness.errors.OracleDisagrees")
    result = demo.run("--profile", "cilium", *strict, "demo")
    result.assert_outcomes(failed=1)
    assert said in result.stdout.str()
    assert "items.py" not in result.stdout.str()
    demo.write(HEAD + "- {name: a, policies: [block.yaml], paths: {client -> server:80: undefined}}\n")
    demo.run("--profile", "cilium", *strict, "demo").assert_outcomes(passed=1)


@pytest.mark.live
def test_the_objection_to_a_word_is_part_of_the_failure_and_no_warning_beside_it(
    demo: "Demo", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    demo.edit("client -> front:80: allowed", "client -> front:80: blocked")
    result = demo.run("demo", "-k", "open")
    result.assert_outcomes(passed=1, failed=1, deselected=2, warnings=0)
    result.stdout.fnmatch_lines(
        ["  oracle     allowed, as observed: the policies in force do not say what the scenario expects"]
    )


@pytest.mark.live
def test_the_words_of_a_derived_step_come_from_its_policies(demo: "Demo") -> None:
    demo.write(
        HEAD
        + "- {name: open, expect: oracle, paths: [client -> front:80, 'client -> http://server']}\n"
        + "- {name: closed, policies: [deny.yaml], expect: oracle}\n"
        + "- {name: others, policies: [deny.yaml], others: oracle}\n"
    )
    result = demo.run("-v", "demo")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(
        [
            "*::open::client -> http://server PASSED*",
            "*::closed::client -> front:80 PASSED*",
            "*::others::others PASSED*",
        ]
    )


@pytest.mark.live
def test_a_folder_of_manifests_is_tested_against_what_its_policies_mean(demo: "Demo") -> None:
    (demo.pytester.path / "demo" / "scenario.yaml").unlink()
    result = demo.run("-v", "--derive", "demo")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "demo::derived::client -> front:80 PASSED*",
            "demo::derived::others PASSED*",
            "*truth table of demo by the specification*",
            "  client *X*",
            "  strangers/stranger *X*",
            "  outsider *X*",
            "X blocked   [?] undefined",
            "15 paths, 14 of them denied",
        ]
    )
    assert "asked: 10 paths, 10 of them denied" in result.stdout.lines
    assert demo.vanished(), demo.left()


@pytest.mark.live
def test_a_derived_run_that_denies_nothing_says_so_loudly(demo: "Demo") -> None:
    (demo.pytester.path / "demo" / "scenario.yaml").unlink()
    nobody = DENY.replace("{podSelector: {}", "{podSelector: {matchLabels: {app: wep}}")
    (demo.pytester.path / "demo" / "deny.yaml").write_text(nobody)
    result = demo.run("--derive", "demo", "--report-dir", "report", "-n", "1")
    result.assert_outcomes(passed=2, warnings=1)
    text = " ".join(result.stdout.str().split())
    assert "asked: 8 paths, none of them denied" in text
    assert "WARNING: demo::derived: the policies in force deny none of the 8 paths, which would pass without" in text
    assert "default/deny selects no pod: add a pod with app=wep in default" in text
    assert "NothingDenied: step derived: the policies in force deny none" in text
    (warning,) = json.loads((demo.pytester.path / "report" / "run.json").read_text())["warnings"]
    assert warning["node"] == "demo::derived"
    strict = demo.run("--derive", "demo", "-W", "error::netpol_harness.errors.NothingDenied")
    strict.assert_outcomes(passed=1, failed=1)


JOB = """\
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  template:
    metadata: {labels: {app: migrate}}
    spec: {restartPolicy: Never, containers: [{name: c, image: busybox, command: ["true"]}]}
"""


@pytest.mark.live
def test_a_job_that_has_completed_is_left_out_with_a_warning(demo: "Demo") -> None:
    (demo.pytester.path / "demo" / "scenario.yaml").unlink()
    (demo.pytester.path / "demo" / "job.yaml").write_text(JOB)
    result = demo.run("-v", "-rs", "--derive", "demo")
    result.assert_outcomes(passed=2, skipped=1, warnings=1)
    text = result.stdout.str()
    result.stdout.fnmatch_lines(
        ["demo::derived::migrate -> front:80 SKIPPED*", "SKIPPED*: a workload at its ends has*"]
    )
    assert "NotProbed: step derived: no path of default/migrate is probed, for its pods have completed" in text


CRON_JOB = """
apiVersion: batch/v1
kind: CronJob
metadata: {name: backup}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        metadata: {labels: {app: backup}}
        spec: {restartPolicy: Never, containers: [{name: c, image: i}]}
"""


@pytest.mark.live
def test_a_cron_job_has_a_row_in_tables_and_no_pods_in_a_run(demo: "Demo") -> None:
    (demo.pytester.path / "demo" / "scenario.yaml").unlink()
    (demo.pytester.path / "demo" / "cron.yaml").write_text(CRON_JOB)
    result = demo.run("-rs", "--derive", "demo")
    result.assert_outcomes(passed=2, skipped=1)
    text = " ".join(result.stdout.str().split())
    assert "not probed: paths of CronJob default/backup, which has no pods before it is run" in text
    result.stdout.fnmatch_lines(["*truth table*", "*backup *X*", "SKIPPED*: a workload at its ends has*"])


@pytest.mark.live
def test_a_path_that_an_author_wrote_is_an_error_if_its_job_has_completed(demo: "Demo") -> None:
    demo.write(HEAD + "- {name: a, paths: {migrate -> front:80: allowed}}\n", demo.workloads + "---\n" + JOB)
    result = demo.run("demo")
    result.assert_outcomes(errors=1)
    assert "default/migrate has no running pod any more, for it has completed" in result.stdout.str()


@pytest.mark.live
def test_a_profile_decides_what_the_specification_leaves_open(demo: "Demo") -> None:
    demo.write(HEAD + "- {name: a, policies: [block.yaml], paths: {client -> server:80: blocked}}\n")
    (demo.pytester.path / "demo" / "block.yaml").write_text(BLOCK)
    demo.run("demo").assert_outcomes(failed=1)
    result = demo.run("--profile", "embedded", "demo")
    result.assert_outcomes(failed=1)
    assert "oracle     allowed (profile embedded), as observed" in result.stdout.str()


@pytest.mark.live
def test_a_step_is_skipped_by_the_capability_that_it_needs_and_those_before_it_are_not(demo: "Demo") -> None:
    demo.write(
        HEAD.replace("steps", "exclusive: true\nsteps")
        + "- {name: before, paths: {client -> front:80: allowed}}\n"
        + "- {name: tiers, policies: [tier.yaml], paths: {client -> front:80: undefined}}\n"
    )
    (demo.pytester.path / "demo" / "tier.yaml").write_text(POLICIES)
    result = demo.run("-rs", "demo")
    result.assert_outcomes(passed=1, skipped=1)
    assert "this backend has no AdminNetworkPolicy: step tiers needs it" in result.stdout.str()


@pytest.mark.live
def test_a_repeated_step_returns_to_the_one_before(demo: "Demo") -> None:
    demo.edit("  - name: closed\n", "  - name: closed\n    repeat: 3\n")
    result = demo.run("-v", "demo")
    result.assert_outcomes(passed=5)
    assert "closed::back in open PASSED" in result.stdout.str()
    demo.write(
        demo.scenario.replace("  - name: closed\n", "  - name: closed\n    repeat: 2\n").replace(
            "client -> front:80: allowed", "client -> front:80: dropped"
        )
    )
    result = demo.run("demo", "-k", "closed")
    result.assert_outcomes(passed=2, failed=1, deselected=2)
    assert "step closed was entered 2 times; this is the worst" in result.stdout.str()


def test_without_derive_a_folder_of_manifests_is_no_scenario_and_a_named_profile_must_exist(demo: "Demo") -> None:
    (demo.pytester.path / "demo" / "scenario.yaml").unlink()
    plain = demo.run("demo")
    assert plain.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    plain.stdout.fnmatch_lines(["netpol: */demo holds manifests and no scenario.yaml; add --netpol-derive to test *"])
    assert "add --netpol-derive" not in demo.run().stdout.str()
    file = demo.run("demo/workloads.yaml")
    file.stdout.fnmatch_lines(
        ["netpol: */demo/workloads.yaml is a manifest, not a scenario.yaml; add --netpol-derive *"]
    )
    file.assert_outcomes(errors=1)
    result = demo.run("--profile", "calicoo", "demo")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "there is no profile 'calicoo'; did you mean calico?" in result.stderr.str()
    help_text = demo.run("--help").stdout.str()
    assert "netpol_harness.errors.OracleDisagrees" in help_text


def test_a_return_that_the_cluster_cannot_ask_about_is_skipped_and_never_passes(demo: "Demo") -> None:
    demo.write(
        "title: Six\nworkloads: [workloads.yaml]\nsteps:\n"
        "  - name: six\n    paths: {'client -> [2001:db8::1]:80': undefined}\n"
        "  - name: closed\n    repeat: 2\n    policies: [deny.yaml]\n    paths: {client -> pod(server):80: blocked}\n"
    )
    result = demo.run("demo", "-rs")
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(["*IPv6*"])
