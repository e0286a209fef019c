"""The subresources of pods that connect to a running container: exec, attach, portforward and log."""

import asyncio
from collections.abc import Mapping

from aiohttp import web
from multidict import MultiMapping

from netpol_harness.emulator.apiserver import portforward, spdy_command, websocket
from netpol_harness.emulator.apiserver.errors import bad_request, unsupported_media_type
from netpol_harness.emulator.apiserver.remote_command import Session, StreamRequest
from netpol_harness.emulator.apiserver.request import RequestTarget, flag, number
from netpol_harness.emulator.apiserver.runtime import ExecStreams, Runtime
from netpol_harness.emulator.store import Key, Store
from netpol_harness.model.json_object import JsonObject

_FOLLOW_INTERVAL = 0.2
_OTHER_CONTAINERS = ("initContainers", "ephemeralContainers")
_TEXT = {"Content-Type": "text/plain"}


class PodStreams:
    """Handles these subresources for one store and runtime. Problems are StatusErrors, raised before a
    stream starts.
    """

    def __init__(self, store: Store, runtime: Runtime) -> None:
        self._store = store
        self._runtime = runtime

    async def answer(self, target: RequestTarget, request: web.BaseRequest) -> web.StreamResponse:
        """Handle a request for one of them."""
        handlers = {"exec": self.exec, "attach": self.attach, "portforward": self.forward, "log": self.log}
        return await handlers[target.subresource](target, request)

    async def exec(self, target: RequestTarget, request: web.BaseRequest) -> web.StreamResponse:
        """Run a command in a container and stream its input and output."""
        pod = self._pod(target)
        argv = request.query.getall("command", [])
        if not argv:
            raise bad_request("you must specify at least 1 command for the container")
        container = find_container(pod, request.query.get("container", ""))
        _refuse_unless_running(pod, container)
        return await _serve(request, lambda s: self._runtime.exec(pod, container, tuple(argv), s))

    async def attach(self, target: RequestTarget, request: web.BaseRequest) -> web.StreamResponse:
        """Connect the client with a container's program. Only the pod's status reports its exit code."""
        pod = self._pod(target)
        container = find_container(pod, request.query.get("container", ""))

        async def talk(streams: ExecStreams) -> int:
            await self._runtime.attach(pod, container, streams)
            return 0

        return await _serve(request, talk)

    async def forward(self, target: RequestTarget, request: web.BaseRequest) -> web.StreamResponse:
        """Forward the client's connections to ports of the pod."""
        pod = self._pod(target)
        if (phase := pod.get("status", {}).get("phase")) != "Running":
            raise bad_request(f"unable to forward port because pod is not running. Current status={phase}")
        return await portforward.serve(request, lambda port: self._runtime.dial(pod, port))

    async def log(self, target: RequestTarget, request: web.BaseRequest) -> web.StreamResponse:
        """Return a container's output so far, or stream it."""
        query: MultiMapping[str] = request.query
        pod = self._pod(target)
        container = find_container(pod, query.get("container", ""))
        if flag(query, "previous") and not _has_restarted(pod, container):
            words = f'previous terminated container "{container}" in pod "{target.name}" not found'
            raise bad_request(words)
        written = await self._runtime.logs(pod, container)
        if not flag(query, "follow"):
            return web.Response(body=log_excerpt(written, query), headers=_TEXT)
        return await self._follow(request, Key("pods", target.namespace, target.name), container, written)

    def _pod(self, target: RequestTarget) -> JsonObject:
        pod = self._store.get(Key("pods", target.namespace, target.name))
        if not pod["spec"].get("nodeName"):
            raise bad_request(f"pod {target.name} does not have a host assigned")
        return pod

    async def _follow(self, request: web.BaseRequest, key: Key, container: str, written: bytes) -> web.StreamResponse:
        """Also stream new output, until the pod is gone or done or the client leaves."""
        response = web.StreamResponse(headers=_TEXT)
        await response.prepare(request)
        await response.write(log_excerpt(written, request.query))
        uid = self._store.get(key)["metadata"]["uid"]
        is_running = True
        while is_running:
            await asyncio.sleep(_FOLLOW_INTERVAL)
            pod = self._store.find(key)
            if pod is None or pod["metadata"]["uid"] != uid:
                break
            is_running = not _has_ended(pod)  # checked before the log is read, so that the last output is in it
            latest = await self._runtime.logs(pod, container)
            if len(latest) > len(written):
                await response.write(latest[len(written) :])
            written = latest
        return response


def _has_restarted(pod: JsonObject, container: str) -> bool:
    """Return whether the container has an earlier run. One log contains all runs."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return any(status["name"] == container and status.get("restartCount") for status in statuses)


def _refuse_unless_running(pod: JsonObject, container: str) -> None:
    """Raise the real kubelet's message about a container that waits or has ended, if its status says so.

    The real server answers with code 500, which this one uses for internal errors only.
    """
    status = pod.get("status") or {}
    groups = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    states = [entry["state"] for group in groups for entry in status.get(group) or () if entry["name"] == container]
    if any("running" not in state for state in states):
        raise bad_request(f'unable to upgrade connection: container not found ("{container}")')


async def _serve(request: web.BaseRequest, session: Session) -> web.StreamResponse:
    """Run a session in the wire form that the client asks for. Raises StatusError if it asks for none."""
    requested = StreamRequest(stdin=flag(request.query, "stdin"), tty=flag(request.query, "tty"))
    match request.headers.get("Upgrade", "").lower():
        case "websocket":
            return await websocket.serve(request, requested, session)
        case "spdy/3.1":
            return await spdy_command.serve(request, requested, session)
        case _:
            raise unsupported_media_type((*websocket.PROTOCOLS, spdy_command.SPDY))


def _has_ended(pod: JsonObject) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def find_container(pod: JsonObject, requested: str) -> str:
    """Return the container that a request refers to. Raises StatusError 400."""
    names = [part["name"] for part in pod["spec"]["containers"]]
    others = [part["name"] for group in _OTHER_CONTAINERS for part in pod["spec"].get(group, ())]
    name = pod["metadata"]["name"]
    if not requested and len(names) > 1:
        raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]")
    if requested and requested not in (*names, *others):
        raise bad_request(f"container {requested} is not valid for pod {name}")
    return requested or names[0]


def log_excerpt(written: bytes, query: Mapping[str, str]) -> bytes:
    """Return the part of a log that ``tailLines`` and ``limitBytes`` ask for."""
    if query.get("tailLines"):
        lines = written.splitlines(keepends=True)
        written = b"".join(lines[max(len(lines) - number(query, "tailLines"), 0) :])
    return written[: number(query, "limitBytes")] if query.get("limitBytes") else written
