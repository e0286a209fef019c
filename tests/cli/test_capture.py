"""``netpol capture`` of a live cluster, and of a dump of it."""

import json
import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.cli import main
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access

pytestmark = pytest.mark.live

STORY = Path(__file__).parents[2] / "docs" / "reproducing.md"
THREE_TIER = Path(__file__).parents[2] / "scenarios" / "three_tier"
KINDS = {
    "v1": ("Namespace", "Pod", "Service"),
    "apps/v1": ("ReplicaSet",),
    "discovery.k8s.io/v1": ("EndpointSlice",),
    "networking.k8s.io/v1": ("NetworkPolicy",),
    "policy.networking.k8s.io/v1beta1": ("ClusterNetworkPolicy",),
}
MORE = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: a}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: front, namespace: shop}
spec:
  replicas: 4
  selector: {matchLabels: {app: front}}
  template:
    metadata: {labels: {app: front}}
    spec: {containers: [{name: c, image: nginx, ports: [{containerPort: 8080, name: web}]}]}
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: shop-only}
spec:
  tier: Admin
  priority: 7
  subject: {namespaces: {matchLabels: {team: a}}}
  ingress: [{action: Deny, from: [{namespaces: {}}]}]
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of a cluster with an application and its policies."""
    backend = EmbeddedBackend()
    cluster = backend.create("captured", tmp_path_factory.mktemp("cluster"))
    client = Client(Access.from_kubeconfig(cluster.kubeconfig))
    texts = [file.read_text() for file in (THREE_TIER / "workloads.yaml", *sorted(THREE_TIER.glob("policies/*")))]
    for text in (*texts, MORE):
        for data in filter(None, yaml.safe_load_all(text)):
            client.create(data)
    yield cluster.kubeconfig
    backend.delete(cluster.name, cluster.kubeconfig.parent)


def run(cluster: Path, directory: Path, *more: str) -> int:
    return main(["capture", "--kubeconfig", str(cluster), "--out", str(directory), *more])


def files(directory: Path) -> dict[str, str]:
    found = (file for file in directory.rglob("*") if file.is_file())
    return {str(file.relative_to(directory)): file.read_text() for file in found}


def objects(directory: Path) -> Sequence[dict[str, Any]]:
    texts = [text for name, text in files(directory).items() if name != "scenario.yaml"]
    return [data for text in texts for data in yaml.safe_load_all(text)]


def test_a_cluster_becomes_a_scenario_that_diffs_with_the_next_capture(cluster: Path, tmp_path: Path) -> None:
    assert run(cluster, tmp_path / "one") == 0
    assert run(cluster, tmp_path / "two") == 0
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert {*files(tmp_path / "one")} == {
        "scenario.yaml",
        "workloads/default.yaml",
        "workloads/shop.yaml",
        "policies/default.yaml",
        "policies/_cluster.yaml",
    }
    (front,) = (data for data in objects(tmp_path / "one") if data["kind"] == "Deployment")
    assert front["spec"]["replicas"] == 2
    assert front["spec"]["template"]["spec"]["containers"][0]["ports"] == [
        {"containerPort": 8080, "protocol": "TCP", "name": "web"}
    ]


def test_its_table_is_that_of_the_cluster(cluster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cluster, tmp_path / "captured") == 0
    (tmp_path / "written").mkdir()
    shutil.copy(THREE_TIER / "workloads.yaml", tmp_path / "written")
    shutil.copytree(THREE_TIER / "policies", tmp_path / "written" / "policies")
    (tmp_path / "written" / "more.yaml").write_text(MORE)
    tables = []
    for name, step in (("captured", "captured"), ("written", "derived")):
        capsys.readouterr()
        assert main(["table", str(tmp_path / name), "--step", step, "-o", "csv"]) == 0
        tables.append(sorted(line.partition(",")[2] for line in capsys.readouterr().out.splitlines()))
    assert tables[0] == tables[1]
    assert len(tables[0]) > 40


def test_a_dump_of_the_cluster_gives_the_same(cluster: Path, tmp_path: Path) -> None:
    client = Client(Access.from_kubeconfig(cluster))
    items = [data for version, kinds in KINDS.items() for kind in kinds for data in client.list(version, kind)]
    (tmp_path / "dump.yaml").write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items}))
    (tmp_path / "dump.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    assert run(cluster, tmp_path / "live") == 0
    for name in ("dump.yaml", "dump.json"):
        assert main(["capture", "--from", str(tmp_path / name), "--out", str(tmp_path / name[-4:])]) == 0
        live, dumped = files(tmp_path / "live"), files(tmp_path / name[-4:])
        assert {**live, "scenario.yaml": ""} == {**dumped, "scenario.yaml": ""}


def test_only_some_namespaces_are_captured(cluster: Path, tmp_path: Path) -> None:
    assert run(cluster, tmp_path / "one", "-n", "shop") == 0
    assert {data["metadata"].get("namespace", "shop") for data in objects(tmp_path / "one")} == {"shop"}


def test_an_unknown_namespace_is_an_error(cluster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cluster, tmp_path / "one", "-n", "shpo") == 2
    assert "there is no namespace 'shpo'" in capsys.readouterr().err
    assert not (tmp_path / "one").exists()


def test_a_directory_is_replaced_only_with_force(
    cluster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(cluster, tmp_path / "one") == 0
    assert run(cluster, tmp_path / "one", "-n", "shop") == 2
    assert "--force" in capsys.readouterr().err
    assert run(cluster, tmp_path / "one", "-n", "shop", "--force") == 0
    assert "workloads/default.yaml" not in files(tmp_path / "one")


def test_a_directory_of_something_else_is_never_replaced(
    cluster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.yaml").write_text("a: b")
    assert run(cluster, tmp_path, "--force") == 2
    assert "is not a capture" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "neither YAML nor JSON"),
        ("- a", "something else than API objects"),
        ("", "has no pods"),
        ("kind: Pod", "object 1 of"),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: ../a}, spec: {containers: []}}",
            "the name of a",
        ),
    ],
)
def test_what_is_no_dump_is_an_error(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dump.yaml").write_text(text)
    assert main(["capture", "--from", str(tmp_path / "dump.yaml"), "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err


SHOP = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
"""
WORKLOAD = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: shop}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: c, image: nginx, ports: [{{containerPort: {port}}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: shop}}
spec: {{selector: {{app: {name}}}, ports: [{{port: {port}}}]}}
"""
GUARD = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]
"""
CHANGE = GUARD.replace("name: db,", "name: db-of-backup,").replace("app: web", "app: backup")


def created(client: Client, text: str) -> None:
    for data in filter(None, yaml.safe_load_all(text)):
        client.create(data)


def test_the_story_of_the_page_that_tells_it(
    tmp_path: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All its commands, from the capture of a cluster to the report about a fault that a mutant puts into one."""
    commands = [
        shlex.split(line, comments=True)[1:] for line in STORY.read_text().splitlines() if line.startswith("$ ")
    ]
    backend = EmbeddedBackend()
    cluster = backend.create("story", tmp_path)
    try:
        client = Client(Access.from_kubeconfig(cluster.kubeconfig))
        workloads = [
            WORKLOAD.format(name=name, port=port) for name, port in (("web", 80), ("db", 5432), ("backup", 80))
        ]
        created(client, "---".join([SHOP, *workloads, GUARD]))
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        context = yaml.safe_load(cluster.kubeconfig.read_text())["current-context"]
        capture, table, (program, *arguments), what_if, again, diff, shrink = [
            [context if word == "staging" else word for word in command] for command in commands
        ]
        assert main(capture[1:]) == 0
        assert main(table[1:]) == 0
        assert "8 of them denied" in capsys.readouterr().out
        assert program == "pytest"
        result = pytester.runpytest_subprocess("-p", "netpol_harness.plugin", *arguments)
        outcomes = result.parseoutcomes()
        assert outcomes.pop("passed") >= 2, "both steps"
        assert not outcomes
        (pytester.mkdir("deploy") / "policies").mkdir()
        Path("deploy/policies/db.yaml").write_text(CHANGE)
        assert main(what_if[1:]) == 1
        told = capsys.readouterr().out
        assert "added NetworkPolicy shop/db-of-backup (db.yaml:" in told
        assert "backup -> db:5432" in told
        assert "proven" in told
        created(client, CHANGE)
        assert main(again[1:]) == 0
        assert main(diff[1:]) == 1
        assert "opened (blocked -> allowed)" in capsys.readouterr().out
    finally:
        backend.delete(cluster.name, tmp_path)
    option = shrink.index("--cluster")
    assert shrink[option + 1] == "kubeconfig:staging"
    shrink[option : option + 2] = ["--mutant", "peers-or-ports"]
    assert main(shrink[1:]) == 0
    assert {"report.md", "scenario.yaml"} <= {*files(Path("small"))}
