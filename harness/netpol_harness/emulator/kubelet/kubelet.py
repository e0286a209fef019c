"""The kubelet: turns Pods of the store into sandboxes with stand-ins, and reports their status.

Order for each pod: it gets a sandbox and an address, then its policy is installed, then its listeners open, then it is
Running and Ready. So no client ever reaches a listener before the policy that protects it. A deletion goes the same way
back: ``preStop`` hooks run within the grace period, then the sandbox is removed, then the object. All runs on one event
loop; creating a sandbox blocks it for about a millisecond.

Some containers really run programs (``images``); init containers run before the listeners open. A pod whose containers
have all ended keeps its status and its output, and releases everything else.

An ephemeral container joins a running pod. It shares the pod's network and has its own files, with all the programs
that the pod's containers may lack.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

from netpol_harness.emulator.apiserver.runtime import ContainerExecFailed, ExecStreams
from netpol_harness.emulator.kubelet import images, podspec, podstatus
from netpol_harness.emulator.kubelet.addresses import AddressesExhausted, AddressUnavailable
from netpol_harness.emulator.kubelet.configuration import ConfigurationReader
from netpol_harness.emulator.kubelet.connector import Connector
from netpol_harness.emulator.kubelet.container_runner import ContainerRunner
from netpol_harness.emulator.kubelet.host_ports import EVENT, NO_FREE_PORTS, NoFreePorts, require_free_ports
from netpol_harness.emulator.kubelet.listeners import Responder
from netpol_harness.emulator.kubelet.pod_host import NodeServices, SandboxedContainers
from netpol_harness.emulator.kubelet.processes import PodProcesses
from netpol_harness.emulator.kubelet.recorder import EventRecorder
from netpol_harness.emulator.kubelet.running_pod import PodOutput, RunningPod
from netpol_harness.emulator.kubelet.sandboxes import Sandboxes
from netpol_harness.emulator.kubelet.serving import add_responders, add_target_ports
from netpol_harness.emulator.kubelet.spawn import Spawner
from netpol_harness.emulator.kubelet.tools import HostTools
from netpol_harness.emulator.store import Event, EventType, Key, Store
from netpol_harness.errors import HarnessError
from netpol_harness.model.json_object import JsonObject


class Kubelet:
    """Runs the pods of the node that ``sandboxes`` belongs to, and if it is the only node, all that have none.

    ``settled`` returns once the data plane of every node enforces the store's current state.
    ``servers`` maps the few images that have a real server to its responder. ``tools`` are the programs that containers
    find.
    """

    def __init__(
        self,
        store: Store,
        sandboxes: Sandboxes,
        spawner: Spawner,
        *,
        settled: Callable[[], Awaitable[None]],
        servers: Mapping[str, Responder],
        tools: HostTools,
    ) -> None:
        self._store = store
        self._settled = settled
        self._servers = servers
        self._sandboxes = sandboxes
        self._plan = sandboxes.plan
        self._accepted = {self._plan.name, *([""] if sandboxes.is_only_node else ())}
        self._recorder = EventRecorder(store, "kubelet", self._plan.name)
        connector = Connector(sandboxes.home.net, sandboxes.files)
        self._processes = PodProcesses(spawner, tools, self._recorder, ConfigurationReader(store), connector)
        self._node = NodeServices(store, self._sandboxes, self._processes, self._recorder)
        self._running: dict[Key, RunningPod] = {}
        self._completed_output: dict[Key, PodOutput] = {}
        self._waiting: set[Key] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        store.subscribe(self._on_event)

    async def idle(self) -> None:
        """Return when every pod of the store has been started, or cannot be."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def exec(self, pod: Mapping[str, Any], container: str, argv: Sequence[str], streams: ExecStreams) -> int:
        """Run a command in the pod and return its exit code.

        Raises ``ContainerExecFailed``. Kills the command when cancelled.
        """
        return await self._processes.exec(pod, self._find_running(pod), container, argv, streams)

    async def attach(self, pod: Mapping[str, Any], container: str, streams: ExecStreams) -> None:
        """Connect the client with the container's program until that ends.

        Raises ``ContainerExecFailed`` if none has run.
        """
        console = self._output(pod).consoles.get(container)
        if console is None:
            raise ContainerExecFailed(f"container {container} of pod {pod['metadata']['name']} is not running")
        await console.attach(streams)

    async def dial(self, pod: Mapping[str, Any], port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a TCP port from inside the pod, as port forwarding does. Raises ``ContainerExecFailed``."""
        try:
            return await self._find_running(pod).listeners.dial(port)
        except OSError as problem:
            reason = os.strerror(problem.errno or 0)
            raise ContainerExecFailed(f"failed to connect to localhost:{port} inside the pod: {reason}") from problem

    async def logs(self, pod: Mapping[str, Any], container: str) -> bytes:
        """Return the last few thousand lines that the container's program or its stand-in has written."""
        return self._output(pod).log(container).read()

    def delete_pod(self, key: Key, grace_seconds: int) -> None:
        """Remove the sandbox, then the object: at once, or after the ``preStop`` hooks within the grace period."""
        pod, running = self._store.find(key), self._running.get(key)
        hooked = [c for c in podspec.serving_containers(pod) if podspec.pre_stop(c)] if pod and running else []
        if grace_seconds and pod and running and hooked:
            self._spawn(self._terminate(pod, running, hooked, grace_seconds))
        else:
            self._remove_pod(key)

    def flush_conntrack(self, address: str) -> None:
        """Delete the open datagram flows to an address, once the data plane sends nothing there."""
        self._spawn(self._flush_when_settled(address))

    def _find_running(self, pod: Mapping[str, Any]) -> RunningPod:
        running = self._running.get(Key.of("pods", pod))
        if running is None:
            raise ContainerExecFailed(f"pod {pod['metadata']['name']} is not running")
        return running

    def _output(self, pod: Mapping[str, Any]) -> PodOutput:
        key = Key.of("pods", pod)
        running = self._running.get(key)
        return running.output if running else self._completed_output.get(key, PodOutput())

    async def _terminate(
        self, pod: JsonObject, running: RunningPod, hooked: Sequence[Mapping[str, Any]], grace_seconds: int
    ) -> None:
        """Run the hooks of these containers, then remove the pod unless it has been removed meanwhile."""
        hooks = [self._processes.run_pre_stop(pod, running, container) for container in hooked]
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await asyncio.gather(*hooks)
        key = Key.of("pods", pod)
        if self._running.get(key) is running:
            self._remove_pod(key)

    def _remove_pod(self, key: Key) -> None:
        self._stop(key)
        if self._store.find(key) is not None:
            self._store.remove(key)

    def _on_event(self, event: Event) -> None:
        if event.key.resource == "services" and event.type is not EventType.DELETED:
            self._serve_targets(event.object)
        if event.key.resource != "pods":
            return
        if self._is_new(event):
            self._spawn(self._start(event.key))
        elif event.type is EventType.MODIFIED and event.key in self._running:
            if event.previous is None or podspec.labels(event.previous) != podspec.labels(event.object):
                self._add_target_ports(event.object, self._running[event.key])
            self._node.adjust(event.object, self._running[event.key])
            if self._new_ephemeral_containers(event.key, event.object):
                asyncio.get_running_loop().call_soon(self._add_ephemeral_containers, event.key)
        elif event.type is EventType.DELETED:
            self._stop(event.key)

    def _is_new(self, event: Event) -> bool:
        """Whether the event assigns a pod to this node."""
        if event.type is EventType.DELETED or event.object["spec"].get("nodeName", "") not in self._accepted:
            return False
        return event.previous is None or event.previous["spec"].get("nodeName", "") not in self._accepted

    async def _flush_when_settled(self, address: str) -> None:
        with suppress(HarnessError):
            await self._settled()
            self._sandboxes.flush_conntrack(address)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start(self, key: Key) -> None:
        pod = self._store.find(key)
        if pod is None or key in self._running or podstatus.has_ended(pod):
            return
        try:
            require_free_ports(pod, filter(None, map(self._store.find, self._running)))
            running = self._schedule(key, pod)
        except (AddressesExhausted, AddressUnavailable, NoFreePorts, OSError) as problem:
            self._postpone(key, pod, str(problem))
            return
        try:
            await self._settled()
        except HarnessError as problem:
            self._stop(key)
            self._postpone(key, pod, f"its network policy cannot be installed: {problem}")
            return
        if self._running.get(key) is running:
            running.worker = asyncio.get_running_loop().create_task(self._run_containers(key, running))
            running.worker.add_done_callback(lambda _: running.started.set())
            await running.started.wait()

    def _postpone(self, key: Key, pod: JsonObject, reason: str) -> None:
        """Leave the pod pending until another one is removed, which may free what this one lacks."""
        self._waiting.add(key)
        self._recorder.warning(pod, EVENT if reason == NO_FREE_PORTS else "FailedCreatePodSandBox", reason)

    def _schedule(self, key: Key, pod: JsonObject) -> RunningPod:
        """Give the pod a sandbox with an address and write its status. Raises ``OSError`` and address errors."""
        sandbox = self._sandboxes.create(pod)
        running = RunningPod(sandbox, self._sandboxes.listeners(sandbox))
        self._running[key] = running
        if not pod["spec"].get("nodeName"):
            message = f"Successfully assigned {key.namespace}/{key.name} to {self._plan.name}"
            self._recorder.normal(pod, "Scheduled", message)
        now = self._store.timestamp()
        self._store.modify(key, lambda current: podstatus.scheduled(current, self._plan, sandbox.addresses, now))
        return running

    async def _run_containers(self, key: Key, running: RunningPod) -> None:
        """Run the pod's init containers, serve its ports, report it ready, and run its programs to their end."""
        pod = self._store.get(key)
        host = SandboxedContainers(self._node, key, running)
        runner = ContainerRunner(pod, host, self._store.timestamp)
        if await runner.run_init_containers():
            self._serve(pod, running)
            runner.report_stand_ins()
            running.started.set()
            await runner.run_programs()
            if not runner.can_complete:
                return
        with suppress(HarnessError):
            await self._settled()  # the data plane drops the address before it becomes free
        self._completed_output[key] = running.output
        self._release(key)

    def _serve(self, pod: JsonObject, running: RunningPod) -> None:
        """Open the listeners."""
        add_responders(pod, running, self._servers)
        running.is_serving = True
        self._add_target_ports(pod, running)
        self._node.adjust(pod, running)
        for container in pod["spec"]["containers"]:
            has_program = bool(images.program(container))
            kind = "container" if has_program else "stand-in for container"
            if not has_program:
                running.output.new_console(container)
            self._recorder.normal(pod, "Started", f"Started {kind} {container['name']}")

    def _serve_targets(self, service: JsonObject) -> None:
        """Let the running pods that a Service selects listen where it sends."""
        for key, running in self._running.items():
            pod = self._store.find(key) if key.namespace == service["metadata"]["namespace"] else None
            if pod is not None:
                add_target_ports(pod, running, [service])
                self._node.adjust(pod, running)

    def _add_target_ports(self, pod: JsonObject, running: RunningPod) -> None:
        add_target_ports(pod, running, self._store.list("services", pod["metadata"]["namespace"]))

    def _new_ephemeral_containers(self, key: Key, pod: JsonObject) -> tuple[str, ...]:
        names = (container["name"] for container in pod["spec"].get("ephemeralContainers") or ())
        return tuple(name for name in names if name not in self._running[key].containers)

    def _add_ephemeral_containers(self, key: Key) -> None:
        """Give the pod's new ephemeral containers their namespaces, and report them as running."""
        running, pod = self._running.get(key), self._store.find(key)
        if running is None or pod is None:
            return
        names = self._new_ephemeral_containers(key, pod)
        for name in names:
            running.containers[name] = self._sandboxes.add_container(pod, running.sandbox)
            self._recorder.normal(pod, "Started", f"Started stand-in for container {name}")
        if names:
            now = self._store.timestamp()
            self._store.modify(key, lambda current: podstatus.with_ephemeral_containers(current, names, now))

    def _stop(self, key: Key) -> None:
        self._waiting.discard(key)
        self._completed_output.pop(key, None)
        if (running := self._running.get(key)) and running.worker:
            running.worker.cancel()
        self._release(key)

    def _release(self, key: Key) -> None:
        """End the pod and release its resources on the node. Pods that wait for resources are tried again."""
        running = self._running.pop(key, None)
        if running is None:
            return
        running.end()
        self._sandboxes.remove(running.sandbox)
        for address in running.sandbox.addresses:
            self.flush_conntrack(address)
        waiting, self._waiting = self._waiting, set()
        for other in waiting:
            self._spawn(self._start(other))
