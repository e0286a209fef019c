"""Processes in running pods: exec sessions, ``preStop`` hooks, and the programs of containers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from netpol_harness.emulator.apiserver.runtime import ContainerExecFailed, ExecStreams
from netpol_harness.emulator.kubelet import agnhost, images, podspec
from netpol_harness.emulator.kubelet.configuration import ConfigurationReader
from netpol_harness.emulator.kubelet.connector import Connector
from netpol_harness.emulator.kubelet.console import Console, ContainerLog
from netpol_harness.emulator.kubelet.environment import environment
from netpol_harness.emulator.kubelet.recorder import EventRecorder
from netpol_harness.emulator.kubelet.running_pod import RunningPod
from netpol_harness.emulator.kubelet.session import execute
from netpol_harness.emulator.kubelet.spawn import Spawner
from netpol_harness.emulator.kubelet.tools import HostTools
from netpol_harness.model.json_object import JsonMapping

_KILLED = 137  # 128 and SIGKILL
_NO_IMAGES = "images are not run here: the embedded cluster has only the host's programs"


class PodProcesses:
    """Runs commands in pods, with the environment of their containers."""

    def __init__(
        self,
        spawner: Spawner,
        tools: HostTools,
        recorder: EventRecorder,
        configuration: ConfigurationReader,
        connector: Connector,
    ) -> None:
        self._spawner = spawner
        self._configuration = configuration
        self._tools = tools
        self._recorder = recorder
        self._connector = connector

    async def exec(
        self, pod: JsonMapping, running: RunningPod, container: str, argv: Sequence[str], streams: ExecStreams
    ) -> int:
        """Run a command in the container and return its exit code, 137 if it is killed with its pod.

        Raises ``ContainerExecFailed``. Kills the command when cancelled.
        """
        session = asyncio.create_task(self._session(pod, running, container, argv, streams))
        running.sessions.add(session)
        try:
            return await session
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            return _KILLED  # with its pod
        finally:
            running.sessions.discard(session)

    async def _session(
        self, pod: JsonMapping, running: RunningPod, container: str, argv: Sequence[str], streams: ExecStreams
    ) -> int:
        spec, namespaces = podspec.find_container(pod, container), running.namespaces(container)
        try:
            request = agnhost.read(spec, argv)
        except ValueError as problem:
            await streams.stderr(f"Error: {problem}\n".encode())
            return 1
        if request is not None:
            located = await self._connector.located(request, namespaces.net, pod, running.sandbox.addresses)
            if located is not None:
                return await self._connector.run(located, namespaces.net, streams)
        command = argv if request is None else request.program()
        running.has_run = True
        return await execute(self._spawner, namespaces, command, self._environment(pod, spec), streams)

    async def run_pre_stop(self, pod: JsonMapping, running: RunningPod, container: Mapping[str, Any]) -> None:
        """Run the container's ``preStop`` hook. A hook that cannot be started becomes an event."""
        variables = self._environment(pod, container)
        namespaces, console = running.namespaces(container["name"]), Console({}, ContainerLog())
        running.has_run = True
        try:
            await execute(self._spawner, namespaces, podspec.pre_stop(container), variables, console)
        except ContainerExecFailed as problem:
            self._recorder.warning(pod, "FailedPreStopHook", str(problem))

    async def run_program(
        self, pod: JsonMapping, running: RunningPod, container: Mapping[str, Any], started: Callable[[], None]
    ) -> int:
        """Run the container's program to its end and return its exit code; ``started`` is called once it runs.

        Raises ``ContainerExecFailed`` if it cannot be started.
        """
        name = container["name"]
        console = running.output.new_console(container)
        variables = self._environment(pod, container)
        argv = images.expand_references(images.program(container), variables)
        running.has_run = True
        try:
            return await execute(self._spawner, running.namespaces(name), argv, variables, console, started)
        except ContainerExecFailed as problem:
            message = f"{problem}; {_NO_IMAGES}"
            await console.stderr(f"{message}\n".encode())
            self._recorder.warning(pod, "Failed", f"Error: container {name} cannot be started: {message}")
            raise ContainerExecFailed(message) from problem
        finally:
            running.end_container(name)
            console.end()

    def _environment(self, pod: JsonMapping, container: Mapping[str, Any]) -> dict[str, str]:
        return environment(pod, container, self._configuration.of(pod), self._tools.path(pod, container))
