import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from kubernetes.client.configuration import Configuration

from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, bytes, dict[str, str]], Answer]


@pytest.fixture
def serve() -> Iterator[Callable[[Handler], Access]]:
    """Start an HTTP server that answers by a function of (method, path, body, headers); gives the access to it."""
    servers: list[ThreadingHTTPServer] = []

    def start(handler: Handler) -> Access:
        class Requests(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536  # one packet an answer: two would wait for a delayed acknowledgement

            def respond(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                code, headers, data = handler(self.command, self.path, body, dict(self.headers))
                self.send_response(code)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond  # http.server's own names

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        configuration = Configuration(host=f"http://127.0.0.1:{server.server_port}")
        configuration.api_key["BearerToken"] = "Bearer secret"
        return Access(configuration)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def client_of(serve: Callable[[Handler], Access]) -> Callable[[Handler], Client]:
    """A client of a server that answers by the given function, after discovery of a few kinds."""

    def make(handler: Handler) -> Client:
        def with_discovery(method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
            return (200, {}, DISCOVERY[path]) if path in DISCOVERY else handler(method, path, body, headers)

        return Client(serve(with_discovery), timeout=5.0, patience=0.0)

    return make


DISCOVERY = {
    "/api/v1": b"""{"kind": "APIResourceList", "resources": [
        {"name": "pods", "kind": "Pod", "namespaced": true},
        {"name": "pods/exec", "kind": "PodExecOptions", "namespaced": true},
        {"name": "services", "kind": "Service", "namespaced": true},
        {"name": "events", "kind": "Event", "namespaced": true},
        {"name": "namespaces", "kind": "Namespace", "namespaced": false}]}""",
    "/apis/apps/v1": b"""{"kind": "APIResourceList", "resources": [
        {"name": "deployments", "kind": "Deployment", "namespaced": true},
        {"name": "replicasets", "kind": "ReplicaSet", "namespaced": true},
        {"name": "statefulsets", "kind": "StatefulSet", "namespaced": true},
        {"name": "daemonsets", "kind": "DaemonSet", "namespaced": true}]}""",
    "/apis/batch/v1": b"""{"kind": "APIResourceList", "resources": [
        {"name": "jobs", "kind": "Job", "namespaced": true}]}""",
    "/apis/discovery.k8s.io/v1": b"""{"kind": "APIResourceList", "resources": [
        {"name": "endpointslices", "kind": "EndpointSlice", "namespaced": true}]}""",
}
