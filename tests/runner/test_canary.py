import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.select import BackendChoice
from netpol_harness.errors import ClusterFailed, NotEnforcing
from netpol_harness.kube.client import Client
from netpol_harness.lab import Lab, Settings
from netpol_harness.model.names import ObjectKey
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.runner.canary import Crossing, verdict, watch

LEAK_IN = (Crossing("canary-stranger-near", "canary-guarded", Expected.BLOCKED), Outcome.CONNECTED)
LEAK_OUT = (Crossing("canary-closed-near", "canary-stranger-near", Expected.BLOCKED), Outcome.CONNECTED)
SHUT = (Crossing("canary-friend-near", "canary-guarded", Expected.ALLOWED), Outcome.TIMED_OUT)
UNHEARD = (Crossing("canary-closed-near", "canary-friend-near", Expected.ALLOWED), Outcome.PROBE_FAILED)
UNPROVEN = (Crossing("canary-stranger-near", "canary-guarded", Expected.BLOCKED), Outcome.TIMED_OUT)


@pytest.mark.parametrize(
    ("wrong", "kind", "said"),
    [
        ([LEAK_IN, LEAK_OUT], NotEnforcing, "policies have no effect on this cluster (flannel)"),
        ([LEAK_IN], NotEnforcing, "ingress policies have no effect"),
        ([LEAK_OUT], NotEnforcing, "egress policies have no effect"),
        ([LEAK_OUT, UNHEARD], NotEnforcing, "egress policies have no effect"),
        ([SHUT], NotEnforcing, "it closes what a rule admits"),
        ([UNHEARD], ClusterFailed, "could not find out"),
        ([SHUT, UNHEARD], ClusterFailed, "could not find out"),
        ([UNPROVEN], ClusterFailed, "could not find out"),
    ],
)
def test_what_is_the_matter(wrong: list[tuple[Crossing, Outcome]], kind: type[Exception], said: str) -> None:
    error = verdict("flannel", dict(wrong))
    assert type(error) is kind
    assert said in str(error)
    for path, outcome in wrong:
        assert f"{path.source} -> {path.target} should be {path.then} and is {outcome}" in str(error)


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def lab(*arguments: str, directory: Path | None = None) -> Lab:
    """A lab on an embedded cluster that is started with these arguments."""
    return Lab(BackendChoice(EmbeddedBackend(arguments), "told so"), Settings(canary=True), directory)


@pytest.mark.live
def test_where_policies_have_effect_it_vouches_and_leaves_nothing() -> None:
    with lab() as owner:
        client = owner.context.client
        owner.await_canary()
        assert not owner.canary_failed
        assert "policies have effect, on one node" in "\n".join(owner.closing)
        left = [data["metadata"] for data in client.list("v1", "Namespace")]
        assert not [one for one in left if "canary" in one["name"] and "deletionTimestamp" not in one]


@pytest.mark.live
def test_where_they_have_none_it_says_so_to_everybody_and_sings_once() -> None:
    with lab("--mutant", "not-enforced") as owner:
        _ = owner.context
        with pytest.raises(NotEnforcing, match=r"policies have no effect on this cluster \(embedded.*--no-canary"):
            owner.await_canary()
        assert owner.canary_failed
        with lab(directory=owner.directory) as guest:
            _ = guest.context
            with pytest.raises(NotEnforcing, match="policies have no effect"):
                guest.await_canary()


@pytest.mark.live
def test_on_two_nodes_the_guarded_pod_is_placed_first_and_the_others_by_its_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[dict[str, Any]] = []
    create = Client.create

    def noted(client: Client, data: Mapping[str, Any]) -> dict[str, Any]:
        if data["kind"] == "Pod":
            made.append(dict(data))
            ready = create(client, data)
            assert data["metadata"]["name"] == made[0]["metadata"]["name"] or _is_placed(client, made[0])
            return ready
        return create(client, data)

    with Lab(BackendChoice(EmbeddedBackend(), "told so"), Settings()) as owner:
        client = owner.context.client
        (home,) = client.list("v1", "Node")
        client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "second"}})
        monkeypatch.setattr(Client, "create", noted)
        watch(owner.context, {})
    guarded, *others = made
    assert guarded["metadata"]["name"] == "canary-guarded"
    assert not guarded["spec"]["affinity"]
    for pod in others:
        required = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        ((field,),) = [term["matchFields"] for term in required["nodeSelectorTerms"]]
        operator = "In" if pod["metadata"]["name"].endswith("-near") else "NotIn"
        assert field == {"key": "metadata.name", "operator": operator, "values": [home["metadata"]["name"]]}
    assert len(others) == 6


def _is_placed(client: Client, pod: Mapping[str, Any]) -> bool:
    return bool(client.get(ObjectKey.of(pod))["spec"].get("nodeName"))


@pytest.mark.live
def test_in_a_given_namespace_it_takes_away_what_it_made_and_nothing_else() -> None:
    with Lab(BackendChoice(EmbeddedBackend(), "told so"), Settings()) as owner:
        client = owner.context.client
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "given"}})
        client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": "given"}})
        assert "policies have effect" in watch(owner.context, {"default": "given"})
        assert client.list("v1", "Pod", namespace="given") == []
        assert client.list("networking.k8s.io/v1", "NetworkPolicy", namespace="given") == []
        assert client.find(ObjectKey("v1", "ConfigMap", "given", "theirs"))


@pytest.mark.live
def test_a_network_that_is_closed_beforehand_is_not_called_unenforced() -> None:
    with Lab(BackendChoice(EmbeddedBackend(), "told so"), Settings(settle_deadline=0.3)) as owner:
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
            watch(owner.context, {"default": "shut"})
        assert not isinstance(caught.value, NotEnforcing)
        assert [data["metadata"]["name"] for data in client.list("v1", "Pod", namespace="shut")] == []


def test_without_a_canary_nothing_is_waited_for() -> None:
    with Lab(BackendChoice(EmbeddedBackend(), "told so"), Settings(canary=False)) as owner:
        owner.await_canary()
        assert not owner.canary_failed
