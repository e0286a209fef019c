"""Many paths through an API server that throttles and loses connections: time is lost, and never a verdict."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.deadline import Deadline
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.kube.exec import PodExec
from netpol_harness.kube.wait import wait_ready
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.converge import converge
from netpol_harness.probe.plan.question import Probe, Question
from netpol_harness.probe.prober import Prober
from netpol_harness.results.evidence import Judgement, judge_evidence
from netpol_harness.timeouts import EMBEDDED

pytestmark = pytest.mark.live

PODS = 10
TOO_MANY = (
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Type: text/plain\r\nContent-Length: 43\r\n\r\n"
    b"Too many requests, please try again later.\n"
)
CUTS = (0, 100, 700)
"""Bytes of an answer after which a connection breaks: before the upgrade, in it, and amid the output."""


class Congested:
    """A way to an API server that lets few execs through at once, refuses the others, and breaks every tenth."""

    def __init__(self, upstream: int, at_once: int) -> None:
        self._upstream = upstream
        self._at_once = at_once
        self.port = 0
        self.inside = self.upgrades = self.throttled = self.broken = 0

    async def open(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=256)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            if b"upgrade: websocket" not in head.lower():
                await self._relay(head, reader, writer, None)
            elif self.inside >= self._at_once:
                self.throttled += 1
                writer.write(TOO_MANY)
            else:
                self.inside += 1
                try:
                    await self._relay(head, reader, writer, self._cut())
                finally:
                    self.inside -= 1

    def _cut(self) -> int | None:
        self.upgrades += 1
        if self.upgrades % 10:
            return None
        self.broken += 1
        return CUTS[self.broken % len(CUTS)]

    async def _relay(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: int | None
    ) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        up_writer.write(head)

        async def inward() -> None:
            while data := await reader.read(65536):
                up_writer.write(data)
            up_writer.close()

        async def outward() -> None:
            sent = 0
            while data := await up_reader.read(65536):
                if cut is not None and sent + len(data) > cut:
                    writer.write(data[: cut - sent])
                    writer.transport.abort()
                    return
                sent += len(data)
                writer.write(data)
            writer.close()

        with closing(up_writer):
            await asyncio.gather(inward(), outward(), return_exceptions=True)


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    backend = EmbeddedBackend()
    cluster = backend.create("congested", tmp_path)
    yield cluster.kubeconfig
    backend.delete(cluster.name, cluster.kubeconfig.parent)


@pytest.fixture
def congested(kubeconfig: Path) -> Iterator[Congested]:
    """The congested way to a cluster; ``congested`` beside its kubeconfig leads there."""
    port = urlsplit(Access.from_kubeconfig(kubeconfig).server).port
    assert port is not None
    proxy, ready = Congested(port, at_once=3), threading.Event()
    ends: list[Callable[[], object]] = []

    async def serve() -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        ends.append(lambda: loop.call_soon_threadsafe(ended.set))
        async with await proxy.open():
            ready.set()
            await ended.wait()

    # asyncio.run cancels what is still being relayed at the end, and waits for it
    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    way = kubeconfig.with_name("congested")
    way.write_text(kubeconfig.read_text().replace(f":{port}", f":{proxy.port}"))
    yield proxy
    ends[0]()
    thread.join()


def _populate(kubeconfig: Path) -> dict[int, str]:
    """Pods, of which policy guards those with an even number; their addresses by number."""
    client = Client(Access.from_kubeconfig(kubeconfig))
    for number in range(PODS):
        metadata = {"name": f"p{number}", "namespace": "default", "labels": {"guarded": str(number % 2 == 0)}}
        container = {"name": "c", "image": "x", "ports": [{"containerPort": 80}]}
        client.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}})
    spec = {"podSelector": {"matchLabels": {"guarded": "True"}}, "policyTypes": ["Ingress"]}
    metadata = {"name": "guard", "namespace": "default"}
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    client.create({**kind, "metadata": metadata, "spec": spec})
    wait_ready(client, ["default"], deadline=Deadline(20), interval=0.02)
    pods = client.list("v1", "Pod", namespace="default")
    return {int(pod["metadata"]["name"][1:]): pod["status"]["podIP"] for pod in pods}


def test_a_congested_api_server_costs_time_and_no_verdict(kubeconfig: Path, congested: Congested) -> None:
    addresses = _populate(kubeconfig)
    probes = {number: Probe(Scheme.TCP, address, 80) for number, address in addresses.items()}
    pods = {number: NamespacedName("default", f"p{number}") for number in addresses}
    questions = [
        Question(pods[a], probes[b], Expected.ALLOWED if b % 2 else Expected.BLOCKED, ((pods[b], probes[b]),))
        for a in pods
        for b in pods
        if a != b
    ]
    exec = PodExec(Access.from_kubeconfig(kubeconfig.with_name("congested")))
    evidence = converge(Prober(exec, timeout=EMBEDDED.probe, exec_timeout=EMBEDDED.exec), questions, EMBEDDED)
    assert {judge_evidence(found) for found in evidence.values()} == {Judgement.AGREES}
    assert congested.throttled > 0
    assert congested.broken > 1
