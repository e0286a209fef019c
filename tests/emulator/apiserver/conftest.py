"""A running API server with a runtime that has no network: pods run at once, exec runs on this host."""

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.emulator.apiserver.bootstrap import bootstrap
from netpol_harness.emulator.apiserver.catalog import Catalog
from netpol_harness.emulator.apiserver.custom import cluster_network_policy
from netpol_harness.emulator.apiserver.kubeconfig import kubeconfig
from netpol_harness.emulator.apiserver.lifecycle import Lifecycle
from netpol_harness.emulator.apiserver.runtime import ContainerExecFailed, ExecStreams
from netpol_harness.emulator.apiserver.server import ApiServer
from netpol_harness.emulator.store import Event, EventType, Key, Store

TOKEN = "secret-of-the-tests"


class FakeRuntime:
    """Pods run on node `node` as soon as they are stored; Deployments are available at once."""

    def __init__(self, store: Store) -> None:
        self.settled_calls = 0
        self.log = b"first\nsecond\n"
        self._store = store
        self._pods = 0
        store.subscribe(self._follow)

    async def settled(self) -> None:
        self.settled_calls += 1

    async def exec(self, pod: Mapping[str, Any], container: str, argv: Sequence[str], streams: ExecStreams) -> int:
        try:
            process = await asyncio.create_subprocess_exec(*argv, stdin=-1, stdout=-1, stderr=-1)
        except FileNotFoundError as missing:
            raise ContainerExecFailed(f"exec: {argv[0]}: no such file") from missing
        assert process.stdin
        assert process.stdout
        assert process.stderr
        try:
            if streams.stdin is not None:
                async for chunk in streams.stdin:
                    process.stdin.write(chunk)
            process.stdin.close()
            out, err = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if out:
            await streams.stdout(out)
        if err:
            await streams.stderr(err)
        return await process.wait()

    async def attach(self, pod: Mapping[str, Any], container: str, streams: ExecStreams) -> None:
        await streams.stdout(b"attached\n")

    async def dial(self, pod: Mapping[str, Any], port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        raise ContainerExecFailed("nothing listens here")

    async def logs(self, pod: Mapping[str, Any], container: str) -> bytes:
        return self.log

    def delete_pod(self, key: Key, grace_seconds: int) -> None:
        asyncio.get_running_loop().call_soon(self._store.remove, key)

    def _follow(self, event: Event) -> None:
        if event.key.resource == "pods" and event.type is EventType.ADDED:
            self._pods += 1
            self._store.modify(event.key, lambda pod: _running(pod, f"10.244.0.{self._pods}"))
        if event.key.resource == "deployments" and event.type is not EventType.DELETED:
            self._store.modify(event.key, _available)


def _running(pod: dict[str, Any], address: str) -> dict[str, Any]:
    pod["spec"]["nodeName"] = "node"
    ready = [
        {"name": part["name"], "ready": True, "restartCount": 0, "state": {"running": {}}, "image": "", "imageID": ""}
        for part in pod["spec"]["containers"]
    ]
    conditions = [{"type": kind, "status": "True"} for kind in ("Initialized", "Ready", "ContainersReady")]
    pod["status"] = {"phase": "Running", "podIP": address, "containerStatuses": ready, "conditions": conditions}
    return pod


def _available(deployment: dict[str, Any]) -> dict[str, Any]:
    replicas = deployment["spec"]["replicas"]
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
    deployment["status"] = {
        **counts,
        "observedGeneration": deployment["metadata"]["generation"],
        "conditions": [{"type": "Available", "status": "True"}],
    }
    return deployment


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response with a JSON body."""

    code: int
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: its URL, its store and its runtime."""

    port: int
    token: str
    store: Store
    runtime: FakeRuntime

    def ask(self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request over plain HTTP, with a body in JSON."""
        data = None if body is None else json.dumps(body).encode()
        return self.send(method, path, data, headers={"Content-Type": "application/json", **(headers or {})})

    def send(self, method: str, path: str, data: bytes | None, *, headers: Mapping[str, str]) -> Answer:
        """Send one request over plain HTTP, with these bytes."""
        given = {"Authorization": f"Bearer {self.token}", **headers}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data, method=method, headers=given)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return Answer(answer.status, _parsed(answer.read()), dict(answer.headers))
        except urllib.error.HTTPError as refusal:
            with refusal:
                return Answer(refusal.code, _parsed(refusal.read()), dict(refusal.headers))


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode()


@pytest.fixture
def served() -> Iterator[Served]:
    """Run a new server on a free port of 127.0.0.1, in a separate thread."""
    store = Store(now=lambda: datetime.now(UTC), new_uid=lambda: str(uuid.uuid4()))
    runtime = FakeRuntime(store)
    catalog = Catalog(store, [cluster_network_policy.definition()])
    server = ApiServer(store, runtime, Lifecycle(store, runtime, catalog), catalog, token=TOKEN)
    bootstrap(store)
    listener = socket.create_server(("127.0.0.1", 0))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.serve(listener), loop).result()
    yield Served(listener.getsockname()[1], TOKEN, store, runtime)
    asyncio.run_coroutine_threadsafe(server.close(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Return the real kubectl, connected to the served API."""

    program: str
    kubeconfig: Path
    cache: Path

    def command(self, *words: str) -> list[str]:
        """Return the argument list."""
        return [self.program, f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.cache}", *words]

    def __call__(self, *words: str, stdin: str = "", fails: bool = False) -> str:
        """Run it and return its output. It must succeed, or fail if `fails`."""
        run = subprocess.run(self.command(*words), input=stdin, capture_output=True, text=True, timeout=30, check=False)
        assert (run.returncode != 0) is fails, run.stdout + run.stderr
        return run.stdout + run.stderr


@pytest.fixture
def kubectl(served: Served, tmp_path: Path) -> Kubectl:
    """kubectl with a kubeconfig for the server, from PATH or from the interpreter's own folder."""
    program = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not installed")
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(kubeconfig(served.port, served.token)))
    return Kubectl(program, file, tmp_path / "cache")
