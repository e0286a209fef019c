"""The log of requests: which part of the API clients use, and how they were answered."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from netpol_harness.emulator.apiserver.catalog import Catalog
from netpol_harness.emulator.apiserver.lifecycle import Lifecycle
from netpol_harness.emulator.apiserver.request_log import RequestLog, describe
from netpol_harness.emulator.apiserver.server import ApiServer
from netpol_harness.emulator.apiserver.websocket import Channel
from netpol_harness.errors import ClusterFailed
from tests.emulator.apiserver.conftest import TOKEN, FakeRuntime, Served

PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "requests.jsonl"


@pytest.fixture
def recorded(served: Served, log: Path) -> Iterator[Served]:
    """A second face of the served store, which logs its requests."""
    catalog = Catalog(served.store)
    runtime = FakeRuntime(served.store)
    lifecycle = Lifecycle(served.store, runtime, catalog)
    server = ApiServer(served.store, runtime, lifecycle, catalog, token=TOKEN, request_log=RequestLog(log, catalog))
    listener = socket.create_server(("127.0.0.1", 0))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.serve(listener), loop).result()
    yield Served(listener.getsockname()[1], TOKEN, served.store, runtime)
    asyncio.run_coroutine_threadsafe(server.close(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_request_is_logged_with_its_answer_and_without_the_token(recorded: Served, log: Path) -> None:
    recorded.ask("GET", f"/{TOKEN}{PODS}?watch=0", headers={"Accept": "application/json", "User-Agent": "a/1 (b)"})
    (line,) = lines(log)
    assert line["verb"] == "list"
    assert line["resource"] == "pods"
    assert line["scope"] == "namespace"
    assert line["client"] == "a/1"
    assert line["accept"] == "application/json"
    assert line["answered"] == "application/json"
    assert line["code"] == 200
    assert TOKEN not in log.read_text()


def test_a_refusal_is_logged_with_its_message(recorded: Served, log: Path) -> None:
    recorded.ask("GET", f"{PODS}/x")
    recorded.ask("POST", f"{PODS}", {"kind": "Pod", "apiVersion": "v1"})
    missing, invalid = lines(log)
    assert (missing["verb"], missing["code"], missing["message"]) == ("get", 404, 'pods "x" not found')
    assert (invalid["verb"], invalid["code"]) == ("create", 422)


def test_a_watch_that_the_client_leaves_is_logged(recorded: Served, log: Path) -> None:
    with socket.create_connection(("127.0.0.1", recorded.port), timeout=10) as connection:
        connection.sendall(f"GET /{TOKEN}{PODS}?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    recorded.ask("GET", PODS)
    recorded.ask("GET", PODS)
    assert ("watch", 0) in {(line["verb"], line["code"]) for line in lines(log)}


def test_a_session_that_has_told_its_status_is_logged_as_an_upgrade(recorded: Served, log: Path) -> None:
    """Clients in Go drop the connection as soon as they have the status."""
    pod = {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    recorded.ask("POST", PODS, {"apiVersion": "v1", "kind": "Pod", **pod})
    url = f"http://127.0.0.1:{recorded.port}/{TOKEN}{PODS}/x/exec?command=true&stdout=1"

    async def run() -> None:
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(url, protocols=["v5.channel.k8s.io"], autoclose=False) as session,
        ):
            while (await session.receive()).data[0] != Channel.STATUS:
                pass
            session._response.close()

    asyncio.run(run())
    recorded.ask("GET", PODS)
    (line,) = (line for line in lines(log) if line["resource"] == "pods/exec")
    assert (line["code"], line["protocol"]) == (101, "websocket v5.channel.k8s.io")


@pytest.mark.parametrize(
    ("method", "path", "verb", "resource", "scope"),
    [
        ("GET", PODS, "list", "pods", "namespace"),
        ("GET", "/api/v1/pods", "list", "pods", "cluster"),
        ("GET", f"{PODS}/x", "get", "pods", "namespace"),
        ("POST", f"{PODS}/x/exec", "create", "pods/exec", "namespace"),
        ("PATCH", "/apis/apps/v1/namespaces/d/deployments/x", "patch", "deployments.apps", "namespace"),
        ("PUT", f"{PODS}/x/status", "update", "pods/status", "namespace"),
        ("DELETE", f"{PODS}/x", "delete", "pods", "namespace"),
        ("DELETE", PODS, "deletecollection", "pods", "namespace"),
        ("GET", "/version", "get", "/version", ""),
        ("POST", "/apis/none/v1/things", "post", "/apis/none/v1/things", ""),
    ],
)
def test_verbs_are_those_of_the_audit_log(
    served: Served, method: str, path: str, verb: str, resource: str, scope: str
) -> None:
    assert describe(Catalog(served.store), method, path, {}) == {"verb": verb, "resource": resource, "scope": scope}


def test_a_log_that_cannot_be_written_is_an_error_with_its_path(served: Served, tmp_path: Path) -> None:
    with pytest.raises(ClusterFailed, match=r"cannot write the log of requests .*/no/file: No such file"):
        RequestLog(tmp_path / "no" / "file", Catalog(served.store))
