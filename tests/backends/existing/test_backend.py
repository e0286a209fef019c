import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from netpol_harness.backends.base import Capability, Cluster
from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.existing.backend import ExistingClusterBackend
from netpol_harness.backends.existing.options import ExistingOptions
from netpol_harness.backends.facts import EMBEDDED_DATAPLANE
from netpol_harness.backends.runs.owner import Owner, OwnerState, owner_state, with_owner
from netpol_harness.errors import ClusterFailed
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.model.names import ObjectKey
from netpol_harness.timeouts import EMBEDDED

OPTIONS = ExistingOptions()


def kubeconfig(directory: Path, *, context: str, cluster: str = "c", server: str = "https://127.0.0.1:1") -> Path:
    """A kubeconfig of one context, and one called ``other``."""
    file = directory / "kubeconfig"
    pointed = {"cluster": cluster, "user": "u"}
    file.write_text(
        json.dumps(
            {
                "current-context": context,
                "contexts": [{"name": context, "context": pointed}, {"name": "other", "context": pointed}],
                "clusters": [{"name": cluster, "cluster": {"server": server}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
            }
        )
    )
    return file


@pytest.mark.parametrize(
    ("names", "refused"),
    [
        ({"context": "prod"}, True),
        ({"context": "eu-PRODUCTION-1"}, True),
        ({"context": "admin@prd.example"}, True),
        ({"context": "a", "cluster": "shop_live"}, True),
        ({"context": "a", "server": "https://api.prod.example.com"}, True),
        ({"context": "product-team"}, False),
        ({"context": "reproduction"}, False),
        ({"context": "staging", "cluster": "delivery", "server": "https://api.stage.example.com"}, False),
    ],
)
def test_a_context_that_looks_like_production_is_refused_unless_the_user_insists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: dict[str, str], *, refused: bool
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, **names)))
    assert ExistingClusterBackend(replace(OPTIONS, yes_really=True)).context == names["context"]
    if refused:
        with pytest.raises(ClusterFailed, match=r"looks like production .*--yes-really"):
            ExistingClusterBackend(OPTIONS)
    else:
        ExistingClusterBackend(OPTIONS)


def test_the_user_may_choose_the_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, context="prod")))
    ExistingClusterBackend(replace(OPTIONS, production_pattern=("customer",)))
    with pytest.raises(ClusterFailed, match="looks like production"):
        ExistingClusterBackend(replace(OPTIONS, production_pattern=("customer", "^PRO")))
    with pytest.raises(ClusterFailed, match="give a regular expression"):
        ExistingClusterBackend(replace(OPTIONS, production_pattern=("(",)))


def test_an_unknown_context_is_answered_with_the_known_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, context="staging")))
    assert ExistingClusterBackend(replace(OPTIONS, context="other")).context == "other"
    with pytest.raises(ClusterFailed, match="contexts there: other, staging"):
        ExistingClusterBackend(replace(OPTIONS, context="moon"))


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An embedded cluster that was started elsewhere."""
    backend = EmbeddedBackend()
    cluster = backend.create("demo", tmp_path_factory.mktemp("standing"))
    yield cluster
    backend.delete(cluster.name, cluster.kubeconfig.parent)


@pytest.fixture
def client(standing: Cluster) -> Client:
    """The way to its API."""
    return Client(Access.from_kubeconfig(standing.kubeconfig))


@pytest.fixture
def backend(standing: Cluster, monkeypatch: pytest.MonkeyPatch) -> ExistingClusterBackend:
    """The same cluster, by kubeconfig."""
    monkeypatch.setenv("KUBECONFIG", str(standing.kubeconfig))
    return ExistingClusterBackend(OPTIONS)


@pytest.fixture
def dead() -> str:
    """The name of a run whose owner has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return replace(Owner.current(), pid=child.pid).run


@pytest.mark.live
def test_an_existing_embedded_cluster_is_recognized(backend: ExistingClusterBackend, tmp_path: Path) -> None:
    cluster = backend.create("netpol-run", tmp_path)
    assert (cluster.dataplane, cluster.timeouts, cluster.context) == (EMBEDDED_DATAPLANE, EMBEDDED, "demo")
    assert Capability.EXTERNAL_HOSTS in cluster.capabilities
    assert Cluster.from_json(cluster.to_json()) == cluster
    backend.collect_logs(cluster, tmp_path)
    assert json.loads((tmp_path / "nodes.json").read_text())


@pytest.mark.live
def test_only_objects_of_runs_are_leftovers_and_one_run_is_deleted_at_a_time(
    backend: ExistingClusterBackend, client: Client, dead: str
) -> None:
    alive, elsewhere = Owner.current(), replace(Owner.current(), boot="ffffff")
    for name, run in (("of-dead", dead), ("of-alive", alive.run), ("of-elsewhere", elsewhere.run)):
        client.create(with_owner({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, run))
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "of-somebody"}})
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "of-dead", "namespace": "of-somebody"}}
    client.create(with_owner(settings, dead))

    states = {left.name: owner_state(left.name) for left in backend.leftovers()}
    assert states == {dead: OwnerState.DEAD, alive.run: OwnerState.ALIVE, elsewhere.run: OwnerState.ELSEWHERE}
    backend.delete(dead)
    backend.delete(dead)
    assert dead not in [left.name for left in backend.leftovers()]
    left = {data["metadata"]["name"] for data in client.list("v1", "Namespace")}
    assert left >= {"default", "of-alive", "of-elsewhere", "of-somebody"}
    assert "of-dead" not in left
    assert client.find(ObjectKey.of(settings)) is None
