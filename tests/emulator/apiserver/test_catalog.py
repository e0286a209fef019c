import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.apiserver.catalog import DEFINITIONS, Catalog
from netpol_harness.emulator.apiserver.errors import StatusError
from netpol_harness.emulator.store import Key, Store

UNTYPED = {"openAPIV3Schema": {"type": "object", "properties": {"a": {}}}}


@pytest.fixture
def store() -> Store:
    return Store(now=lambda: datetime.now(UTC), new_uid=lambda: str(uuid.uuid4()))


@pytest.fixture
def catalog(store: Store) -> Catalog:
    return Catalog(store)


def version(name: str = "v1", *, storage: bool = True, **rest: Any) -> dict[str, Any]:
    schema = {"openAPIV3Schema": {"type": "object"}}
    return {"name": name, "served": True, "storage": storage, "schema": schema, **rest}


def definition(plural: str = "widgets", kind: str = "Widget", *versions: Any, **rest: Any) -> dict[str, Any]:
    names = {"plural": plural, "kind": kind, "shortNames": [f"{plural[0]}x"]}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": list(versions) or [version()]}
    return {"metadata": {"name": f"{plural}.example.com", **rest.pop("metadata", {})}, "spec": {**spec, **rest}}


def add(store: Store, obj: dict[str, Any]) -> None:
    store.create(DEFINITIONS, admit(store, DEFINITIONS, obj))


def test_a_definition_serves_its_kind_until_it_is_removed(store: Store, catalog: Catalog) -> None:
    add(store, definition())
    row = catalog.at("example.com", "v1", "widgets")
    assert row is not None
    assert (row.kind, row.singular, row.list_kind, row.short_names) == ("Widget", "widget", "WidgetList", ("wx",))
    assert catalog.of_kind("example.com", "Widget") is row
    assert catalog.versions()["example.com"] == ["v1"]
    store.remove(Key(DEFINITIONS, "", "widgets.example.com"))
    assert catalog.at("example.com", "v1", "widgets") is None
    assert "example.com" not in catalog.versions()


def test_versions_are_sorted_and_only_served_ones_count(store: Store, catalog: Catalog) -> None:
    names = ("v1alpha1", "v2", "v1beta2", "v10", "v1beta10", "foo")
    versions = [version(name, storage=name == "v1beta2") for name in names]
    add(store, definition("widgets", "Widget", *versions, version("v3", storage=False, served=False)))
    assert catalog.versions()["example.com"] == ["v10", "v2", "v1beta10", "v1beta2", "v1alpha1", "foo"]
    stored = catalog.of_kind("example.com", "Widget")
    assert stored is not None
    assert stored.version == "v1beta2"


def test_a_plural_of_another_group_does_not_collide(store: Store, catalog: Catalog) -> None:
    add(store, definition("networkpolicies", "NetworkPolicy"))
    custom, own = (catalog.of_kind(group, "NetworkPolicy") for group in ("example.com", "networking.k8s.io"))
    assert custom is not None
    assert own is not None
    assert (custom.storage, own.storage) == ("networkpolicies.example.com", "networkpolicies")


def test_a_name_in_use_stays_with_its_kind(store: Store, catalog: Catalog) -> None:
    add(store, definition())
    other = definition("gadgets", "Widget")
    add(store, other)
    assert catalog.at("example.com", "v1", "gadgets") is None
    assert catalog.conflict(store.get(Key(DEFINITIONS, "", "gadgets.example.com"))) == "widget"
    store.remove(Key(DEFINITIONS, "", "widgets.example.com"))
    assert catalog.at("example.com", "v1", "gadgets") is not None


def test_a_changed_schema_is_in_force_at_once(store: Store, catalog: Catalog) -> None:
    add(store, definition())
    before = store.get(Key(DEFINITIONS, "", "widgets.example.com"))
    spec = {**before["spec"], "versions": [version(subresources={"status": {}})]}
    store.update(DEFINITIONS, admit(store, DEFINITIONS, {**before, "spec": spec}, before))
    row = catalog.at("example.com", "v1", "widgets")
    assert row is not None
    assert row.has_status


@pytest.mark.parametrize(
    ("obj", "field"),
    [
        (definition(metadata={"name": "other.example.com"}), "metadata.name"),
        (definition(scope="Galaxy"), "spec.scope"),
        (definition("widgets", "Widget", version(storage=False)), "spec.versions"),
        (definition("widgets", "Widget", version(schema={})), "spec.versions[0].schema.openAPIV3Schema"),
        (
            definition("widgets", "Widget", version(schema={"openAPIV3Schema": {"type": "string"}})),
            "spec.versions[0].schema.openAPIV3Schema.type",
        ),
        (
            definition(
                "widgets", "Widget", version(schema={"openAPIV3Schema": {"type": "object", "properties": {"a": {}}}})
            ),
            "spec.versions[0].schema.openAPIV3Schema.properties[a].type",
        ),
    ],
)
def test_refused_definitions(store: Store, obj: dict[str, Any], field: str) -> None:
    with pytest.raises(StatusError) as refusal:
        add(store, obj)
    assert field in [cause["field"] for cause in refusal.value.details["causes"]]


def test_protected_groups_need_an_approval(store: Store) -> None:
    protected = definition(group="policy.networking.k8s.io", metadata={"name": "widgets.policy.networking.k8s.io"})
    with pytest.raises(StatusError, match="api-approved"):
        add(store, protected)
    protected["metadata"]["annotations"] = {"api-approved.kubernetes.io": "https://example.com"}
    add(store, protected)
