"""API objects as plain dicts, by apiVersion and kind: the only HTTP in the harness.

Invariants: what is retried was not done (a connection that was refused, a 429), or is harmless to do twice (a GET, an
apply); a POST is never repeated blindly. A server that asks for patience (429, Retry-After) gets a minute of it. Every
answer that is not success is an ``ApiError``; a server that does not answer is ``ClusterFailed``. Underneath is the
official client's REST layer, which keeps no state of a call, so that one ``Client`` serves all threads; its typed
models cost a second of import and are not used.
Specification: kubernetes.io/docs/reference/using-api/api-concepts and .../server-side-apply.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import RESTClientObject
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential
from urllib3.exceptions import HTTPError, NewConnectionError

from netpol_harness.errors import ApiError, ClusterFailed
from netpol_harness.kube.config import Access
from netpol_harness.kube.log import Operation, hide
from netpol_harness.kube.segment import segment
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import ObjectKey

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
USER_AGENT = "netpol-harness"
PAGE = 500
ATTEMPTS = 4
_OVERTAKEN = 8  # times that somebody else's write of an object may come between
SERVER_ERRORS = frozenset({500, 502, 503, 504})
MOST_SECONDS_TO_WAIT = 10.0


@dataclass(frozen=True, slots=True)
class Resource:
    """How a kind is reached: its plural in URLs, and whether it lives in namespaces."""

    plural: str
    namespaced: bool


class Client:
    """Talks to one API server. Safe to share between threads.

    In seconds: ``timeout`` bounds one request; ``patience`` is how long a server that throttles us is asked again.
    """

    def __init__(self, access: Access, *, timeout: float = 30.0, patience: float = 60.0) -> None:
        self.access = access
        self._patience = patience
        hide(urlsplit(access.server).path)
        self._rest = RESTClientObject(_without_retries(access))
        self._timeout = timeout
        self._resources: dict[str, dict[str, Resource]] = {}
        self._discovering = threading.Lock()

    def get(self, key: ObjectKey) -> JsonObject:
        """The object. Raises ``ApiError`` with code 404 where there is none."""
        return self._request("GET", self._object_path(key))

    def find(self, key: ObjectKey) -> JsonObject | None:
        """The object, or ``None`` where there is none."""
        try:
            return self.get(key)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(
        self, api_version: str, kind: str, *, namespace: str = "", labels: str = "", fields: str = ""
    ) -> list[JsonObject]:
        """All objects of a kind, in one namespace or (empty) in all, that a label and a field selector admit.

        Each carries its apiVersion and kind, which the API leaves out of lists.
        """
        path = self._collection_path(api_version, kind, namespace)
        selectors = {"labelSelector": labels, "fieldSelector": fields}
        return [{"apiVersion": api_version, "kind": kind, **item} for item in self._pages(path, selectors)]

    def create(self, data: Mapping[str, Any]) -> JsonObject:
        """Create the object. Raises ``ApiError`` with code 409 where it exists already."""
        key = ObjectKey.of(data)
        path = self._collection_path(key.api_version, key.kind, self._namespace(key))
        return self._request("POST", path, body=data)

    def replace(self, data: Mapping[str, Any]) -> JsonObject:
        """Replace the object; a resourceVersion in it is a precondition (409 where it is out of date).

        Where it has none, that of the object as it is now is taken: custom resources are not replaced without.
        """
        key = ObjectKey.of(data)
        if data["metadata"].get("resourceVersion"):
            return self._request("PUT", self._object_path(key), body=data)
        retrying = Retrying(
            retry=retry_if_exception(_is_conflict),
            wait=wait_random_exponential(multiplier=0.05, max=1.0),
            stop=stop_after_attempt(_OVERTAKEN),
            reraise=True,
        )
        return retrying(self._replace_present, key, data)

    def merge_patch(self, key: ObjectKey, patch: Mapping[str, Any]) -> JsonObject:
        """Change the fields in ``patch`` (RFC 7386); ``None`` removes one."""
        return self._request("PATCH", self._object_path(key), body=patch, content_type=MERGE_PATCH)

    def patch_subresource(self, key: ObjectKey, subresource: str, patch: Mapping[str, Any]) -> JsonObject:
        """Change what a subresource is about by a strategic merge patch: lists merge by the keys of their items."""
        path = f"{self._object_path(key)}/{subresource}"
        return self._request("PATCH", path, body=patch, content_type=STRATEGIC_PATCH)

    def apply(self, data: Mapping[str, Any], *, manager: str, force: bool = True) -> JsonObject:
        """Server-side apply: make the object, or change in it what ``data`` says and what ``manager`` said before.

        Applying twice is applying once. Without ``force``, a field that belongs to another manager is a 409.
        """
        query = urlencode({"fieldManager": manager, "force": str(force).lower()})
        path = f"{self._object_path(ObjectKey.of(data))}?{query}"
        return self._request("PATCH", path, body=json.dumps(data).encode(), content_type=APPLY_PATCH)

    def delete(self, key: ObjectKey, *, grace_seconds: int | None = None) -> None:
        """Delete the object and what it owns, in the background; one that is gone already is success."""
        options: JsonObject = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        try:
            self._request("DELETE", self._object_path(key), body=options)
        except ApiError as error:
            if error.code != 404:
                raise

    def log(self, key: ObjectKey, *, container: str, previous: bool = False, lines: int | None = None) -> bytes:
        """What a container of the pod has written so far, or its previous life; the last ``lines`` of it, if given."""
        query = {"container": container}
        if previous:
            query["previous"] = "true"
        if lines is not None:
            query["tailLines"] = str(lines)
        return self._answered("GET", f"{self._object_path(key)}/log?{urlencode(query)}")[1]

    def version(self) -> str:
        """The server's version, such as ``v1.37.0``. Also the cheapest sign of life."""
        return str(self._request("GET", "/version")["gitVersion"])

    def serves(self, api_version: str, kind: str) -> bool:
        """Whether the server has this kind."""
        try:
            self.resource(api_version, kind)
        except ApiError as error:
            if error.code == 404:
                return False
            raise
        return True

    def resource(self, api_version: str, kind: str) -> Resource:
        """How a kind is reached, by discovery, cached. Raises ``ApiError`` 404 where the server lacks the kind."""
        with self._discovering:
            if kind not in self._resources.get(api_version, {}):
                self._resources[api_version] = _resources(self._request("GET", _group_path(api_version)))
            found = self._resources[api_version].get(kind)
        if found is None:
            raise ApiError(
                404, "NotFound", f"this cluster has no kind {kind} in {api_version}; are its CRDs installed?"
            )
        return found

    def _replace_present(self, key: ObjectKey, data: Mapping[str, Any]) -> JsonObject:
        version = self.get(key)["metadata"].get("resourceVersion")
        metadata = {**data["metadata"], **({"resourceVersion": version} if version else {})}
        return self._request("PUT", self._object_path(key), body={**data, "metadata": metadata})

    def _pages(self, path: str, selectors: Mapping[str, str]) -> Iterator[JsonObject]:
        query = {name: value for name, value in selectors.items() if value} | {"limit": str(PAGE)}
        while True:
            page = self._request("GET", f"{path}?{urlencode(query)}")
            yield from page.get("items") or ()
            following = (page.get("metadata") or {}).get("continue")
            if not following:
                return
            query["continue"] = following

    def _namespace(self, key: ObjectKey) -> str:
        return (key.namespace or "default") if self.resource(key.api_version, key.kind).namespaced else ""

    def _object_path(self, key: ObjectKey) -> str:
        collection = self._collection_path(key.api_version, key.kind, self._namespace(key))
        return f"{collection}/{segment(key.name)}"

    def _collection_path(self, api_version: str, kind: str, namespace: str) -> str:
        resource = self.resource(api_version, kind)
        inside = f"/namespaces/{segment(namespace)}" if namespace and resource.namespaced else ""
        return f"{_group_path(api_version)}{inside}/{resource.plural}"

    def _request(self, method: str, path: str, *, body: Any = None, content_type: str = JSON) -> JsonObject:
        return _decoded(*self._answered(method, path, body=body, content_type=content_type))

    def _answered(self, method: str, path: str, *, body: Any = None, content_type: str = JSON) -> tuple[int, bytes]:
        """The code and body of an answer that is success."""
        repeatable = method == "GET" or content_type == APPLY_PATCH
        operation = Operation(f"request {method}", path.partition("?")[0])
        retrying = Retrying(
            retry=retry_if_exception(_may_pass if repeatable else _was_not_done),
            wait=_wait,
            stop=self._is_enough,
            before_sleep=lambda state: operation.log_retry(_failure(state), state.upcoming_sleep),
            reraise=True,
        )
        try:
            answer = retrying(self._once, method, path, body, content_type)
        except _Refused as refused:
            operation.log_end(refused.error.code)
            raise refused.error from None
        except (HTTPError, ApiException, OSError) as error:
            operation.log_end(_reason(error))
            raise ClusterFailed(
                f"cannot reach the API server at {self.access.address} ({_reason(error)}); is the cluster running?"
            ) from error
        operation.log_end(answer[0])
        return answer

    def _is_enough(self, state: RetryCallState) -> bool:
        """Whether to give up: by attempts, but not before our patience ends with a server that throttles us."""
        error = state.outcome.exception() if state.outcome else None
        throttled = isinstance(error, _Refused) and error.error.code == 429
        patient = throttled and (state.seconds_since_start or 0.0) < self._patience
        return state.attempt_number >= ATTEMPTS and not patient

    def _once(self, method: str, path: str, body: Any, content_type: str) -> tuple[int, bytes]:
        headers = {
            **self.access.headers(),
            "Accept": f"{JSON}, */*",
            "Content-Type": content_type,
            "User-Agent": USER_AGENT,
        }
        response = self._rest.request(  # type: ignore[no-untyped-call]  # the official client's REST layer is untyped
            method, self.access.server + path, headers=headers, body=body, _request_timeout=self._timeout
        )
        raw = response.read()
        if not 200 <= response.status <= 299:
            error = _api_error(response.status, raw, self.access.identity)
            raise _Refused(error, response.headers.get("Retry-After"))
        return response.status, raw


class _Refused(Exception):
    """An answer that is not success, with what the server says about coming back."""

    def __init__(self, error: ApiError, retry_after: str | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after = seconds_to_wait(retry_after)

    @property
    def asks_to_come_back(self) -> bool:
        """Whether nothing was done, and the server wants to be asked again later."""
        return self.error.code == 429 or self.retry_after is not None


def seconds_to_wait(retry_after: str | None) -> float | None:
    """What a Retry-After header asks for, within reason; ``None`` where it is absent or a date (RFC 9110, 10.2.3)."""
    return min(float(retry_after), MOST_SECONDS_TO_WAIT) if retry_after and retry_after.isdigit() else None


def _is_conflict(error: BaseException) -> bool:
    """Whether somebody else has written the object meanwhile."""
    return isinstance(error, ApiError) and error.code == 409


def _was_not_done(error: BaseException) -> bool:
    """Whether the request had no effect, so that it may be made again whatever it is."""
    return isinstance(error, NewConnectionError) or (isinstance(error, _Refused) and error.asks_to_come_back)


def _may_pass(error: BaseException) -> bool:
    """Whether a request that is harmless to do twice is worth making again."""
    if isinstance(error, _Refused):
        return error.asks_to_come_back or error.error.code in SERVER_ERRORS
    return isinstance(error, HTTPError | OSError)


_backoff = wait_random_exponential(multiplier=0.1, max=2.0)


def _wait(state: RetryCallState) -> float:
    """Seconds until the next attempt: what the server asks for, and a growing random pause that parts a crowd."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, _Refused) else None
    return (asked or 0.0) + _backoff(state)


def _failure(state: RetryCallState) -> str:
    """Why an attempt failed, for the log: a refusal's code and reason without its message, which may quote a body."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, _Refused):
        return f"{error.error.code} {error.error.reason}"
    return _reason(error) if error else ""


def _without_retries(access: Access) -> Any:
    """The configuration with one layer's retries switched off: ours are the only ones, so that they can be counted."""
    access.configuration.retries = False
    access.configuration.connection_pool_maxsize = 32
    return access.configuration


def _group_path(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _resources(discovered: Mapping[str, Any]) -> dict[str, Resource]:
    """Kind -> Resource from an APIResourceList; subresources (``pods/exec``) are not kinds of their own."""
    return {
        entry["kind"]: Resource(entry["name"], bool(entry["namespaced"]))
        for entry in discovered.get("resources") or ()
        if "/" not in entry["name"]
    }


def _decoded(status: int, raw: bytes) -> JsonObject:
    try:
        data = json.loads(raw)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise ClusterFailed(
            f"the API server's answer ({status}) is no JSON object: {raw[:99]!r}; is it a proxy's page?"
        )
    return data


def _api_error(code: int, raw: bytes, identity: str) -> ApiError:
    """The Status in the body, or whatever a proxy on the way had to say; and who was not let in."""
    try:
        status = json.loads(raw)
        reason, message = str(status.get("reason") or "Unknown"), str(status.get("message") or status)
    except (ValueError, AttributeError):
        reason, message = "Unknown", raw[:300].decode("utf-8", "replace").strip() or "no message"
    return ApiError(code, reason, f"{message}: {identity}" if code == 401 and identity else message)


def _reason(error: BaseException) -> str:
    """The innermost cause in a few words: urllib3 wraps it two or three deep."""
    inner = getattr(error, "reason", None) or error
    return str(inner).rsplit(": ", 1)[-1].strip() or type(inner).__name__
