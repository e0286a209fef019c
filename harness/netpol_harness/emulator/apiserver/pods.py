"""The subresources of pods that reach into a running container: exec, attach, portforward and log."""

import asyncio
from collections.abc import Mapping

from aiohttp import web
from multidict import MultiMapping

from netpol_harness.emulator.apiserver import portforward
from netpol_harness.emulator.apiserver.errors import bad_request, media_type_refused
from netpol_harness.emulator.apiserver.request import RequestTarget, flag, number
from netpol_harness.emulator.apiserver.runtime import ExecStreams, Runtime
from netpol_harness.emulator.apiserver.websocket import PROTOCOLS, StreamRequest, serve
from netpol_harness.emulator.store import Key, Store
from netpol_harness.model.json_object import JsonObject

_FOLLOW_INTERVAL = 0.2
_OTHER_CONTAINERS = ("initContainers", "ephemeralContainers")
_TEXT = {"Content-Type": "text/plain"}


class PodStreams:
    """These for one store and runtime. Problems are StatusErrors, raised before any stream begins."""

    def __init__(self, store: Store, runtime: Runtime) -> None:
        self._store = store
        self._runtime = runtime

    async def answer(self, target: RequestTarget, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to a request for one of them."""
        answers = {"exec": self.exec, "attach": self.attach, "portforward": self.forward, "log": self.log}
        return await answers[target.subresource](target, request)

    async def exec(self, target: RequestTarget, request: web.BaseRequest) -> web.StreamResponse:
        """Run a command in a container and stream its input and output."""
        pod = self._pod(target)
        argv = request.query.getall("command", [])
        if not argv:
            raise bad_request("you must specify at least 1 command for the container")
        container = container_of(pod, request.query.get("container", ""))
        _refuse_unless_running(pod, container)
        return await serve(request, _wanted(request), lambda s: self._runtime.exec(pod, container, tuple(argv), s))

    async def attach(self, target: RequestTarget, request: web.BaseRequest) -> web.StreamResponse:
        """Connect the client with what a container runs; the exit code is told by the pod's status alone."""
        pod = self._pod(target)
        container = container_of(pod, request.query.get("container", ""))

        async def talk(streams: ExecStreams) -> int:
            await self._runtime.attach(pod, container, streams)
            return 0

        return await serve(request, _wanted(request), talk)

    async def forward(self, target: RequestTarget, request: web.BaseRequest) -> web.StreamResponse:
        """Forward the client's connections to ports of the pod."""
        pod = self._pod(target)
        if (phase := pod.get("status", {}).get("phase")) != "Running":
            raise bad_request(f"unable to forward port because pod is not running. Current status={phase}")
        return await portforward.serve(request, lambda port: self._runtime.dial(pod, port))

    async def log(self, target: RequestTarget, request: web.BaseRequest) -> web.StreamResponse:
        """A container's output so far, or as it comes."""
        query: MultiMapping[str] = request.query
        pod = self._pod(target)
        container = container_of(pod, query.get("container", ""))
        if flag(query, "previous") and not _has_restarted(pod, container):
            words = f'previous terminated container "{container}" in pod "{target.name}" not found'
            raise bad_request(words)
        written = await self._runtime.logs(pod, container)
        if not flag(query, "follow"):
            return web.Response(body=excerpt(written, query), headers=_TEXT)
        return await self._follow(request, Key("pods", target.namespace, target.name), container, written)

    def _pod(self, target: RequestTarget) -> JsonObject:
        pod = self._store.get(Key("pods", target.namespace, target.name))
        if not pod["spec"].get("nodeName"):
            raise bad_request(f"pod {target.name} does not have a host assigned")
        return pod

    async def _follow(self, request: web.BaseRequest, key: Key, container: str, written: bytes) -> web.StreamResponse:
        """Stream what is written from now on too, until the pod is gone or done or the client leaves."""
        response = web.StreamResponse(headers=_TEXT)
        await response.prepare(request)
        await response.write(excerpt(written, request.query))
        uid = self._store.get(key)["metadata"]["uid"]
        lives = True
        while lives:
            await asyncio.sleep(_FOLLOW_INTERVAL)
            pod = self._store.find(key)
            if pod is None or pod["metadata"]["uid"] != uid:
                break
            lives = not _has_ended(pod)  # asked first: what it says at last is written then
            latest = await self._runtime.logs(pod, container)
            if len(latest) > len(written):
                await response.write(latest[len(written) :])
            written = latest
        return response


def _has_restarted(pod: JsonObject, container: str) -> bool:
    """Whether there is a run before this one. One log holds them all."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return any(one["name"] == container and one.get("restartCount") for one in statuses)


def _refuse_unless_running(pod: JsonObject, container: str) -> None:
    """Raise what the real kubelet says of a container that waits or has ended, as far as its status tells.

    It says so with code 500, which here is for faults of ours alone.
    """
    status = pod.get("status") or {}
    groups = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    states = [one["state"] for group in groups for one in status.get(group) or () if one["name"] == container]
    if any("running" not in state for state in states):
        raise bad_request(f'unable to upgrade connection: container not found ("{container}")')


def _wanted(request: web.BaseRequest) -> StreamRequest:
    """What the query asks for. Raises StatusError where the connection is not to become a WebSocket."""
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise media_type_refused(PROTOCOLS)
    return StreamRequest(stdin=flag(request.query, "stdin"), tty=flag(request.query, "tty"))


def _has_ended(pod: JsonObject) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def container_of(pod: JsonObject, wanted: str) -> str:
    """The container that a request means; raises StatusError 400."""
    names = [part["name"] for part in pod["spec"]["containers"]]
    others = [part["name"] for group in _OTHER_CONTAINERS for part in pod["spec"].get(group, ())]
    name = pod["metadata"]["name"]
    if not wanted and len(names) > 1:
        raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]")
    if wanted and wanted not in (*names, *others):
        raise bad_request(f"container {wanted} is not valid for pod {name}")
    return wanted or names[0]


def excerpt(written: bytes, query: Mapping[str, str]) -> bytes:
    """The part of a log that `tailLines` and `limitBytes` ask for."""
    if query.get("tailLines"):
        lines = written.splitlines(keepends=True)
        written = b"".join(lines[max(len(lines) - number(query, "tailLines"), 0) :])
    return written[: number(query, "limitBytes")] if query.get("limitBytes") else written
