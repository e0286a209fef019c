"""ControllerRevisions (apps/v1): the versions of a StatefulSet's or DaemonSet's pod template.

``kubectl rollout history`` lists them, and ``kubectl rollout undo`` applies the data of one as a patch. Old ones are
deleted as ``revisionHistoryLimit`` says.
"""

from collections.abc import Callable, Collection

from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.controllers.ownership import controls, fingerprint, owner_reference
from netpol_harness.emulator.store import Key, Store, clone
from netpol_harness.model.json_object import JsonMapping, JsonObject

REVISION_LABEL = "controller-revision-hash"
_HASH_LENGTH = 10
_RESOURCE = "controllerrevisions"


class Revisions:
    """The revisions of the controllers of one kind."""

    def __init__(self, store: Store, delete: Callable[[Key], object]) -> None:
        self._store = store
        self._delete = delete

    def current(self, owner: JsonObject) -> JsonObject:
        """Return the revision of the owner's template, which is the newest one; create it if it does not exist."""
        history = self._of(owner)
        newest = history[-1]["revision"] if history else 0
        name = f"{owner['metadata']['name']}-{fingerprint(owner['spec']['template'], _HASH_LENGTH)}"
        found = next((revision for revision in history if revision["metadata"]["name"] == name), None)
        if found is None:
            return self._create(owner, name, newest + 1)
        if found["revision"] < newest:  # the template is an earlier one
            return self._store.modify(Key.of(_RESOURCE, found), lambda copy: {**copy, "revision": newest + 1})
        return found

    def template(self, owner: JsonObject, name: str) -> JsonObject:
        """Return the pod template of a revision; the owner's own if the revision is gone."""
        found = self._store.find(Key(_RESOURCE, owner["metadata"]["namespace"], name))
        template = dict((found["data"] if found else owner)["spec"]["template"])
        template.pop("$patch", None)
        return template

    def prune(self, owner: JsonObject, live: Collection[str]) -> None:
        """Delete the oldest revisions beyond the limit, except the live ones."""
        idle = [revision for revision in self._of(owner) if revision["metadata"]["name"] not in live]
        for revision in idle[: max(0, len(idle) - owner["spec"].get("revisionHistoryLimit", 10))]:
            self._delete(Key.of(_RESOURCE, revision))

    def _of(self, owner: JsonMapping) -> list[JsonObject]:
        candidates = self._store.list(_RESOURCE, owner["metadata"]["namespace"])
        return sorted((each for each in candidates if controls(owner, each)), key=lambda each: int(each["revision"]))

    def _create(self, owner: JsonObject, name: str, number: int) -> JsonObject:
        template = owner["spec"]["template"]
        labels = (template.get("metadata") or {}).get("labels") or {}
        metadata = {
            "name": name,
            "namespace": owner["metadata"]["namespace"],
            "labels": {**labels, REVISION_LABEL: name.rpartition("-")[2]},
            "ownerReferences": [owner_reference(owner)],
        }
        data = {"spec": {"template": {**clone(template), "$patch": "replace"}}}
        revision = {"metadata": metadata, "revision": number, "data": data}
        return self._store.create(_RESOURCE, admit(self._store, _RESOURCE, revision))
