"""Brings the objects that a controller keeps for one owner to a desired state."""

from collections.abc import Iterable, Set

from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.store import Key, Store
from netpol_harness.model.endpoint_slices import MANAGED_BY_LABEL
from netpol_harness.model.json_object import JsonObject
from netpol_harness.wellknown import SERVICE_NAME_LABEL


def replace_objects(store: Store, resource: str, existing: Set[Key], desired: Iterable[JsonObject]) -> None:
    """Create, update and delete objects until of the ``existing`` and the desired ones exactly the latter exist."""
    desired_keys = set()
    for obj in desired:
        key = Key.of(resource, obj)
        desired_keys.add(key)
        previous = store.find(key)
        if previous is None:
            store.create(resource, admit(store, resource, obj))
        else:
            store.update(resource, admit(store, resource, obj, previous))
    for key in existing - desired_keys:
        if store.find(key):
            store.remove(key)


def slices_of(store: Store, service: Key, manager: str) -> set[Key]:
    """Return the EndpointSlices of a Service that a controller keeps."""
    wanted = {SERVICE_NAME_LABEL: service.name, MANAGED_BY_LABEL: manager}.items()
    return {
        Key.of("endpointslices", endpoint_slice)
        for endpoint_slice in store.list("endpointslices", service.namespace)
        if wanted <= (endpoint_slice["metadata"].get("labels") or {}).items()
    }
