"""The pods of a controller: which are its own, and how it makes another one.

Pods that no longer match the selector are released, and matching ones without a controller are adopted, as
``metadata.ownerReferences`` describes.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.controllers.ownership import controller_keys, controller_of, controls, owner_reference
from netpol_harness.emulator.dataplane.selection import LabelIndex
from netpol_harness.emulator.store import Event, Key, Store
from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.model.labels import LabelSelector


class OwnedPods:
    """The pods that the controllers of one kind own. ``delete`` does what a user's DELETE does."""

    def __init__(self, store: Store, delete: Callable[[Key], object], resource: str, kind: str) -> None:
        self._store = store
        self._delete = delete
        self._resource = resource
        self._kind = kind

    def affected_owners(self, event: Event) -> Iterator[Key]:
        """Yield the owners that an event of the kind itself or of a pod is about."""
        if event.key.resource == self._resource:
            yield event.key
            return
        for pod in filter(None, (event.object, event.previous)):
            yield from controller_keys(pod, self._resource, self._kind)
        if controller_of(event.object) is None:
            yield from (
                Key.of(self._resource, owner) for owner in self._store.list(self._resource, event.key.namespace)
            )

    def of(self, owner: JsonMapping) -> list[JsonObject]:
        """Return all pods that the owner controls, finished and terminating ones too."""
        return [pod for pod in self._store.list("pods", owner["metadata"]["namespace"]) if controls(owner, pod)]

    def claim(self, owner: JsonObject, selector: LabelSelector) -> list[JsonObject]:
        """Return all pods that the owner controls, after releasing those that no longer match and adopting those
        without a controller.
        """
        pods = {
            pod["metadata"]["name"]: pod
            for pod in self._store.list("pods", owner["metadata"]["namespace"])
            if "deletionTimestamp" not in pod["metadata"]
        }
        index = LabelIndex({name: pod["metadata"].get("labels") or {} for name, pod in pods.items()})
        matching = index.select(selector)
        for name, pod in pods.items():
            if controls(owner, pod) and name not in matching:
                self._set_owners(pod, [r for r in pod["metadata"]["ownerReferences"] if not r.get("controller")])
            elif controller_of(pod) is None and name in matching:
                self._set_owners(pod, [*(pod["metadata"].get("ownerReferences") or ()), owner_reference(owner)])
        return self.of(owner)

    def create(
        self,
        owner: JsonObject,
        template: JsonMapping,
        *,
        metadata: Mapping[str, Any] | None = None,
        spec: Mapping[str, Any] | None = None,
    ) -> JsonObject:
        """Create a pod from the template, of whose metadata only labels, annotations and finalizers count.

        ``metadata`` has its name, if it is not generated, and additional labels and annotations. ``spec`` replaces
        fields of the template's.
        """
        base, own = template.get("metadata") or {}, metadata or {}
        name = {} if "name" in own else {"generateName": f"{owner['metadata']['name']}-"}
        maps = {field: {**(base.get(field) or {}), **(own.get(field) or {})} for field in ("labels", "annotations")}
        identity = {"namespace": owner["metadata"]["namespace"], "ownerReferences": [owner_reference(owner)]}
        kept = {"finalizers": base["finalizers"]} if base.get("finalizers") else {}
        merged = {**kept, **name, **own, **{field: value for field, value in maps.items() if value}, **identity}
        pod = {"metadata": merged, "spec": {**template["spec"], **(spec or {})}}
        return self._store.create("pods", admit(self._store, "pods", pod))

    def delete(self, pod: JsonMapping) -> None:
        """Delete a pod, unless it is being deleted."""
        if "deletionTimestamp" not in pod["metadata"]:
            self._delete(Key.of("pods", pod))

    def _set_owners(self, pod: JsonObject, references: list[Any]) -> None:
        owned = {"ownerReferences": references}
        self._store.modify(Key.of("pods", pod), lambda copy: {**copy, "metadata": {**copy["metadata"], **owned}})
