"""Programs and a server that stand for what is not here: kind, an engine, the API of a cluster that comes up."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

_PROGRAM = """#!{python} -SE
import json, os, sys
from pathlib import Path
here, name, words = Path(__file__).parent, Path(__file__).name, sys.argv[1:]
with open(here / "calls", "a") as calls:
    calls.write(json.dumps([name, *words]) + "\\n")
(here / f"{{name}}.provider").write_text(os.environ.get("KIND_EXPERIMENTAL_PROVIDER", ""))
for start, answer in json.loads((here / f"{{name}}.json").read_text()):
    if words[: len(start)] == start:
        for flag, text in answer.get("writes", {{}}).items():
            Path(words[words.index(flag) + 1]).write_text(text)
        if answer.get("echo"):
            sys.stdout.write(sys.stdin.read())
        sys.stdout.write(answer.get("out", ""))
        sys.stderr.write(answer.get("err", ""))
        sys.exit(answer.get("code", 0))
sys.exit(f"{{name}}: no answer to {{words}}")
"""


class Programs:
    """Programs on PATH that give recorded answers, the last added first, and note how they were called."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._answers: dict[str, list[tuple[list[str], dict[str, Any]]]] = {}

    def says(self, command: str, out: str = "", **answer: Any) -> None:
        """To a command line that begins like this, the program answers ``out`` (and err, code, writes, echo)."""
        name, *start = command.split()
        answers = self._answers.setdefault(name, [])
        answers.insert(0, (start, {"out": out, **answer}))
        (self.directory / f"{name}.json").write_text(json.dumps(answers))
        program = self.directory / name
        if not program.exists():
            program.write_text(_PROGRAM.format(python=sys.executable))
            program.chmod(0o755)

    @property
    def calls(self) -> list[list[str]]:
        """The command lines so far."""
        file = self.directory / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def called(self, command: str) -> list[list[str]]:
        """The command lines that begin like this."""
        words = command.split()
        return [call for call in self.calls if call[: len(words)] == words]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """PATH holds nothing but these."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KIND_EXPERIMENTAL_PROVIDER", raising=False)
    return Programs(directory)


DOCKER_INFO = {
    "ServerVersion": "28.2.2",
    "CgroupVersion": "2",
    "MemTotal": 16 * 2**30,
    "KernelVersion": "another host's, so that this one's limits do not count",
}


@pytest.fixture
def docker(programs: Programs) -> Programs:
    """docker that answers, with every image there; and kind v0.33.0."""
    programs.says("docker info", json.dumps(DOCKER_INFO))
    programs.says("docker image inspect", "sha256:abc\n")
    programs.says("docker ps", "")
    programs.says("docker rm", "")
    programs.says("kind version", "kind v0.33.0 go1.25.1 linux/amd64\n")
    programs.says("kind delete cluster", err="Deleting cluster ...\n")
    programs.says("kind export logs", "")
    programs.says("kind load image-archive", "")
    return programs


_READY = {
    "desiredNumberScheduled": 3,
    "numberReady": 3,
    "updatedNumberScheduled": 3,
    "readyReplicas": 1,
    "updatedReplicas": 1,
    "observedGeneration": 1,
}
_ESTABLISHED = {"conditions": [{"type": "Established", "status": "True"}]}
_KINDS = {
    "Node": ("nodes", False, "v1"),
    "ConfigMap": ("configmaps", True, "v1"),
    "ServiceAccount": ("serviceaccounts", True, "v1"),
    "Pod": ("pods", True, "v1"),
    "Service": ("services", True, "v1"),
    "Event": ("events", True, "v1"),
    "DaemonSet": ("daemonsets", True, "apps/v1"),
    "Deployment": ("deployments", True, "apps/v1"),
    "CustomResourceDefinition": ("customresourcedefinitions", False, "apiextensions.k8s.io/v1"),
}
_PLURALS = {plural for plural, *_ in _KINDS.values()}


def _not_refused(method: str, path: str) -> tuple[int, str] | None:
    return None


@dataclass
class Api:
    """A young API server: objects by path. What is applied is there, and ready once it has been looked at twice.

    Kinds of CRDs are served once these are established. ``refuses`` may answer a request with a code and a message.
    """

    url: str = ""
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    refuses: Callable[[str, str], tuple[int, str] | None] = _not_refused
    logs: dict[str, str] = field(default_factory=dict)
    progresses: bool = True
    looks: dict[str, int] = field(default_factory=dict)

    def nodes(self, count: int) -> None:
        """So many Ready nodes, and what every kind cluster has."""
        for number in range(count):
            status = {"conditions": [{"type": "Ready", "status": "True"}]}
            self.add("/api/v1/nodes", {"metadata": {"name": f"node-{number}"}, "status": status})
        self.add("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
        for kind, name in (("Deployment", "coredns"), ("DaemonSet", "kindnet")):
            metadata = {"name": name, "namespace": "kube-system", "generation": 1}
            data = {"kind": kind, "metadata": metadata, "spec": {"replicas": 1}, "status": _READY}
            self.add(f"/apis/apps/v1/namespaces/kube-system/{_KINDS[kind][0]}", data)

    def add(self, collection: str, data: dict[str, Any]) -> None:
        self.objects[f"{collection}/{data['metadata']['name']}"] = data

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        self.requests.append(f"{method} {path}")
        if refused := self.refuses(method, path):
            return refused[0], {"kind": "Status", "reason": "Refused", "message": refused[1]}
        if method == "PATCH":
            self.objects[path] = json.loads(body)
            return 200, self.objects[path]
        if path in self.logs:
            return 200, self.logs[path]
        if kinds := self._kinds(path):
            return 200, {"kind": "APIResourceList", "resources": kinds}
        if path in self.objects:
            return 200, self._shown(path)
        if path.rpartition("/")[2] in _PLURALS:
            items = [data for name, data in self.objects.items() if name.rpartition("/")[0] == path]
            return 200, {"items": items}
        return 404, {"kind": "Status", "reason": "NotFound", "message": f"{path} not found"}

    def _shown(self, path: str) -> dict[str, Any]:
        data = self.objects[path]
        self.looks[path] = self.looks.get(path, 0) + 1
        if "status" in data or not self.progresses or self.looks[path] < 2:
            return data
        status = _ESTABLISHED if data.get("kind") == "CustomResourceDefinition" else _READY
        return {**data, "status": status}

    def _kinds(self, path: str) -> list[dict[str, Any]]:
        group = path.removeprefix("/apis/").removeprefix("/api/")
        kinds = [
            {"name": plural, "kind": kind, "namespaced": namespaced}
            for kind, (plural, namespaced, where) in _KINDS.items()
            if where == group
        ]
        for at, data in self.objects.items():
            if data.get("kind") == "CustomResourceDefinition" and self.looks.get(at, 0) >= 2:
                spec = data["spec"]
                if group == f"{spec['group']}/v1":
                    kinds.append({**spec["names"], "name": spec["names"]["plural"], "namespaced": False})
        return kinds


@pytest.fixture
def api() -> Iterator[Api]:
    """The server; ``api.url`` is where it is."""
    state = Api()

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # one packet an answer

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            code, data = state.answer(self.command, urlsplit(self.path).path, body)
            raw = data.encode() if isinstance(data, str) else json.dumps(data).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond  # http.server's own names

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def kubeconfig_of() -> Callable[[str, str], str]:
    """A kubeconfig for a server, with a context."""

    def text(url: str, context: str) -> str:
        return json.dumps(
            {
                "clusters": [{"name": context, "cluster": {"server": url}}],
                "users": [{"name": context, "user": {"token": "secret"}}],
                "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
                "current-context": context,
            }
        )

    return text
