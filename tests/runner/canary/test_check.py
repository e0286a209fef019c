import tempfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.analysis.predict import Predictor
from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.select import BackendChoice
from netpol_harness.errors import ClusterFailed, NotEnforcing
from netpol_harness.kube.client import Client
from netpol_harness.lab import Lab, Settings
from netpol_harness.model.names import ObjectKey
from netpol_harness.paths.outcome import Expected
from netpol_harness.probe.ephemeral import IMAGE, RESTRICTED
from netpol_harness.runner.canary.check import run_canary
from netpol_harness.scenario.load import load

CANARY = Path(str(files("netpol_harness.runner.canary")))


@pytest.mark.parametrize("file", ["scenario.yaml", "two-nodes.yaml"])
def test_its_pods_are_probe_containers_that_meet_the_restricted_profile(file: str) -> None:
    pods = load(CANARY / file).workloads
    assert {manifest.name.kind for manifest in pods} == {"Pod"}
    for pod in pods:
        (container,) = pod.data["spec"]["containers"]
        assert (container["image"], container["securityContext"]) == (IMAGE, RESTRICTED)


@pytest.mark.parametrize("file", ["scenario.yaml", "two-nodes.yaml"])
def test_the_oracle_agrees_with_its_verdicts_and_everything_is_open_before(file: str) -> None:
    scenario = load(CANARY / file)
    opened, enforced = scenario.steps[-2:]
    assert [e.path for e in opened.expectations] == [e.path for e in enforced.expectations]
    assert {e.expected for e in opened.expectations} == {Expected.ALLOWED}
    predictor = Predictor(scenario, enforced)
    assert {e.path: predictor.verdict(e.path) for e in enforced.expectations} == {
        e.path: e.expected for e in enforced.expectations
    }


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def lab(*arguments: str, directory: Path | None = None) -> Lab:
    """A lab on an embedded cluster that is started with these arguments."""
    return Lab(BackendChoice(EmbeddedBackend(arguments), "for a test"), Settings(canary=True), directory)


@pytest.mark.live
def test_where_policies_have_effect_it_says_so_and_leaves_nothing() -> None:
    with lab() as owner:
        client = owner.context.client
        owner.canary.wait()
        assert not owner.canary.has_failed
        assert "policies have effect, on one node" in "\n".join(owner.closing)
        left = [data["metadata"] for data in client.list("v1", "Namespace")]
        assert not [one for one in left if "canary" in one["name"] and "deletionTimestamp" not in one]


@pytest.mark.live
def test_where_they_have_none_every_process_gets_the_error_of_one_run() -> None:
    with lab("--mutant", "not-enforced") as owner:
        _ = owner.context
        with pytest.raises(NotEnforcing, match=r"policies are not enforced on this cluster \(embedded.*--no-canary"):
            owner.canary.wait()
        assert owner.canary.has_failed
        with lab(directory=owner.directory) as guest:
            _ = guest.context
            with pytest.raises(NotEnforcing, match="policies have no effect"):
                guest.canary.wait()


@pytest.mark.live
def test_on_two_nodes_the_guarded_pod_is_placed_first_and_the_others_by_its_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    created: list[Mapping[str, Any]] = []
    create = Client.create

    def recording(client: Client, data: Mapping[str, Any]) -> dict[str, Any]:
        if data["kind"] == "Pod":
            assert not created or _is_placed(client, created[0])
            created.append(data)
        return create(client, data)

    with Lab(BackendChoice(EmbeddedBackend(), "for a test"), Settings()) as owner:
        client = owner.context.client
        client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "second"}})
        monkeypatch.setattr(Client, "create", recording)
        assert str(run_canary(owner.context, {})) == "policies have effect, on one node and across two"
    guarded, *others = created
    assert guarded["metadata"]["name"] == "canary-guarded"
    assert "affinity" not in guarded["spec"]
    for pod in others:
        near = pod["metadata"]["name"].endswith("-near")
        ((kind, rules),) = pod["spec"]["affinity"].items()
        (term,) = rules["requiredDuringSchedulingIgnoredDuringExecution"]
        assert kind == ("podAffinity" if near else "podAntiAffinity")
        assert term["topologyKey"] == "kubernetes.io/hostname"
        assert term["labelSelector"]["matchLabels"].items() <= guarded["metadata"]["labels"].items()
    assert len(others) == 6


def _is_placed(client: Client, pod: Mapping[str, Any]) -> bool:
    return bool(client.get(ObjectKey.of(pod))["spec"].get("nodeName"))


@pytest.mark.live
def test_in_a_given_namespace_it_takes_away_what_it_made_and_nothing_else() -> None:
    with Lab(BackendChoice(EmbeddedBackend(), "for a test"), Settings()) as owner:
        client = owner.context.client
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "given"}})
        client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": "given"}})
        assert "policies have effect" in str(run_canary(owner.context, {"default": "given"}))
        assert client.list("v1", "Pod", namespace="given") == []
        assert client.list("networking.k8s.io/v1", "NetworkPolicy", namespace="given") == []
        assert client.find(ObjectKey("v1", "ConfigMap", "given", "theirs"))


@pytest.mark.live
def test_a_network_that_is_closed_beforehand_is_not_called_unenforced() -> None:
    with Lab(BackendChoice(EmbeddedBackend(), "for a test"), Settings(settle_deadline=0.3)) as owner:
        client = owner.context.client
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shut"}})
        client.create(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": "theirs", "namespace": "shut"},
                "spec": {"podSelector": {}},
            }
        )
        with pytest.raises(ClusterFailed, match="is namespace shut free of other policies") as caught:
            run_canary(owner.context, {"default": "shut"})
        assert not isinstance(caught.value, NotEnforcing)
        assert [data["metadata"]["name"] for data in client.list("v1", "Pod", namespace="shut")] == []


def test_without_a_canary_nothing_is_waited_for() -> None:
    with Lab(BackendChoice(EmbeddedBackend(), "for a test"), Settings(canary=False)) as owner:
        owner.canary.wait()
        assert not owner.canary.has_failed
