"""The kinds that one cluster serves: the built-in ones, and those of its CustomResourceDefinitions.

Some kinds are those of definitions that come with the cluster and are not stored (``provided``). A stored definition of
the same name replaces such a kind for as long as it exists.

Invariant: the catalog follows the store within the commit, so a kind is served as soon as its definition is stored. A
name that is in use stays with the kind that had it first.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from netpol_harness.emulator.apiserver.built_in_kinds import RESOURCES, REVIEWS
from netpol_harness.emulator.apiserver.custom.definition import served_versions
from netpol_harness.emulator.apiserver.errors import ErrorSubject
from netpol_harness.emulator.apiserver.resources import ServedResource
from netpol_harness.emulator.store import Event, EventType, Key, Store
from netpol_harness.model.json_object import JsonObject

DEFINITIONS = "customresourcedefinitions"
K = TypeVar("K", bound=Hashable)


class Catalog:
    """The served kinds. ``edition`` grows with every change."""

    def __init__(self, store: Store, provided: Sequence[JsonObject] = ()) -> None:
        self.edition = 0
        self._store = store
        self._provided = {definition["metadata"]["name"]: served_versions(definition) for definition in provided}
        self._custom: dict[str, tuple[ServedResource, ...]] = {}
        self._index()
        for definition in store.list(DEFINITIONS):
            self._put(definition)
        store.subscribe(self._on_event)

    @property
    def rows(self) -> Iterable[ServedResource]:
        """Every stored kind, once for each version."""
        return self._by_path.values()

    @property
    def stored(self) -> Iterable[ServedResource]:
        """Every stored kind once, in the version that is stored."""
        return self._by_storage.values()

    def at(self, group: str, version: str, plural: str) -> ServedResource | None:
        """Return the kind at a path; None if there is none."""
        return self._by_path.get((group, version, plural))

    def of_kind(self, group: str, kind: str) -> ServedResource | None:
        """Return the kind of this name, in the version that is stored; None if it is not served."""
        return self._by_kind.get((group, kind))

    def named(self, storage: str) -> ServedResource:
        """Return the kind with this name in the store. Raises KeyError."""
        return self._by_storage[storage]

    def subject(self, key: Key) -> ErrorSubject:
        """Return the subject of errors about an object that is missing or in the way."""
        row = self._by_storage.get(key.resource)
        return ErrorSubject("", key.resource, key.name) if row is None else row.plural_subject(key.name)

    def versions(self) -> dict[str, list[str]]:
        """Return the versions of each group, the preferred one first. Reviews count as served."""
        groups: dict[str, set[str]] = {}
        for row in (*self.rows, *REVIEWS):
            groups.setdefault(row.group, set()).add(row.version)
        return {group: sorted(versions, key=_priority) for group, versions in groups.items()}

    def within(self, group: str, version: str) -> list[ServedResource]:
        """Return the kinds of one version of a group, with its reviews."""
        return [row for row in (*self.rows, *REVIEWS) if (row.group, row.version) == (group, version)]

    def conflict(self, definition: JsonObject) -> str:
        """Return the first name of the definition that another kind of its group has; empty if it has all its names."""
        spec, storage = definition["spec"], definition["metadata"]["name"]
        others = [row for row in self.stored if row.group == spec["group"] and row.storage != storage]
        for other in others:
            taken = {other.plural, other.singular, other.kind, other.list_kind, *other.short_names}
            names = spec["names"]
            mine = (names["plural"], names["singular"], names["kind"], names["listKind"], *names.get("shortNames", ()))
            if clash := next((name for name in mine if name in taken), ""):
                return clash
        return ""

    def _on_event(self, event: Event) -> None:
        if event.key.resource != DEFINITIONS:
            return
        if event.type is EventType.DELETED:
            self._custom.pop(event.key.name, None)
            self._index()
            for definition in self._store.list(DEFINITIONS):  # one may have waited for a name
                self._put(definition)
        elif event.previous is None or event.previous["spec"] != event.object["spec"]:
            self._put(event.object)

    def _put(self, definition: JsonObject) -> None:
        served = () if self.conflict(definition) else served_versions(definition)
        self._custom[definition["metadata"]["name"]] = served
        self._index()

    def _index(self) -> None:
        self.edition += 1
        custom = {**self._provided, **self._custom}
        rows = [*RESOURCES, *(row for rows in custom.values() for row in rows)]
        self._by_path = _first_by(rows, lambda row: (row.group, row.version, row.plural))
        self._by_storage = _first_by(rows, lambda row: row.storage)
        self._by_kind = _first_by(rows, lambda row: (row.group, row.kind))


def _first_by(rows: Iterable[ServedResource], key: Callable[[ServedResource], K]) -> dict[K, ServedResource]:
    """Return the rows by a key; the first one of those that share it."""
    found: dict[K, ServedResource] = {}
    for row in rows:
        found.setdefault(key(row), row)
    return found


def _priority(version: str) -> tuple[int, int, int, str]:
    """Return the sort key of a version: stable before beta before alpha, and the newest first."""
    word = version.removeprefix("v")
    for rank, mark in enumerate(("", "beta", "alpha")):
        major, found, minor = word.partition(mark) if mark else (word, "", "0")
        if major.isdecimal() and (not mark or found) and (minor or "0").isdecimal():
            return rank, -int(major), -int(minor or 0), version
    return 3, 0, 0, version
