"""``netpol capture --path``: paths that are asked on the cluster that is captured, by real packets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.existing.backend import ExistingClusterBackend
from netpol_harness.backends.existing.options import ExistingOptions
from netpol_harness.cli import main
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.model.names import ObjectKey
from netpol_harness.paths.outcome import Expected
from netpol_harness.reproduce.capture.capture import capture
from netpol_harness.reproduce.capture.cluster import read_cluster
from netpol_harness.reproduce.capture.live_paths import Exec, observe

pytestmark = pytest.mark.live

OBJECTS = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: nginx, ports: [{containerPort: 80}]}, {name: side, image: nginx}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: main, image: postgres, ports: [{containerPort: 5432}, {containerPort: 9090}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: db-service, namespace: shop}
spec: {selector: {app: db}, ports: [{name: sql, port: 5432}, {name: metrics, port: 9090}]}
---
apiVersion: v1
kind: Service
metadata: {name: idle, namespace: shop}
spec: {selector: {app: nobody}, ports: [{port: 5432}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]
"""


def started(directory: Path, mutant: str = "") -> Iterator[Path]:
    directory.mkdir(exist_ok=True)
    backend = EmbeddedBackend(mutant=mutant)
    cluster = backend.create("asked", directory)
    client = Client(Access.from_kubeconfig(cluster.kubeconfig))
    for data in yaml.safe_load_all(OBJECTS):
        client.create(data)
    yield cluster.kubeconfig
    backend.delete(cluster.name, cluster.kubeconfig.parent)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from started(tmp_path_factory.mktemp("cluster"))


def run(cluster: Path, directory: Path, *more: str) -> int:
    return main(["capture", "--kubeconfig", str(cluster), "-n", "shop", "--out", str(directory), *more])


def asked(*paths: str) -> list[str]:
    return [word for path in paths for word in ("--path", path)]


def written(directory: Path) -> dict[str, str]:
    step = yaml.safe_load((directory / "scenario.yaml").read_text())["steps"][-1]
    found: dict[str, str] = step["paths"]
    return found


def state(cluster: Path) -> list[tuple[Any, Any]]:
    client = Client(Access.from_kubeconfig(cluster))
    kinds = (("v1", "Pod"), ("v1", "Service"), ("v1", "ConfigMap"), ("networking.k8s.io/v1", "NetworkPolicy"))
    objects = [data for version, kind in kinds for data in client.list(version, kind)]
    return [(data["metadata"]["uid"], data["metadata"]["resourceVersion"]) for data in objects]


def test_allowed_and_dropped_paths_are_written_and_nothing_is_changed(cluster: Path, tmp_path: Path) -> None:
    before = state(cluster)
    paths = {"shop/web -> shop/db-service:5432": "allowed", "shop/web -> shop/db:9090": "blocked"}
    assert run(cluster, tmp_path / "out", *asked(*paths), "--exec", "both") == 0
    assert written(tmp_path / "out") == paths
    assert state(cluster) == before
    text = (tmp_path / "out" / "scenario.yaml").read_text()
    assert "proof: the listener answered its own pod each time" in text
    assert "# asked on the current context at 20" in text
    assert " attempts by `" in text
    assert text.count("# shop/web-") == 2 * 3, "every pod of the Deployment is asked"


def test_a_denial_is_undefined_if_only_sources_may_run_commands(
    cluster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = {"shop/web -> shop/db:5432": "allowed", "shop/web -> shop/db:9090": "undefined"}
    assert run(cluster, tmp_path / "out", *asked(*paths), "--exec", "sources") == 0
    assert written(tmp_path / "out") == paths
    assert "not proven: its listener was not asked" in (tmp_path / "out" / "scenario.yaml").read_text()
    assert "UNDEFINED: shop/web -> shop/db:9090" in capsys.readouterr().err


def test_what_cannot_be_proven_is_undefined(cluster: Path, tmp_path: Path) -> None:
    assert run(cluster, tmp_path / "out", *asked("shop/web -> ip(shop/idle):5432"), "--exec", "both") == 0
    assert written(tmp_path / "out") == {"shop/web -> ip(shop/idle):5432": "undefined"}
    assert "no pod is known that listens there" in (tmp_path / "out" / "scenario.yaml").read_text()


def test_a_cluster_that_contradicts_its_policies_is_told_loudly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for broken in started(tmp_path / "cluster", "not-enforced"):
        assert run(broken, tmp_path / "out", *asked("shop/web -> shop/db:9090"), "--exec", "both") == 1
    assert written(tmp_path / "out") == {"shop/web -> shop/db:9090": "allowed"}
    message = "DISAGREES: observed allowed, but the captured policies say blocked"
    assert f"# {message}" in (tmp_path / "out" / "scenario.yaml").read_text()
    error = capsys.readouterr().err
    assert "netpol: DISAGREES: shop/web -> shop/db:9090" in error
    assert message in error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "permit it with --exec sources"),
        (
            ["--exec", "both", "--production-pattern", "."],
            "looks like production (.); choose another context with --context",
        ),
        (["--exec", "both", "--redact"], "cannot be combined with --redact"),
        (["--exec", "both", "--from", "dump.yaml"], "cannot be combined with --from"),
    ],
)
def test_without_consent_nothing_is_asked(
    options: list[str], message: str, cluster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(cluster, tmp_path / "out", *asked("shop/web -> shop/db:5432"), *options) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("shop/wbe -> shop/db:5432", "--path 'shop/wbe -> shop/db:5432': "),
        ("shop/web -> shop/db", "--path 'shop/web -> shop/db': "),
        ("web", "--path 'web': "),
        ("a\nb -> c:1", "--path 'a"),
    ],
)
def test_a_path_that_cannot_be_read_is_an_error(
    path: str, message: str, cluster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(cluster, tmp_path / "out", *asked(path), "--exec", "both") == 2
    error = capsys.readouterr().err
    assert message in error
    assert "/netpol-capture-" not in error
    assert not (tmp_path / "out").exists()


def test_yes_really_permits_what_looks_like_production(cluster: Path, tmp_path: Path) -> None:
    options = ["--exec", "sources", "--production-pattern", ".", "--yes-really"]
    assert run(cluster, tmp_path / "out", *asked("shop/web -> shop/db:5432"), *options) == 0
    assert written(tmp_path / "out") == {"shop/web -> shop/db:5432": "allowed"}


def test_exec_without_paths_is_an_error(cluster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cluster, tmp_path / "out", "--exec", "both") == 2
    assert "name one with --path" in capsys.readouterr().err


def test_a_source_in_which_nothing_can_run_has_no_verdict_and_others_have(
    cluster: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    client = Client(Access.from_kubeconfig(cluster))
    brief = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "brief", "namespace": "shop"}}
    client.create({**brief, "spec": {"containers": [{"name": "main", "image": "nginx"}]}})
    given = read_cluster(client, "here")
    client.delete(ObjectKey("v1", "Pod", "shop", "brief"), grace_seconds=0)
    backend = ExistingClusterBackend(ExistingOptions(), kubeconfig=cluster)
    described = backend.create("", tmp_path_factory.mktemp("unused"))
    paths = ("shop/brief -> shop/db:5432", "shop/web -> shop/db:5432")
    gone, there = observe(paths, capture(given, ["shop"]), given, described, Exec.BOTH)
    assert gone.verdict is Expected.UNDEFINED
    assert "not observed: " in gone.how[1]
    assert "brief" in gone.how[1]
    assert there.verdict is Expected.ALLOWED
