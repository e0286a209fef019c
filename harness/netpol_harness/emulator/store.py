"""The state of the cluster: every object, its versions, and an ordered stream of changes.

Invariant: one resource version, from a single counter for all resources, names one state of the whole store. It grows
by one with each commit, and an object carries the version of its last change. Pure: the caller passes the clock and the
source of uids, and nothing waits. Objects are plain dictionaries. By agreement they are immutable once they have passed
in or out of the store: a caller that wants another state passes another dictionary.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from netpol_harness.model.json_object import JsonObject

_Json = TypeVar("_Json")

FIRST_VERSION = 1
"""The version of an empty store. "0" has a special meaning in requests."""


class EventType(StrEnum):
    """What a commit did to its object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Key:
    """The key of one object: plural resource name, namespace ("" for cluster-scoped resources), name."""

    resource: str
    namespace: str
    name: str

    @classmethod
    def of(cls, resource: str, obj: Mapping[str, Any]) -> "Key":
        metadata = obj["metadata"]
        return cls(resource, metadata.get("namespace", ""), metadata["name"])


@dataclass(frozen=True, slots=True)
class Event:
    """One commit. ``object`` is the state after it; for DELETED, the last state with the version of the deletion."""

    type: EventType
    key: Key
    object: JsonObject
    previous: JsonObject | None
    resource_version: int


Hook: TypeAlias = Callable[[Event], object]


class StoreError(Exception):
    """A store operation that cannot be done. ``key`` names the object."""

    def __init__(self, key: Key) -> None:
        super().__init__(
            f"{key.resource} {key.namespace}/{key.name}" if key.namespace else f"{key.resource} {key.name}"
        )
        self.key = key


class NotFound(StoreError):
    """There is no such object."""


class AlreadyExists(StoreError):
    """An object of this name exists already."""


class Conflict(StoreError):
    """The caller's version of the object is older than the stored one."""


class Expired(Exception):
    """The changes since this version are no longer in the history."""


class Store:
    """All objects of one cluster. It belongs to one thread; hooks run inside the call that commits."""

    def __init__(self, *, now: Callable[[], datetime], new_uid: Callable[[], str], history_limit: int = 4096) -> None:
        self._now = now
        self._new_uid = new_uid
        self._history_limit = history_limit
        self._objects: dict[str, dict[str, dict[str, JsonObject]]] = {}
        self._history: dict[str, deque[Event]] = {}
        self._dropped: dict[str, int] = {}
        self._hooks: list[Hook] = []
        self._undelivered: deque[Event] = deque()
        self._delivering = False
        self.resource_version = FIRST_VERSION

    def now(self) -> datetime:
        """Return the current time."""
        return self._now()

    def timestamp(self) -> str:
        """Return the current time as the API writes it: RFC 3339, UTC, whole seconds."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def new_uid(self) -> str:
        """Return a uid that no object has had."""
        return self._new_uid()

    def get(self, key: Key) -> JsonObject:
        """Return the object. Raises NotFound."""
        stored = self.find(key)
        if stored is None:
            raise NotFound(key)
        return stored

    def find(self, key: Key) -> JsonObject | None:
        """Return the object, or None."""
        return self._objects.get(key.resource, {}).get(key.namespace, {}).get(key.name)

    def list(self, resource: str, namespace: str = "") -> list[JsonObject]:
        """Return the objects of one namespace, or of all for "" (also for cluster-scoped resources), by namespace and
        name.
        """
        return list(self._iterate(resource, namespace))

    def resources(self) -> tuple[str, ...]:
        """Return the names of all resources that have ever had an object."""
        return tuple(self._objects)

    def create(self, resource: str, obj: Mapping[str, Any]) -> JsonObject:
        """Store a new object with creationTimestamp, resourceVersion, and a new uid unless it has one. Raises
        AlreadyExists.
        """
        key = Key.of(resource, obj)
        if self.find(key) is not None:
            raise AlreadyExists(key)
        identity = {"uid": obj["metadata"].get("uid") or self._new_uid(), "creationTimestamp": self.timestamp()}
        return self._commit(EventType.ADDED, key, {**obj, "metadata": {**obj["metadata"], **identity}}, None)

    def update(self, resource: str, obj: Mapping[str, Any]) -> JsonObject:
        """Replace an object, keeping its uid and creationTimestamp.

        A metadata.resourceVersion must be the stored one. A write that changes nothing makes no commit. Raises
        NotFound, Conflict.
        """
        key = Key.of(resource, obj)
        stored = self.get(key)
        current = stored["metadata"]
        if obj["metadata"].get("resourceVersion", "") not in ("", current["resourceVersion"]):
            raise Conflict(key)
        kept = {name: current[name] for name in ("uid", "creationTimestamp", "resourceVersion")}
        replacement = {**obj, "metadata": {**obj["metadata"], **kept}}
        if replacement == stored:
            return stored
        return self._commit(EventType.MODIFIED, key, replacement, stored)

    def modify(self, key: Key, change: Callable[[JsonObject], JsonObject | None]) -> JsonObject:
        """Replace an object by ``change`` of a copy of it. ``change`` may edit the copy in place and return it.

        None, or an equal object, makes no commit. Raises NotFound.
        """
        stored = self.get(key)
        changed = change(clone(stored))
        return stored if changed is None else self.update(key.resource, changed)

    def remove(self, key: Key) -> JsonObject:
        """Remove the object and return its last state. Raises NotFound."""
        removed = self.get(key)
        siblings = self._objects[key.resource][key.namespace]
        del siblings[key.name]
        return self._commit(EventType.DELETED, key, removed, removed)

    def subscribe(self, hook: Hook) -> None:
        """Call ``hook`` after each commit, in commit order, including commits made by hooks."""
        self._hooks.append(hook)

    def events_since(self, resource: str, version: int) -> tuple[Event, ...]:
        """Return the commits to a resource after ``version``, oldest first. Raises Expired."""
        if version < self._dropped.get(resource, 0):
            raise Expired
        return tuple(event for event in self._history.get(resource, ()) if event.resource_version > version)

    def _iterate(self, resource: str, namespace: str) -> Iterator[JsonObject]:
        spaces = self._objects.get(resource, {})
        for space in [namespace] if namespace else sorted(spaces):
            by_name = spaces.get(space, {})
            for name in sorted(by_name):
                yield by_name[name]

    def _commit(self, event_type: EventType, key: Key, obj: JsonObject, previous: JsonObject | None) -> JsonObject:
        self.resource_version += 1
        stored = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.resource_version)}}
        if event_type is not EventType.DELETED:
            self._objects.setdefault(key.resource, {}).setdefault(key.namespace, {})[key.name] = stored
        event = Event(event_type, key, stored, previous, self.resource_version)
        self._remember(event)
        self._undelivered.append(event)
        self._deliver()
        return stored

    def _remember(self, event: Event) -> None:
        history = self._history.setdefault(event.key.resource, deque())
        history.append(event)
        if len(history) > self._history_limit:
            self._dropped[event.key.resource] = history.popleft().resource_version

    def _deliver(self) -> None:
        """Run the hooks. A commit made inside a hook waits until all hooks have seen the one before."""
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._undelivered:
                event = self._undelivered.popleft()
                for hook in self._hooks:
                    hook(event)
        finally:
            self._delivering = False


def clone(value: _Json) -> _Json:
    """Return a deep copy of a JSON value."""
    if isinstance(value, dict):
        return {name: clone(item) for name, item in value.items()}  # type: ignore[return-value]
    if isinstance(value, list):
        return [clone(item) for item in value]  # type: ignore[return-value]
    return value
