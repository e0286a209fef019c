from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from netpol_harness.analysis.world import world_of
from netpol_harness.model.name_server import KUBE_DNS
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.path import KnownAddresses
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

Shop = Callable[..., Scenario]


def test_a_step_becomes_a_world(shop: Shop) -> None:
    scenario = shop("back/none {podSelector: {}}")
    world = world_of(scenario.steps[-1], scenario)
    assert set(world.namespaces) == {"default", "kube-system", "shop", "back"}
    assert world.namespaces["shop"].labels == {"team": "shop", "kubernetes.io/metadata.name": "shop"}
    names = {name for workload in scenario.inventory.workloads.values() for name in workload.replica_names}
    assert set(world.pods) == {*names, KUBE_DNS}
    assert NamespacedName("back", "api/1") in names
    assert [policy.ref for policy in world.policies] == [NamespacedName("back", "none")]
    assert world.services[KUBE_DNS].selects("kube-system", world.pods[KUBE_DNS].labels)
    assert not world_of(scenario.steps[0], scenario).policies


def test_a_step_relabels_and_removes(shop: Shop) -> None:
    extra = "    labels: {pods: {web: {app: null, tier: x}}, namespaces: {back: {team: back}}}\n    absent: [idle]"
    scenario = shop(extra=extra)
    world = world_of(scenario.steps[-1], scenario)
    assert world.pods[NamespacedName("shop", "web")].labels == {"tier": "x"}
    assert world.namespaces["back"].labels["team"] == "back"
    assert NamespacedName("shop", "idle") not in world.pods


@pytest.mark.parametrize(
    ("chosen", "expected"), [('["10.244.0.77"]', ("10.244.0.77",)), ("nonsense", ()), ('{"a": 1}', ())]
)
def test_an_address_is_known_or_chosen_or_unknown(
    shop: Shop, tmp_path: Path, chosen: str, expected: tuple[str, ...]
) -> None:
    file = shop().file
    annotations = f"{{cni.projectcalico.org/ipAddrs: '{chosen}'}}"
    head = f"{{apiVersion: v1, kind: Pod, metadata: {{name: fixed, annotations: {annotations}}},"
    with (tmp_path / "workloads.yaml").open("a") as workloads:
        workloads.write(f"---\n{head} spec: {{containers: [{{name: main, image: stand-in}}]}}}}\n")
    scenario = load(file)
    world = world_of(scenario.steps[-1], scenario, KnownAddresses({NamespacedName("shop", "web"): ("10.244.0.5",)}))
    assert world.pods[NamespacedName("default", "fixed")].addresses == expected
    assert world.pods[NamespacedName("shop", "web")].addresses == ("10.244.0.5",)
    assert world.pods[NamespacedName("shop", "idle")].addresses == ()


def test_the_labels_of_an_assumed_namespace_are_not_known(shop: Shop) -> None:
    scenario = replace(shop(), assumed_namespaces=frozenset({"shop", "monitoring"}))
    namespaces = world_of(scenario.steps[-1], scenario).namespaces
    assert not namespaces["monitoring"].labels_known
    assert namespaces["monitoring"].labels == {"kubernetes.io/metadata.name": "monitoring"}
    assert namespaces["shop"].labels_known
