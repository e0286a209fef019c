"""CustomResourceDefinitions (apiextensions.k8s.io/v1): their status, and the end of their objects.

A definition is deleted after all objects of its kind.
"""

from collections.abc import Callable, Iterator

from netpol_harness.emulator.apiserver.catalog import DEFINITIONS, Catalog
from netpol_harness.emulator.apiserver.defaults.definition import CLEAN_UP
from netpol_harness.emulator.store import Event, Key, Store
from netpol_harness.model.json_object import JsonObject


class DefinitionController:
    """Updates each definition's status, and deletes the objects of a definition that is being deleted."""

    def __init__(self, store: Store, delete: Callable[[Key], object], catalog: Catalog) -> None:
        self._store = store
        self._delete = delete
        self._catalog = catalog

    @property
    def resources(self) -> "DefinitionController":
        return self

    def __contains__(self, resource: object) -> bool:
        """Return whether a resource is that of definitions or of a custom kind."""
        return resource == DEFINITIONS or "." in str(resource)

    def affected_keys(self, event: Event) -> Iterator[Key]:
        """Yield the definitions, all of them when one changes: a name may have become free."""
        if event.key.resource == DEFINITIONS:
            yield from (Key.of(DEFINITIONS, definition) for definition in self._store.list(DEFINITIONS))
        else:
            yield Key(DEFINITIONS, "", event.key.resource)

    def reconcile(self, key: Key) -> None:
        definition = self._store.find(key)
        if definition is None:
            return
        if "deletionTimestamp" in definition["metadata"]:
            self._clean_up(key, definition)
            return
        clash, now = self._catalog.conflict(definition), self._store.timestamp()
        self._store.modify(key, lambda copy: {**copy, "status": _status(copy, clash, now)})

    def _clean_up(self, key: Key, definition: JsonObject) -> None:
        """Delete the objects of the kind, and the definition itself once there are none."""
        objects = self._store.list(key.name)
        for obj in objects:
            if "deletionTimestamp" not in obj["metadata"]:
                self._delete(Key.of(key.name, obj))
        rest = [word for word in definition["metadata"].get("finalizers") or () if word != CLEAN_UP]
        if not self._store.list(key.name) and CLEAN_UP in definition["metadata"].get("finalizers", ()):
            self._store.modify(key, lambda copy: {**copy, "metadata": {**copy["metadata"], "finalizers": rest}})
            if not rest:
                self._store.remove(key)


def _status(definition: JsonObject, clash: str, now: str) -> JsonObject:
    """Return the whole status. Unchanged conditions keep their times."""
    before = definition.get("status") or {}
    if clash:
        accepted = {"status": "False", "reason": "NamesConflict", "message": f'"{clash}" is already in use'}
        established = {"status": "False", "reason": "NotAccepted", "message": "not all names are accepted"}
    else:
        accepted = {"status": "True", "reason": "NoConflicts", "message": "no conflicts found"}
        message = "the initial names have been accepted"
        established = {"status": "True", "reason": "InitialNamesAccepted", "message": message}
    wanted = [{"type": "NamesAccepted", **accepted}, {"type": "Established", **established}]
    times = {each["type"]: each for each in before.get("conditions") or ()}
    stored = next(version["name"] for version in definition["spec"]["versions"] if version.get("storage"))
    return {
        "conditions": [_with_time(condition, times.get(condition["type"]), now) for condition in wanted],
        "acceptedNames": {} if clash else definition["spec"]["names"],
        "storedVersions": list(dict.fromkeys([*(before.get("storedVersions") or ()), stored])),
    }


def _with_time(condition: JsonObject, before: JsonObject | None, now: str) -> JsonObject:
    same = before is not None and before["status"] == condition["status"]
    return {**condition, "lastTransitionTime": before["lastTransitionTime"] if before and same else now}
