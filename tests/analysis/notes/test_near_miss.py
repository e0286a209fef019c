import pytest

from netpol_harness.analysis.notes.near_miss import Labelled, near_miss
from netpol_harness.model.labels import LabelSelector

PODS = [
    Labelled("api", {"app": "api", "tier": "front"}),
    Labelled("web", {"app": "web", "tier": "back"}),
    Labelled("db", {"component": "store"}),
]


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (
            {"app": "api", "tier": "back"},
            "no pod has app=api and tier=back together; the nearest is api, which has tier=front",
        ),
        (
            {"app": "web", "role": "x"},
            "no pod has app=web and role=x together; the nearest is web, which has no label role",
        ),
        ({"app": "wbe"}, "no pod has app=wbe; web has app=web"),
        ({"name": "web"}, "no pod has name=web; web has app=web"),
        ({"role": "client"}, "no pod has role=client"),
    ],
)
def test_the_nearest_object_is_named_with_what_differs(labels: dict[str, str], text: str) -> None:
    assert near_miss(LabelSelector.equal(labels), PODS, "pod") == text


def test_a_namespace_without_pods_is_named() -> None:
    assert near_miss(LabelSelector(), [], "pod of demo") == "there is no pod of demo"
