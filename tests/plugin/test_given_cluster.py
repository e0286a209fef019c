"""Whole runs on a cluster that is there already: an embedded one, by kubeconfig."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.deadline import Deadline
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.plugin.reports.steps import stem

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

pytestmark = pytest.mark.live
SCENARIOS = Path(__file__).parents[2] / "scenarios"
OWN = {"default", "kube-system", "kube-public", "kube-node-lease"}
Standing = Callable[..., Client]


@pytest.fixture
def standing(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Standing]:
    """Start a cluster with these arguments, and let KUBECONFIG name it."""
    made = []

    def start(*arguments: str, name: str = "demo") -> Client:
        backend = EmbeddedBackend(arguments)
        cluster = backend.create(name, tmp_path_factory.mktemp("standing"))
        made.append((backend, cluster))
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        return Client(Access.from_kubeconfig(cluster.kubeconfig))

    yield start
    for backend, cluster in made:
        backend.delete(cluster.name, cluster.kubeconfig.parent)


HARD = (
    "completed-pod-grants-ip-successor",
    "namespace-recreate-stale-sets",
    "policy-delete-kills-live-connection",
    "startup-window-open",
)
"""Scenarios that make and remove more than pods and policies, or keep something open, while others run beside them."""


def strangers(client: Client) -> set[str]:
    """Namespaces beyond the cluster's own."""
    return {data["metadata"]["name"] for data in client.list("v1", "Namespace")} - OWN


def test_scenarios_pass_four_at_once_and_leave_nothing(demo: "Demo", standing: Standing) -> None:
    client = standing()
    shown = [str(file.parent) for file in SCENARIOS.glob("*/scenario.yaml")]
    hard = [str(SCENARIOS / "regressions" / name) for name in HARD]
    result = demo.run("--cluster", "kubeconfig:demo", "-n", "4", "--settle-deadline", "20", *shown, *hard)
    assert result.ret == 0, result.stdout.str()
    assert "canary: policies have effect" in result.stdout.str()
    assert strangers(client) == set()
    assert demo.left() == []


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_where_policies_have_no_effect_the_run_stops_and_nothing_is_green(
    demo: "Demo", standing: Standing, workers: list[str]
) -> None:
    client = standing("--mutant", "not-enforced")
    demo.write(name="second")
    result = demo.run("--cluster", "kubeconfig", *workers, "demo", "second")
    assert result.ret not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    outcomes = result.parseoutcomes()
    assert "passed" not in outcomes
    assert "failed" not in outcomes
    assert outcomes["errors"] <= 2
    assert "policies are not enforced on this cluster (embedded: Linux network namespaces" in result.stdout.str()
    assert strangers(client) == set()


@pytest.mark.parametrize("canary", [[], ["--no-canary"]], ids=["canary", "no canary"])
def test_where_no_container_has_a_tool_nothing_is_green(demo: "Demo", standing: Standing, canary: list[str]) -> None:
    client = standing("--hide-tools", "nc,ncat,netcat,curl,python3,wget,bash,agnhost,ping")
    result = demo.run("--cluster", "kubeconfig", *canary, "demo")
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"errors"}, result.stdout.str()
    assert "found none of curl, nc" in result.stdout.str()
    assert strangers(client) == set()


def test_the_daring_go_on_without_a_canary(demo: "Demo", standing: Standing) -> None:
    standing("--mutant", "not-enforced")
    result = demo.run("--cluster", "kubeconfig", "--no-canary", "demo")
    result.assert_outcomes(passed=2, failed=2)
    assert "netpol: canary" not in result.stdout.str()


def test_python_tests_are_stopped_as_well(demo: "Demo", standing: Standing) -> None:
    standing("--mutant", "not-enforced")
    (demo.pytester.path / "demo" / "test_it.py").write_text(
        "def test_one(scenario): ...\ndef test_two(scenario): ...\n"
    )
    demo.run("--cluster", "kubeconfig", "demo/test_it.py").assert_outcomes(errors=1)


def test_a_user_who_may_make_no_namespaces_uses_given_ones(demo: "Demo", standing: Standing) -> None:
    client = standing()
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
    before = {data["metadata"]["name"]: data for data in client.list("v1", "Namespace")}
    result = demo.run("--cluster", "kubeconfig", "--namespace", "team", "-n", "2", "demo")
    assert result.ret == 0, result.stdout.str()
    assert {data["metadata"]["name"]: data for data in client.list("v1", "Namespace")} == before
    for api_version, kind in (("v1", "Pod"), ("v1", "Service"), ("networking.k8s.io/v1", "NetworkPolicy")):
        assert client.list(api_version, kind, namespace="team") == []


def test_namespaces_that_are_not_given_are_asked_for_and_labels_of_given_ones_are_left_alone(
    demo: "Demo", standing: Standing
) -> None:
    client = standing()
    for name in ("a", "b", "c"):
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    isolation = str(SCENARIOS / "namespace_isolation")
    asked = demo.run("--cluster", "kubeconfig", "--namespace", "team-a=a", isolation)
    assert "add --namespace team-b=NAME" in " ".join(asked.stdout.str().split())
    given = ["--namespace", "team-a=a", "--namespace", "team-b=b"]
    skipped = demo.run("-rs", "--cluster", "kubeconfig", *given, isolation)
    assert "this backend has no namespaces of its own" in skipped.stdout.str()
    assert skipped.parseoutcomes().keys() == {"skipped"}


def test_what_a_killed_worker_left_is_gone_at_the_end(demo: "Demo", standing: Standing) -> None:
    client = standing()
    (demo.pytester.path / "demo" / "test_suicide.py").write_text(
        "import os, signal\ndef test_it(scenario):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    result = demo.run("--cluster", "kubeconfig", "-n", "2", "demo")
    result.assert_outcomes(passed=4, failed=1)
    assert strangers(client) == set()


@pytest.mark.parametrize(
    "arguments", [["--literal-namespaces"], ["--namespace", "team"]], ids=["literal namespaces", "given namespaces"]
)
def test_a_killed_workers_objects_are_not_tripped_over(demo: "Demo", standing: Standing, arguments: list[str]) -> None:
    client = standing()
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
    (demo.pytester.path / "demo" / "test_a_suicide.py").write_text(
        "import os, signal\ndef test_it(scenario):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    result = demo.run("--cluster", "kubeconfig", "-n", "1", *arguments, "demo/test_a_suicide.py", "demo/scenario.yaml")
    result.assert_outcomes(passed=4, failed=1)
    for namespace in ("default", "team"):
        assert client.list("v1", "Pod", namespace=namespace) == []


def test_a_killed_run_leaves_what_the_next_one_reports_and_gc_removes(demo: "Demo", standing: Standing) -> None:
    client = standing()
    (demo.pytester.path / "demo" / "test_suicide.py").write_text(
        "import os, signal\ndef test_it(scenario):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    demo.run("--cluster", "kubeconfig", "--no-canary", "demo/test_suicide.py")
    assert len(strangers(client)) == 1
    result = demo.run("--cluster", "kubeconfig", "demo/scenario.yaml")
    assert "leftovers of dead runs: " in result.stdout.str()
    assert "netpol gc --cluster kubeconfig" in result.stdout.str()
    assert len(strangers(client)) == 1
    collected = subprocess.run(
        [sys.executable, "-m", "netpol_harness.cli", "gc", "--cluster", "kubeconfig"], check=False
    )
    assert collected.returncode == 0
    assert any(strangers(client) == set() for _ in Deadline(5.0).ticks(0.05))


def test_a_context_that_looks_like_production_is_a_usage_error(demo: "Demo", standing: Standing) -> None:
    client = standing(name="shop-prod")
    assert demo.run("--cluster", "kubeconfig", "demo").ret == pytest.ExitCode.USAGE_ERROR
    assert strangers(client) == set()
    assert demo.run("--cluster", "kubeconfig", "--yes-really", "demo").ret == pytest.ExitCode.OK
    ini = ["-o", "netpol_production_patterns=customer"]
    assert demo.run("--cluster", "kubeconfig", *ini, "--collect-only", "demo").ret == pytest.ExitCode.OK
    refused = demo.run("--cluster", "kubeconfig", *ini, "--production-pattern", "shop", "demo")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR


def test_a_cluster_that_does_not_answer_is_an_error_that_says_so(demo: "Demo", standing: Standing) -> None:
    client = standing()
    text = Path(os.environ["KUBECONFIG"]).read_text().replace(client.access.server, "http://127.0.0.1:9")
    kubeconfig = demo.pytester.path / "kubeconfig"
    kubeconfig.write_text(text)
    os.environ["KUBECONFIG"] = str(kubeconfig)
    result = demo.run("--cluster", "kubeconfig", "demo")
    result.assert_outcomes(errors=4)
    assert "cannot reach the API server at http://127.0.0.1:9" in result.stdout.str()


def test_reports_are_written_for_people_and_for_programs(demo: "Demo", standing: Standing) -> None:
    standing()
    demo.edit("ip(front):80: blocked", "ip(front):80: allowed")
    demo.run("--cluster", "kubeconfig", "--report-dir", "out/report", "-n", "2", "demo").assert_outcomes(
        passed=3, failed=1
    )
    report = demo.pytester.path / "out" / "report"
    name = stem("demo/scenario.yaml::closed")
    assert "X≠." in (report / f"{name}.txt").read_text()
    told = json.loads((report / f"{name}.json").read_text())
    assert (told["scenario"], told["step"], told["cluster"]["backend"]) == ("demo", "closed", "kubeconfig")
    paths = {path["path"]: path for path in told["paths"]}
    assert paths["client -> ip(front):80"]["judgement"] == "disagrees"
    assert paths["client -> ip(front):80"]["outcome"] == "TIMED_OUT"
    assert (report / "cluster" / "nodes.json").exists()
