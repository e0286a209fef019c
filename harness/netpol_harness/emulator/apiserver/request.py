"""A request, parsed once: the target of its path and the options of its query."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from netpol_harness.emulator.apiserver.catalog import Catalog
from netpol_harness.emulator.apiserver.errors import ErrorSubject, bad_request, invalid, no_such_path, unprocessable
from netpol_harness.emulator.apiserver.resources import ServedResource
from netpol_harness.emulator.apiserver.selectors import Predicate, parse_selectors

PATCH_OPTIONS = ErrorSubject("meta.k8s.io", "PatchOptions", "")
_MANAGER_LIMIT = 128


class FieldValidation(StrEnum):
    """How to treat fields that the schema does not know."""

    IGNORE = "Ignore"
    WARN = "Warn"
    STRICT = "Strict"


@dataclass(frozen=True, slots=True)
class RequestTarget:
    """The target of a path: a collection (``name`` is ""), an object, or an object's subresource."""

    resource: ServedResource
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @classmethod
    def parse(cls, catalog: Catalog, path: str) -> "RequestTarget":
        """Read ``/api/v1/...`` or ``/apis/GROUP/VERSION/...``. Raises StatusError 404 for anything that is
        not served.
        """
        match path.strip("/").split("/"):
            case ["api", version, *rest]:
                return cls._within(catalog, "", version, rest)
            case ["apis", group, version, *rest]:
                return cls._within(catalog, group, version, rest)
            case _:
                raise no_such_path()

    @classmethod
    def _within(cls, catalog: Catalog, group: str, version: str, rest: list[str]) -> "RequestTarget":
        namespace = ""
        if len(rest) >= 3 and rest[0] == "namespaces" and catalog.at(group, version, rest[2]):
            namespace, rest = rest[1], rest[2:]
        if not 1 <= len(rest) <= 3 or not all(rest):
            raise no_such_path()
        plural, name, subresource = (*rest, "", "")[:3]
        resource = catalog.at(group, version, plural)
        if resource is None or (subresource and subresource not in resource.subresources):
            raise no_such_path()
        if bool(namespace) > resource.namespaced or (name and bool(namespace) < resource.namespaced):
            raise no_such_path()
        return cls(resource, namespace, name, subresource)


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """The query: how to select, validate, delete and watch. ``timeout`` is in seconds; None for no limit."""

    matches: Predicate
    dry_run: bool = False
    field_validation: FieldValidation = FieldValidation.WARN
    watch: bool = False
    resource_version: str = ""
    initial_events: bool = False
    bookmarks: bool = False
    timeout: float | None = None
    include_object: str = "Metadata"
    manager: str = ""
    agent: str = ""
    force: bool | None = None
    deletion: Mapping[str, Any] = field(default_factory=dict)
    """A `metav1.DeleteOptions`."""

    @property
    def author(self) -> str:
        """The owner of the fields that are written: the manager given, else the client's program."""
        return self.manager or self.agent

    def restricted_to(self, shows: Predicate) -> "RequestOptions":
        """Return the options with a selection of only those objects that the client may see."""
        matches = self.matches
        return replace(self, matches=lambda obj: shows(obj) and matches(obj))

    @classmethod
    def parse(cls, target: RequestTarget, query: Mapping[str, str], user_agent: str = "") -> "RequestOptions":
        """Read a query string; raises StatusError 400, and 422 for an unfit field manager."""
        if query.get("dryRun", "All") != "All":
            raise bad_request(f'dryRun: Unsupported value: "{query["dryRun"]}": supported values: "All"')
        return cls(
            matches=_selection(target, query),
            dry_run="dryRun" in query,
            field_validation=_field_validation(query),
            watch=flag(query, "watch"),
            resource_version=query.get("resourceVersion", ""),
            initial_events=flag(query, "sendInitialEvents"),
            bookmarks=flag(query, "allowWatchBookmarks"),
            timeout=float(number(query, "timeoutSeconds")) if query.get("timeoutSeconds") else None,
            include_object=query.get("includeObject", "Metadata"),
            manager=_manager(query),
            agent=user_agent.partition("/")[0][:_MANAGER_LIMIT] or "unknown",
            force=flag(query, "force") if "force" in query else None,
            deletion=_deletion(query),
        )


def flag(query: Mapping[str, str], name: str) -> bool:
    """Return a boolean in any client's notation."""
    return query.get(name, "").lower() in ("true", "1")


def number(query: Mapping[str, str], name: str, default: int = 0) -> int:
    """Return a whole number, or the default if it is absent. Raises StatusError 400."""
    text = query.get(name) or str(default)
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'{name}: Invalid value: "{text}": must be an integer') from None


def _deletion(query: Mapping[str, str]) -> dict[str, Any]:
    """Return the deletion options of the query, in the form of a body."""
    grace = {"gracePeriodSeconds": number(query, "gracePeriodSeconds")} if query.get("gracePeriodSeconds") else {}
    policy = {"propagationPolicy": query["propagationPolicy"]} if query.get("propagationPolicy") else {}
    orphan = {"orphanDependents": flag(query, "orphanDependents")} if "orphanDependents" in query else {}
    return {**grace, **policy, **orphan}


def _manager(query: Mapping[str, str]) -> str:
    name = query.get("fieldManager", "")
    if len(name) > _MANAGER_LIMIT or not name.isprintable():
        words = f"may not be more than {_MANAGER_LIMIT} bytes and should only contain printable characters"
        raise unprocessable(PATCH_OPTIONS, [invalid("fieldManager", name, words)])
    return name


def _selection(target: RequestTarget, query: Mapping[str, str]) -> Predicate:
    fields = query.get("fieldSelector", "")
    if target.name:
        fields = ",".join(filter(None, (fields, f"metadata.name={target.name}")))
    return parse_selectors(target.resource, query.get("labelSelector", ""), fields)


def _field_validation(query: Mapping[str, str]) -> FieldValidation:
    value = query.get("fieldValidation") or FieldValidation.WARN
    try:
        return FieldValidation(value)
    except ValueError:
        raise bad_request(f'fieldValidation: Unsupported value: "{value}"') from None
