"""A front before an API server: it refuses what a user may not do, and may change what is created, as a webhook does.

Every connection carries one request, so that each is seen; what follows an upgrade is passed on as it is.
"""

import json
import re
import socket
import socketserver
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import yaml

from netpol_harness.model.json_object import JsonMapping

Change = Callable[[JsonMapping], JsonMapping]
Rights = Callable[[str, str], bool]
"""Whether a method of HTTP is allowed on a path."""

_DISCOVERY = re.compile(r"/version|/api|/api/v1|/apis|/apis/[^/]+(/[^/]+)?|/apis/authorization.k8s.io/v1/self\w+")


def everything(_method: str, _path: str) -> bool:
    """Allow everything."""
    return True


def rights_in(namespace: str, *, logs: bool = False) -> Rights:
    """Return the rights that the documentation names: pods, pods/exec and NetworkPolicies of one namespace.

    The documentation's verbs are create, get, list and delete, and create for exec. ``logs``: and those of pods.
    """
    own = f"/api/v1/namespaces/{namespace}/pods|/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"
    collection, objects = re.compile(own), re.compile(f"({own})(/[^/]+)?")
    inside = re.compile(f"/api/v1/namespaces/{namespace}/pods/[^/]+/({'exec|log' if logs else 'exec'})")

    def allowed(method: str, path: str) -> bool:
        if _DISCOVERY.fullmatch(path) or inside.fullmatch(path):
            return True
        pattern = collection if method == "POST" else objects
        return method in ("GET", "POST", "DELETE") and pattern.fullmatch(path) is not None

    return allowed


def is_restricted(pod: JsonMapping) -> bool:
    """Return whether a pod meets the pod security standard "restricted", as far as it is about containers."""
    spec = pod["spec"]
    containers = [*spec["containers"], *spec.get("initContainers", ())]
    contexts = [container.get("securityContext") or {} for container in containers]
    return not spec.get("hostNetwork") and all(
        each.get("allowPrivilegeEscalation") is False
        and each.get("capabilities", {}).get("drop") == ["ALL"]
        and each.get("runAsNonRoot") is True
        and each.get("runAsUser") != 0
        and each.get("seccompProfile", {}).get("type") in ("RuntimeDefault", "Localhost")
        for each in contexts
    )


@dataclass
class Front:
    """The front, and what it has refused: methods and paths."""

    host: str
    port: int
    rights: Rights
    change: Change
    refused: list[str] = field(default_factory=list)

    def answer(self, client: socket.socket) -> None:
        """Answer one request."""
        head, body = _request(client)
        if not head:
            return
        method, target, _ = head.split("\r\n", 1)[0].split(" ", 2)
        path = urlsplit(target).path
        if reason := self._refusal(method, path, body):
            self.refused.append(f"{method} {path}")
            client.sendall(_forbidden(reason))
            return
        if method == "POST" and body and path.startswith(("/api/", "/apis/")):
            body = json.dumps(self.change(json.loads(body))).encode()
        with socket.create_connection((self.host, self.port)) as server:
            server.sendall(_forwarded(head, body))
            _join(client, server)

    def _refusal(self, method: str, path: str, body: bytes) -> str:
        if not self.rights(method, path):
            return f"cannot {method.lower()} {path}"
        if method == "POST" and path.endswith("/pods") and not is_restricted(json.loads(body)):
            return 'violates PodSecurity "restricted:latest"'
        return ""


@contextmanager
def fronted(
    kubeconfig: Path, folder: Path, *, rights: Rights = everything, change: Change = lambda data: data
) -> Iterator[tuple[Path, Front]]:
    """Run a front before the server of a kubeconfig; yield a kubeconfig of the front, and the front."""
    data = yaml.safe_load(kubeconfig.read_text())
    address = urlsplit(data["clusters"][0]["cluster"]["server"])
    front = Front(address.hostname or "", address.port or 0, rights, change)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            front.answer(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        data["clusters"][0]["cluster"]["server"] = f"http://127.0.0.1:{server.server_address[1]}"
        own = folder / "front.kubeconfig"
        own.write_text(yaml.safe_dump(data))
        try:
            yield own, front
        finally:
            server.shutdown()


def _request(client: socket.socket) -> tuple[str, bytes]:
    """Return the head of a request, and its body; nothing if the client ends before."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (part := client.recv(65536)):
            return "", b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    while len(body) < int(length[1] if length else 0):
        body += client.recv(65536)
    return head.decode("latin-1"), body


def _forwarded(head: str, body: bytes) -> bytes:
    """Return a request that is the last of its connection, unless it is upgraded."""
    is_upgrade = re.search(r"^upgrade:", head, re.IGNORECASE | re.MULTILINE)
    left_out = r"content-length" if is_upgrade else r"content-length|connection"
    lines = [line for line in head.split("\r\n") if not re.match(rf"({left_out}):", line, re.IGNORECASE)]
    lines += [] if is_upgrade else ["Connection: close"]
    lines += [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _forbidden(reason: str) -> bytes:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403}
    body = json.dumps({**status, "metadata": {}, "message": f'forbidden: User "narrow" {reason}'}).encode()
    head = f"HTTP/1.1 403 {HTTPStatus.FORBIDDEN.phrase}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _join(client: socket.socket, server: socket.socket) -> None:
    """Pass on what either end sends until both have ended."""
    back = Thread(target=_pass_on, args=(client, server), daemon=True)
    back.start()
    _pass_on(server, client)
    back.join(1)


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return
