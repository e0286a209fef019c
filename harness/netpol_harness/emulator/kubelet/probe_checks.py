"""The actions of probes: from the node to the pod's address, so that policies see them, and by exec in the container.

A gRPC probe is a connection only, and HTTPS to a stand-in is HTTP: stand-ins speak neither gRPC nor TLS.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import Any

import aiohttp

from netpol_harness.emulator.apiserver.runtime import ContainerExecFailed
from netpol_harness.emulator.kubelet import images
from netpol_harness.emulator.kubelet.console import Console, ContainerLog
from netpol_harness.emulator.kubelet.node_sockets import NodeSockets
from netpol_harness.emulator.kubelet.probespec import ContainerProbe, ProbeResult, asks_network, port_number
from netpol_harness.emulator.kubelet.processes import PodProcesses
from netpol_harness.emulator.kubelet.running_pod import RunningPod
from netpol_harness.model.addresses import socket_text
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import Port, Protocol

_AGENT = "kube-probe/1.37"
_LONGEST_OUTPUT = 1024
"""Characters of a command's output in a message."""

PASSED = ProbeResult(passed=True)


class ProbeChecks:
    """Runs the probes of one node's pods. ``sockets`` are those of the node."""

    def __init__(self, processes: PodProcesses, sockets: NodeSockets) -> None:
        self._processes = processes
        self._sockets = sockets

    async def check(
        self, pod: JsonMapping, running: RunningPod, container: Mapping[str, Any], probe: ContainerProbe
    ) -> ProbeResult:
        """Run a probe once, within its time-out."""
        try:
            async with asyncio.timeout(probe.timeout):
                return await self._check(pod, running, container, probe.handler)
        except TimeoutError:
            message = f"command timed out: not finished after {probe.timeout:g}s"
            if "exec" not in probe.handler:
                message = f"{_target(running, container, probe.handler)}: i/o timeout"
        except (OSError, aiohttp.ClientError) as problem:
            message = f"{_target(running, container, probe.handler)}: {_reason(problem)}"
        return ProbeResult(passed=False, message=message)

    async def _check(
        self, pod: JsonMapping, running: RunningPod, container: Mapping[str, Any], handler: Mapping[str, Any]
    ) -> ProbeResult:
        match handler:
            case {"exec": action}:
                return await self._exec(pod, running, container, action.get("command") or ())
            case {"httpGet": action}:
                return await self._http_get(running, container, action)
            case {"tcpSocket": action} | {"grpc": action}:
                return await self._connect(running, container, action)
            case _:
                return PASSED

    async def _exec(
        self, pod: JsonMapping, running: RunningPod, container: Mapping[str, Any], command: Any
    ) -> ProbeResult:
        if not images.program(container) and not asks_network(command):
            return PASSED
        output = ContainerLog()
        try:
            code = await self._processes.exec(pod, running, container["name"], command, Console({}, output))
        except ContainerExecFailed as problem:
            return ProbeResult(passed=False, message=str(problem))
        return ProbeResult(passed=code == 0, message=output.read().decode()[:_LONGEST_OUTPUT].strip())

    async def _connect(
        self, running: RunningPod, container: Mapping[str, Any], action: Mapping[str, Any]
    ) -> ProbeResult:
        number = port_number(container, action["port"])
        if number is None:
            return _no_such_port(action)
        await self._sockets.connect(action.get("host") or running.sandbox.address, number)
        return PASSED

    async def _http_get(
        self, running: RunningPod, container: Mapping[str, Any], action: Mapping[str, Any]
    ) -> ProbeResult:
        number = port_number(container, action["port"])
        if number is None:
            return _no_such_port(action)
        url = _url(running, action, number)
        headers = {"User-Agent": _AGENT, "Accept": "*/*"}
        headers |= {header["name"]: header["value"] for header in action.get("httpHeaders") or ()}
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=self._sockets.open)) as session,
            session.get(url, headers=headers, allow_redirects=False, ssl=False) as response,
        ):
            if 200 <= response.status < 400:
                return PASSED
            return ProbeResult(passed=False, message=f"HTTP probe failed with statuscode: {response.status}")


def _url(running: RunningPod, action: Mapping[str, Any], number: int) -> str:
    is_plain = action.get("scheme", "HTTP") == "HTTP" or Port(Protocol.TCP, number) in running.responders
    path = str(action.get("path") or "/").removeprefix("/")
    host = action.get("host") or running.sandbox.address
    return f"{'http' if is_plain else 'https'}://{socket_text(host, number)}/{path}"


def _target(running: RunningPod, container: Mapping[str, Any], handler: Mapping[str, Any]) -> str:
    """Return what a failed network probe asked, as the kubelet writes it."""
    (action,) = handler.values()
    number = port_number(container, action.get("port", 0))
    host = action.get("host") or running.sandbox.address
    if "httpGet" in handler:
        return f'Get "{_url(running, action, number or 0)}"'
    return f"dial tcp {socket_text(host, number or 0)}"


def _reason(problem: OSError | aiohttp.ClientError) -> str:
    """Return why a connection failed; aiohttp wraps the kernel's error."""
    cause = problem.os_error if isinstance(problem, aiohttp.ClientConnectorError) else problem
    return os.strerror(cause.errno).lower() if isinstance(cause, OSError) and cause.errno else str(problem)


def _no_such_port(action: Mapping[str, Any]) -> ProbeResult:
    return ProbeResult(passed=False, message=f"couldn't find port: {action['port']}")
