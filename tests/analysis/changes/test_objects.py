from collections.abc import Callable

from netpol_harness.analysis.changes.objects import changed_objects
from netpol_harness.analysis.predict import Predictor
from tests.analysis.changes.conftest import FROM_WEB, GUARD, PODS, policy

MadePredictor = Callable[[str, str], Predictor]


def told(predictor: MadePredictor, before: str, after: str, name: str = "side") -> list[str]:
    sides = predictor(f"{name}-1", before), predictor(f"{name}-2", after)
    return [str(change) for change in changed_objects(*sides)]


def test_added_and_removed_objects_have_their_places(predictor: MadePredictor) -> None:
    assert told(predictor, PODS + GUARD, PODS + FROM_WEB) == [
        "added NetworkPolicy shop/from-web (all.yaml:21)",
        "removed NetworkPolicy shop/guard (all.yaml:21)",
    ]


def test_a_label_of_a_namespace_is_told_with_both_values(predictor: MadePredictor) -> None:
    one = PODS.replace("{name: shop}", "{name: shop, labels: {tier: front}}", 1)
    other = PODS.replace("{name: shop}", "{name: shop, labels: {tier: back}}", 1)
    assert told(predictor, one, other) == ["changed Namespace shop (all.yaml:4): metadata.labels.tier front -> back"]
    assert told(predictor, one, PODS, "gone") == ["changed Namespace shop (all.yaml:4): metadata.labels removed"]


def test_many_fields_are_counted_and_policies_come_first(predictor: MadePredictor) -> None:
    wider = (PODS + FROM_WEB).replace("app: db}}, ingress", "app: api, b: c}}, egress: [{}], ingress")
    (policy, *_) = told(predictor, PODS.replace("{app: db}", "{app: other}") + FROM_WEB, wider)
    assert policy.startswith(
        "changed NetworkPolicy shop/from-web (all.yaml:24): spec.podSelector.matchLabels.app db -> api"
    )
    assert policy.endswith("spec.podSelector.matchLabels.b nothing -> c, and 1 more")


def test_what_no_connection_depends_on_is_left_out(predictor: MadePredictor) -> None:
    config = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: shop}\ndata: {a: b}\n"
    assert told(predictor, PODS, PODS.replace("image: stand-in", "image: other") + config) == []
    assert told(predictor, "# a comment\n" + PODS, PODS, "comment") == []


def test_a_default_that_is_written_out_is_no_change(predictor: MadePredictor) -> None:
    """As in a comparison of a captured cluster with the manifests that were applied to it."""
    short = policy("p", "{podSelector: {}, ingress: [{ports: [{port: 80}]}]}")
    full = policy("p", "{podSelector: {}, policyTypes: [Ingress], ingress: [{ports: [{port: 80, protocol: TCP}]}]}")
    assert told(predictor, PODS + short, PODS + full) == []
    (changed,) = told(predictor, PODS + short, PODS + full.replace("port: 80", "port: 81"), "port")
    assert changed.endswith("spec.ingress[0].ports[0].port 80 -> 81, spec.policyTypes added")
