from collections.abc import Callable

import pytest

from netpol_harness.analysis.notes.all_notes import notes_on
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

Shop = Callable[..., Scenario]
WEB = "{name: web, namespace: shop, labels: {app: web}}"
NAMESPACE = "{name: shop, labels: {team: shop}}"


def noted(scenario: Scenario, old: str, new: str) -> list[str]:
    file = scenario.file.parent / "workloads.yaml"
    file.write_text(file.read_text().replace(old, new))
    return [f"{note.where} {note.text}" for note in notes_on(load(scenario.file))]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (NAMESPACE, NAMESPACE.replace("team: shop", "team: shop, istio.io/dataplane-mode: ambient"), "15008/TCP"),
        (WEB, WEB.replace("app: web", "app: web, istio.io/dataplane-mode: ambient"), "Pod shop/web in a mesh"),
        (WEB, WEB.replace("app: web", "app: web, sidecar.istio.io/inject: 'true'"), "of the proxy"),
        (WEB, WEB.replace("}}", "}, annotations: {linkerd.io/inject: enabled}}"), "(linkerd.io/inject: enabled)"),
        (
            NAMESPACE,
            NAMESPACE.replace("team: shop", "team: shop, istio-injection: enabled"),
            "Namespace shop in a mesh",
        ),
    ],
)
def test_pods_of_a_mesh_have_a_note(shop: Shop, old: str, new: str, text: str) -> None:
    (note,) = noted(shop("shop/p {podSelector: {}}"), old, new)
    assert text in note


@pytest.mark.parametrize(
    "label", ["istio.io/dataplane-mode: none", "sidecar.istio.io/inject: 'false'", "istio-injection: disabled"]
)
def test_pods_that_are_kept_out_of_a_mesh_have_none(shop: Shop, label: str) -> None:
    assert noted(shop("shop/p {podSelector: {}}"), WEB, WEB.replace("app: web", f"app: web, {label}")) == []


def test_a_mesh_without_policies_has_no_note(shop: Shop) -> None:
    ambient = WEB.replace("app: web", "app: web, istio.io/dataplane-mode: ambient")
    assert noted(shop("back/p {podSelector: {}}"), WEB, ambient) == []


def test_pods_with_the_same_mark_have_one_note(shop: Shop) -> None:
    scenario = shop("shop/p {podSelector: {}}")
    (note,) = noted(
        scenario, "namespace: shop, labels: {", "namespace: shop, labels: {istio.io/dataplane-mode: ambient, "
    )
    assert "workloads.yaml:10 Pod shop/web and Pod shop/idle in a mesh (istio.io/dataplane-mode: ambient)" in note
