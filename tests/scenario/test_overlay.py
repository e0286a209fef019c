from pathlib import Path

from netpol_harness.paths.diagnostics import Place
from netpol_harness.scenario.api_objects import LocatedManifest
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.overlay import NOTHING, Overlay
from netpol_harness.scenario.scenario import Manifest


def located(kind: str, name: str, where: str = "a.yaml:1") -> LocatedManifest:
    """An object of namespace ``shop``."""
    version = "networking.k8s.io/v1" if kind == "NetworkPolicy" else "v1"
    metadata = {"name": name} if kind == "Namespace" else {"name": name, "namespace": "shop"}
    data = {"apiVersion": version, "kind": kind, "metadata": metadata}
    return LocatedManifest(Manifest(data, where), YamlNode(Place(Path(where).name, 1), YamlKind.NOTHING))


GUARD, WEB = located("NetworkPolicy", "guard"), located("Pod", "web")


def test_nothing_changes_nothing() -> None:
    assert NOTHING.over([WEB], policies=False) == (WEB,)


def test_an_applied_object_replaces_that_of_its_name_in_its_own_list_alone() -> None:
    new = located("NetworkPolicy", "guard", "b.yaml:1")
    overlay = Overlay((new,))
    assert overlay.over([GUARD], policies=True) == (new,)
    assert overlay.over([WEB], policies=False) == (WEB,)


def test_a_deleted_namespace_takes_its_contents_along() -> None:
    shop = located("Namespace", "shop")
    overlay = Overlay(deleted=frozenset({("", shop.manifest.name)}))
    assert overlay.over([shop, WEB], policies=False) == ()
    assert overlay.over([GUARD], policies=True) == ()
