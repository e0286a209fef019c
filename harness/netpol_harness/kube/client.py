"""API objects as plain dicts, by apiVersion and kind.

A POST is never repeated blindly; what is retried, ``kube.retry`` says. The official client's typed models cost a
second of import and are not used.
Specification: kubernetes.io/docs/reference/using-api/api-concepts and .../server-side-apply.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlencode

from netpol_harness.errors import ApiError
from netpol_harness.kube.config import Access
from netpol_harness.kube.discovery import Discovery
from netpol_harness.kube.retry import conflict_retrying
from netpol_harness.kube.transport import APPLY_PATCH, Transport
from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.model.names import ObjectKey

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
PAGE = 500


@contextmanager
def request(verb: str, what: object) -> Iterator[None]:
    """Make every ``ApiError`` in the context name the request: the verb and what it is about."""
    try:
        yield
    except ApiError as error:
        raise error.about(str(what), verb) from None


def _without_namespace(data: JsonMapping) -> JsonObject:
    """Return an object of a cluster-scoped kind as the API takes it; only the API knows the scope of every kind."""
    return {**data, "metadata": {key: value for key, value in data["metadata"].items() if key != "namespace"}}


class Client:
    """Reads and writes the objects of one API server. Safe to share between threads.

    In seconds: ``timeout`` bounds one request; ``patience`` is how long a server that throttles is asked again.
    """

    def __init__(self, access: Access, *, timeout: float = 30.0, patience: float = 60.0) -> None:
        self.access = access
        self._transport = Transport(access, timeout=timeout, patience=patience)
        self._discovery = Discovery(lambda path: self._transport.request_json("GET", path))

    def get(self, key: ObjectKey) -> JsonObject:
        """Return the object. Raises ``ApiError`` with code 404 if it does not exist."""
        with request("get", key):
            return self._transport.request_json("GET", self._discovery.object_path(key))

    def find(self, key: ObjectKey) -> JsonObject | None:
        """Return the object, or ``None`` if it does not exist."""
        try:
            return self.get(key)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(
        self, api_version: str, kind: str, *, namespace: str = "", labels: str = "", fields: str = ""
    ) -> list[JsonObject]:
        """Return all objects of a kind that match a label and a field selector, in one namespace or (empty) in all.

        Each carries its apiVersion and kind, which the API leaves out of lists.
        """
        selectors = {"labelSelector": labels, "fieldSelector": fields}
        with request("list", f"{kind} in {namespace or 'all namespaces'}"):
            path = self._discovery.collection_path(api_version, kind, namespace)
            return [{"apiVersion": api_version, "kind": kind, **item} for item in self._pages(path, selectors)]

    def create(self, data: JsonMapping) -> JsonObject:
        """Create the object. Raises ``ApiError`` with code 409 if it exists already."""
        return self._create(data)

    def create_dry_run(self, data: JsonMapping) -> None:
        """Have the server admit the object without storing it. Raises ``ApiError`` as ``create`` does."""
        self._create(data, "?dryRun=All")

    def replace(self, data: JsonMapping) -> JsonObject:
        """Replace the object; a resourceVersion in it is a precondition (409 if it is out of date).

        Without one, the object's current version is used, and the update is repeated if another client's write comes
        between: custom resources cannot be replaced without a version.
        """
        key = ObjectKey.of(data)
        with request("update", key):
            if data["metadata"].get("resourceVersion"):
                return self._transport.request_json("PUT", self._discovery.object_path(key), body=data)
            return conflict_retrying()(self._replace_current, key, data)

    def merge_patch(self, key: ObjectKey, patch: JsonMapping) -> JsonObject:
        """Change the fields in ``patch`` (RFC 7386); ``None`` removes one."""
        with request("patch", key):
            path = self._discovery.object_path(key)
            return self._transport.request_json("PATCH", path, body=patch, content_type=MERGE_PATCH)

    def patch_subresource(self, key: ObjectKey, subresource: str, patch: JsonMapping) -> JsonObject:
        """Change a subresource by a strategic merge patch: lists merge by the keys of their items."""
        with request(f"patch {subresource} of", key):
            path = f"{self._discovery.object_path(key)}/{subresource}"
            return self._transport.request_json("PATCH", path, body=patch, content_type=STRATEGIC_PATCH)

    def apply(self, data: JsonMapping, *, manager: str, force: bool = True) -> JsonObject:
        """Create the object by server-side apply, or update the fields that ``manager`` owns to those in ``data``.

        Applying twice is the same as applying once. Without ``force``, a field of another manager is a 409.
        """
        query = urlencode({"fieldManager": manager, "force": str(force).lower()})
        with request("apply", key := ObjectKey.of(data)):
            path = f"{self._discovery.object_path(key)}?{query}"
            return self._transport.request_json("PATCH", path, body=json.dumps(data).encode(), content_type=APPLY_PATCH)

    def delete(self, key: ObjectKey, *, grace_seconds: int | None = None, owned_first: bool = False) -> bool:
        """Delete the object and what it owns, in the background. An object that does not exist is success.

        Returns whether it is known that the object is gone: the API answers with a Status then, and with the object if
        that still ends. With ``owned_first`` the object exists until all that it owns is gone.
        """
        policy = "Foreground" if owned_first else "Background"
        options: JsonObject = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        try:
            with request("delete", key):
                answer = self._transport.request_json("DELETE", self._discovery.object_path(key), body=options)
        except ApiError as error:
            if error.code != 404:
                raise
            return True
        return answer.get("kind") == "Status" and answer.get("status") == "Success"

    def log(self, key: ObjectKey, *, container: str, previous: bool = False, lines: int | None = None) -> bytes:
        """Return the log of a container of the pod, all of it or its last ``lines``.

        ``previous``: that of the container before its last restart.
        """
        query = {"container": container}
        if previous:
            query["previous"] = "true"
        if lines is not None:
            query["tailLines"] = str(lines)
        with request("get the log of", key):
            return self._transport.request("GET", f"{self._discovery.object_path(key)}/log?{urlencode(query)}")[1]

    def version(self) -> str:
        """Return the server's version, such as ``v1.37.0``. It is the cheapest check that the server responds."""
        return str(self._transport.request_json("GET", "/version")["gitVersion"])

    def serves(self, api_version: str, kind: str) -> bool:
        """Return whether the server has this kind."""
        return self._discovery.serves(api_version, kind)

    def kinds(self, groups: Collection[str]) -> tuple[tuple[str, str], ...]:
        """Return the apiVersions and kinds that the server has in these API groups, each in its preferred version."""
        with request("discover", "the API groups"):
            return self._discovery.kinds(groups)

    def _create(self, data: JsonMapping, query: str = "") -> JsonObject:
        with request("create", key := ObjectKey.of(data)):
            resource = self._discovery.resource(key.api_version, key.kind)
            path = self._discovery.collection_path(key.api_version, key.kind, key.namespace or "default")
            body = data if resource.namespaced else _without_namespace(data)
            return self._transport.request_json("POST", f"{path}{query}", body=body)

    def _replace_current(self, key: ObjectKey, data: JsonMapping) -> JsonObject:
        current = self._transport.request_json("GET", self._discovery.object_path(key))
        version = current["metadata"].get("resourceVersion")
        metadata = {**data["metadata"], **({"resourceVersion": version} if version else {})}
        return self._transport.request_json(
            "PUT", self._discovery.object_path(key), body={**data, "metadata": metadata}
        )

    def _pages(self, path: str, selectors: Mapping[str, str]) -> Iterator[JsonObject]:
        query = {name: value for name, value in selectors.items() if value} | {"limit": str(PAGE)}
        while True:
            page = self._transport.request_json("GET", f"{path}?{urlencode(query)}")
            yield from page.get("items") or ()
            continuation = (page.get("metadata") or {}).get("continue")
            if not continuation:
                return
            query["continue"] = continuation
