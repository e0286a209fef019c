"""The wire protocol of pods/exec: opening its WebSocket, its channels, and its status frame.

By WebSocket (KEP-4006): binary frames whose first byte is a channel. v5 can close stdin, v4 cannot.
"""

import json
import re
import ssl
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from websocket import WebSocket, WebSocketBadStatusException, WebSocketException

from netpol_harness.deadline import Deadline
from netpol_harness.kube.config import Access
from netpol_harness.kube.loopback import LoopbackConfiguration, connected_socket
from netpol_harness.kube.permissions import permission_hint
from netpol_harness.kube.retry import seconds_to_wait
from netpol_harness.kube.segment import segment
from netpol_harness.model.names import NamespacedName

V5 = "v5.channel.k8s.io"
V4 = "v4.channel.k8s.io"
STDIN, STDOUT, STDERR, STATUS, CLOSE = 0, 1, 2, 3, 255
TRANSIENT_STATUS = frozenset({500, 502, 503, 504})
TRANSIENT_MESSAGES = ("unable to upgrade connection", "unable to upgrade streaming request", "error dialing backend")
NOT_UPGRADED = frozenset({200, 426})
PROXY = "something before the API server does not let WebSocket through: ask the API server directly"
TITLE = re.compile(r"<title>\s*(.*?)\s*</title>", re.IGNORECASE | re.DOTALL)


class TransientFailure(Exception):
    """A failure before any output that may be temporary."""


class Throttling(Exception):
    """The server refused because of its load; ``retry_after``: seconds to wait, if it names them."""

    def __init__(self, message: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PermanentFailure(Exception):
    """A failure that a retry does not fix."""


def exec_path(pod: NamespacedName, argv: Sequence[str], container: str, stdin: str) -> str:
    query = [*(("command", word) for word in argv), ("stdin", stdin), ("stdout", "true"), ("stderr", "true")]
    if container:
        query.append(("container", container))
    return f"/api/v1/namespaces/{segment(pod.namespace)}/pods/{segment(pod.name)}/exec?{urlencode(query)}"


def connect(access: Access, path: str, deadline: Deadline) -> WebSocket:
    """Open a WebSocket. Raises ``TransientFailure``, ``Throttling`` or ``PermanentFailure``."""
    url = "ws" + access.server.removeprefix("http") + path
    configuration, seconds = access.configuration, max(0.001, deadline.remaining)
    is_loopback = isinstance(configuration, LoopbackConfiguration)
    options = {} if is_loopback else _tls(configuration)
    socket = WebSocket(sslopt=options, enable_multithread=False, skip_utf8_validation=True)
    socket.settimeout(seconds)
    try:
        route = {"socket": connected_socket(url, seconds)} if is_loopback else _proxy(configuration)
        socket.connect(  # type: ignore[no-untyped-call]  # websocket-client is half typed
            url,
            header=[f"{name}: {value}" for name, value in access.headers().items()],
            subprotocols=[V5, V4],
            suppress_origin=True,
            redirect_limit=0,  # it would send our credentials along
            **route,
        )
    except WebSocketBadStatusException as error:
        raise _refusal(error, access.identity) from error
    except (WebSocketException, OSError, ValueError, IndexError) as error:  # the last two: of half a status line
        raise TransientFailure(f"cannot connect to {access.address}: {error or type(error).__name__}") from error
    return socket


def _refusal(error: WebSocketBadStatusException, identity: str) -> Exception:
    """Return the failure for an HTTP response instead of an upgrade, from its Status or a proxy's page."""
    if not error.status_code:
        return TransientFailure("the response is not HTTP")
    body = error.resp_body or b""
    try:
        message = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        page = body[:2000].decode("utf-8", "replace").strip()
        title = TITLE.search(page)
        message = (title[1] if title else page[:300]) or error.status_message or "no message"
    if error.status_code == 401 and identity:
        message = f"{message}: {identity}"
    hints = [permission_hint(message), PROXY if error.status_code in NOT_UPGRADED else ""]
    full_message = "; ".join(filter(None, [f"{message} (HTTP {error.status_code})", *hints]))
    if error.status_code == 429:
        return Throttling(full_message, seconds_to_wait((error.resp_headers or {}).get("retry-after")))
    transient = error.status_code in TRANSIENT_STATUS or any(phrase in message for phrase in TRANSIENT_MESSAGES)
    return (TransientFailure if transient else PermanentFailure)(full_message)


def _tls(configuration: Any) -> dict[str, Any]:
    """Return the kubeconfig's TLS settings as options of websocket-client."""
    verified = {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": configuration.ssl_ca_cert}
    unverified = {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    options = {
        **(verified if configuration.verify_ssl else unverified),
        "certfile": configuration.cert_file,
        "keyfile": configuration.key_file,
        "server_hostname": configuration.tls_server_name,
    }
    return {name: value for name, value in options.items() if value is not None}


def _proxy(configuration: Any) -> Mapping[str, Any]:
    """Return the kubeconfig's or the environment's proxy as options of websocket-client."""
    if not configuration.proxy:
        return {}
    proxy = urlsplit(configuration.proxy)
    login = (proxy.username, proxy.password or "") if proxy.username else None
    return {
        "http_proxy_host": proxy.hostname,
        "http_proxy_port": proxy.port or 3128,
        "http_proxy_auth": login,
        "proxy_type": proxy.scheme if proxy.scheme.startswith("socks") else "http",
        "http_no_proxy": [host.strip() for host in (configuration.no_proxy or "").split(",") if host.strip()] or None,
    }


def exit_code(raw: bytes) -> int:
    """Return the exit code in a v4 or v5 status frame (``metav1.Status``). Raises if the command failed to start."""
    try:
        status = json.loads(raw)
        if status["status"] == "Success":
            return 0
        causes = (status.get("details") or {}).get("causes") or ()
        codes = [cause.get("message", "") for cause in causes if cause.get("reason") == "ExitCode"]
        message = str(status.get("message") or status)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PermanentFailure(f"the status frame cannot be read: {raw[:200]!r}") from error
    if len(codes) == 1 and str(codes[0]).isdigit():
        return int(codes[0])
    raise (TransientFailure if any(phrase in message for phrase in TRANSIENT_MESSAGES) else PermanentFailure)(message)
