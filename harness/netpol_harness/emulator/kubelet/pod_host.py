"""The containers of one running pod on its node: their processes, their listeners, their probes, and their status."""

import asyncio
from collections.abc import Callable, Mapping

from netpol_harness.emulator.kubelet import images, podstatus, probespec
from netpol_harness.emulator.kubelet.container_runner import Container
from netpol_harness.emulator.kubelet.node_sockets import NodeSockets
from netpol_harness.emulator.kubelet.probe_checks import ProbeChecks
from netpol_harness.emulator.kubelet.probe_watch import WatchedContainer, watch
from netpol_harness.emulator.kubelet.probespec import ContainerProbe, ProbeResult
from netpol_harness.emulator.kubelet.processes import PodProcesses
from netpol_harness.emulator.kubelet.recorder import EventRecorder
from netpol_harness.emulator.kubelet.running_pod import RunningPod
from netpol_harness.emulator.kubelet.sandboxes import Sandboxes
from netpol_harness.emulator.kubelet.serving import adjust_listeners, stop_listeners
from netpol_harness.emulator.store import Key, Store
from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.model.names import Port


class NodeServices:
    """What the pods of one node share."""

    def __init__(self, store: Store, sandboxes: Sandboxes, processes: PodProcesses, recorder: EventRecorder) -> None:
        self.store = store
        self.sandboxes = sandboxes
        self.processes = processes
        self.recorder = recorder
        self.checks = ProbeChecks(processes, NodeSockets(sandboxes.network, sandboxes.home.net))

    def adjust(self, pod: JsonMapping, running: RunningPod) -> None:
        """Open and close the pod's listeners as its status and its annotations want. Ports that fail become events."""

        def warn(port: Port, problem: OSError) -> None:
            self.recorder.warning(pod, "FailedListen", f"cannot serve {port}: {problem.strerror}")

        adjust_listeners(pod, running, warn)


class SandboxedContainers:
    """The containers of one pod with a sandbox (``container_runner.PodHost``)."""

    def __init__(self, node: NodeServices, key: Key, running: RunningPod) -> None:
        self._node = node
        self._key = key
        self._pod: JsonObject = node.store.get(key)
        self._running = running

    async def run(self, container: Container, started: Callable[[], None]) -> int:
        """Run the container's program, or let its stand-in listen until it is cancelled."""
        if not images.program(container):
            return await self._run_stand_in(container, started)
        name = container["name"]
        if name not in self._running.containers:
            namespaces = self._node.sandboxes.add_container(self._pod, self._running.sandbox)
            self._running.containers[name] = namespaces
        return await self._node.processes.run_program(self._pod, self._running, container, started)

    async def watch(self, container: Container, watched: WatchedContainer) -> None:
        """Run the container's probes from the node, and its commands in the pod."""

        async def check(probe: ContainerProbe) -> ProbeResult:
            return await self._node.checks.check(self._pod, self._running, container, probe)

        await watch(probespec.probes(container), check, watched)

    def report(self, states: Mapping[str, podstatus.ContainerState]) -> None:
        """Write the states of the containers into the pod's status."""
        now = self._node.store.timestamp()
        self._node.store.modify(self._key, lambda pod: podstatus.with_container_states(pod, states, now))

    def note_failure(self, message: str) -> None:
        """Record that a probe has failed."""
        self._node.recorder.warning(self._pod, "Unhealthy", message)

    def note_killing(self, message: str) -> None:
        """Record that a probe ends a container."""
        self._node.recorder.normal(self._pod, "Killing", message)

    async def _run_stand_in(self, container: Container, started: Callable[[], None]) -> int:
        name = container["name"]
        end: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._running.stopped.discard(name)
        self._node.adjust(self._node.store.get(self._key), self._running)
        started()
        try:
            return await end
        finally:
            stop_listeners(self._running, name)
