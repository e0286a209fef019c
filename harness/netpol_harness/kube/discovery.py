"""Discovery: how each kind of object is reached in an API server's URLs.

Specification: kubernetes.io/docs/reference/using-api/api-concepts/#standard-api-terminology.
"""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass

from netpol_harness.errors import ApiError
from netpol_harness.kube.segment import segment
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import ObjectKey


@dataclass(frozen=True, slots=True)
class Resource:
    """How a kind is reached: its plural in URLs, and whether its objects live in namespaces."""

    plural: str
    namespaced: bool


class Discovery:
    """The kinds of one API server, fetched per apiVersion when first needed and then cached. Thread-safe.

    ``fetch`` returns the JSON object at a path.
    """

    def __init__(self, fetch: Callable[[str], JsonMapping]) -> None:
        self._fetch = fetch
        self._resources: dict[str, dict[str, Resource]] = {}
        self._lock = threading.Lock()

    def resource(self, api_version: str, kind: str) -> Resource:
        """Return how a kind is reached. Raises ``ApiError`` 404 if the server does not have the kind.

        A kind that is not in the cache is looked up again, since its CRD may have been installed meanwhile.
        """
        with self._lock:
            if kind not in self._resources.get(api_version, {}):
                self._resources[api_version] = _resources(self._fetch(_group_path(api_version)))
            resource = self._resources[api_version].get(kind)
        if resource is None:
            raise ApiError(
                404, "NotFound", f"this cluster has no kind {kind} in {api_version}; are its CRDs installed?"
            )
        return resource

    def serves(self, api_version: str, kind: str) -> bool:
        """Return whether the server has this kind."""
        try:
            self.resource(api_version, kind)
        except ApiError as error:
            if error.code == 404:
                return False
            raise
        return True

    def kinds(self, groups: Collection[str]) -> tuple[tuple[str, str], ...]:
        """Return the apiVersions and kinds that the server has in these API groups, each in its preferred version."""
        listed = self._fetch("/apis").get("groups") or ()
        versions = [str(g["preferredVersion"]["groupVersion"]) for g in listed if g.get("name") in groups]
        found: list[tuple[str, str]] = []
        for version in sorted(versions):
            resources = _resources(self._fetch(_group_path(version)))
            with self._lock:
                self._resources[version] = resources
            found += [(version, kind) for kind in sorted(resources)]
        return tuple(found)

    def object_path(self, key: ObjectKey) -> str:
        """Return the URL path of an object. An empty namespace means ``default`` for namespaced kinds."""
        return f"{self.collection_path(key.api_version, key.kind, key.namespace or 'default')}/{segment(key.name)}"

    def collection_path(self, api_version: str, kind: str, namespace: str) -> str:
        """Return the URL path of all objects of a kind, in one namespace or (empty) in all.

        ``namespace`` is ignored for kinds that do not live in namespaces.
        """
        resource = self.resource(api_version, kind)
        inside = f"/namespaces/{segment(namespace)}" if namespace and resource.namespaced else ""
        return f"{_group_path(api_version)}{inside}/{resource.plural}"


def _group_path(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _resources(resource_list: JsonMapping) -> dict[str, Resource]:
    """Return kind -> Resource from an APIResourceList, without subresources (``pods/exec``)."""
    return {
        entry["kind"]: Resource(entry["name"], bool(entry["namespaced"]))
        for entry in resource_list.get("resources") or ()
        if "/" not in entry["name"]
    }
