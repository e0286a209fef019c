"""HTTP requests to one API server, with credentials, retries and a record in the log: the only HTTP of the harness.

Every response that is not success is an ``ApiError``; a server that does not respond is ``ClusterFailed``. Underneath
is a pool of connections of urllib3, which the official client sets up, so that one ``Transport`` serves all threads.
"""

import json
from typing import Any
from urllib.parse import urlsplit

from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from netpol_harness.errors import ApiError, ClusterFailed
from netpol_harness.kube.config import Access
from netpol_harness.kube.log import Operation, hide
from netpol_harness.kube.loopback import LoopbackConfiguration
from netpol_harness.kube.permissions import permission_hint
from netpol_harness.kube.retry import RequestRefused, failure_reason, request_retrying
from netpol_harness.model.json_object import JsonMapping, JsonObject

JSON = "application/json"
APPLY_PATCH = "application/apply-patch+yaml"
USER_AGENT = "netpol-harness"
CONNECTIONS = 32


class Transport:
    """Sends requests to one API server. Safe to share between threads.

    In seconds: ``timeout`` bounds one request; ``patience`` is how long a server that throttles is asked again.
    """

    def __init__(self, access: Access, *, timeout: float, patience: float) -> None:
        hide(urlsplit(access.server).path)
        self._access = access
        self._timeout = timeout
        self._patience = patience
        self._pool = _connection_pool(access.configuration)

    def request_json(self, method: str, path: str, *, body: Any = None, content_type: str = JSON) -> JsonObject:
        """Return the JSON object of a successful response. Raises what ``request`` does."""
        return _decoded(*self.request(method, path, body=body, content_type=content_type))

    def request(self, method: str, path: str, *, body: Any = None, content_type: str = JSON) -> tuple[int, bytes]:
        """Return the code and body of a successful response. Raises ``ApiError`` or ``ClusterFailed``."""
        operation = Operation(f"request {method}", path.partition("?")[0])
        repeatable = method == "GET" or content_type == APPLY_PATCH
        retrying = request_retrying(operation, repeatable=repeatable, patience=self._patience)
        try:
            response = retrying(self._attempt, method, path, body, content_type)
        except RequestRefused as refusal:
            operation.log_end(refusal.error.code)
            raise refusal.error from None
        except (HTTPError, OSError) as error:
            reason = failure_reason(error)
            operation.log_end(reason)
            raise ClusterFailed(
                f"cannot reach the API server at {self._access.address} ({reason}); is the cluster running?"
            ) from error
        operation.log_end(response[0])
        return response

    def _attempt(self, method: str, path: str, body: Any, content_type: str) -> tuple[int, bytes]:
        headers = {
            **self._access.headers(),
            "Accept": f"{JSON}, */*",
            "Content-Type": content_type,
            "User-Agent": USER_AGENT,
        }
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        response = self._pool.request(
            method, self._access.server + path, headers=headers, body=data, timeout=Timeout(total=self._timeout)
        )
        raw = response.data
        if not 200 <= response.status <= 299:
            error = _api_error(response.status, raw, self._access.identity)
            raise RequestRefused(error, response.headers.get("Retry-After"))
        return response.status, raw


def _connection_pool(configuration: Any) -> PoolManager:
    """Return a pool without urllib3's retries: ours are the only ones, so that they can be counted."""
    if isinstance(configuration, LoopbackConfiguration):
        return PoolManager(maxsize=CONNECTIONS, retries=False)
    from kubernetes.client.rest import RESTClientObject

    configuration.retries = False
    configuration.connection_pool_maxsize = CONNECTIONS
    pool: PoolManager = RESTClientObject(configuration).pool_manager
    return pool


def _decoded(status: int, raw: bytes) -> JsonObject:
    try:
        data = json.loads(raw)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise ClusterFailed(
            f"the API server's response ({status}) is not a JSON object: {raw[:99]!r}; is it a proxy's page?"
        )
    return data


def _api_error(code: int, raw: bytes, identity: str) -> ApiError:
    """Return the Status in the body, or the message of a proxy on the way; for a 401, with the rejected user."""
    try:
        status: JsonMapping = json.loads(raw)
        reason, message = str(status.get("reason") or "Unknown"), str(status.get("message") or status)
    except (ValueError, AttributeError):
        reason, message = "Unknown", raw[:300].decode("utf-8", "replace").strip() or "no message"
    full_message = f"{message}: {identity}" if code == 401 and identity else message
    return ApiError(code, reason, full_message, permission_hint(message))
