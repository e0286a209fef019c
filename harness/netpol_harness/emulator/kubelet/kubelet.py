"""The kubelet: turns Pods of the store into sandboxes with stand-ins, and says so in their status.

Order, for each pod: a place and an address; then its policy is in force; then its listeners open; then it is Running
and Ready. So nobody ever meets a listener before the policy that guards it. A deletion takes the same way back: what
``preStop`` hooks do within the grace period, then the sandbox goes, then the object. All on one event loop; making a
sandbox holds it for about a millisecond.

Some containers really run (``images``), init containers before the listeners open. A pod whose containers have all
ended keeps its status and what they said, and gives back all the rest.

An ephemeral container joins a running pod: it shares the pod's network and has files of its own, with all the programs
that the pod's containers may lack.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from netpol_harness.emulator.address_plan import EXTERNAL_CIDR, NODE_ADDRESS, NODE_POD_CIDR, RESERVED_POD_ADDRESSES
from netpol_harness.emulator.apiserver.runtime import ContainerExecFailed, ExecStreams
from netpol_harness.emulator.kernel.netns import Contents, Namespaces
from netpol_harness.emulator.kernel.node import NetworkNode, Sandbox
from netpol_harness.emulator.kubelet import images, podspec, podstatus
from netpol_harness.emulator.kubelet.addresses import (
    AddressesExhausted,
    AddressUnavailable,
    Pool,
    external_address,
    pod_address,
)
from netpol_harness.emulator.kubelet.console import Console, Log
from netpol_harness.emulator.kubelet.listeners import Listeners, Responder
from netpol_harness.emulator.kubelet.programs import Programs
from netpol_harness.emulator.kubelet.recorder import Recorder
from netpol_harness.emulator.kubelet.running import ContainerOutput, Running
from netpol_harness.emulator.kubelet.session import execute
from netpol_harness.emulator.kubelet.spawn import Spawner
from netpol_harness.emulator.kubelet.standin import Served, StandIn, served
from netpol_harness.emulator.kubelet.tools import Tools
from netpol_harness.emulator.pod import is_external_host
from netpol_harness.emulator.store import Event, EventType, Key, Store
from netpol_harness.errors import HarnessError
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import Port

_KILLED = 137  # 128 and SIGKILL
_ONLY_PROGRAMS = "images are not run here: the embedded cluster has the host's programs alone"


class Kubelet:
    """Runs the pods of one node. ``settled`` returns once the dataplane enforces the store's present state.

    ``images`` maps the few images that *are* run to what answers on their ports; ``tools`` are the programs that
    containers find.
    """

    def __init__(
        self,
        store: Store,
        node: NetworkNode,
        spawner: Spawner,
        *,
        settled: Callable[[], Awaitable[None]],
        images: Mapping[str, Responder],
        tools: Tools,
    ) -> None:
        self._store = store
        self._node = node
        self._spawner = spawner
        self._settled = settled
        self._images = images
        self._tools = tools
        self._recorder = Recorder(store, "kubelet", podstatus.NODE)
        self._pod_addresses = Pool(NODE_POD_CIDR, reserved=RESERVED_POD_ADDRESSES)
        self._external_addresses = Pool(EXTERNAL_CIDR)
        self._running: dict[Key, Running] = {}
        self._past: dict[Key, ContainerOutput] = {}
        self._waiting: set[Key] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        store.subscribe(self._note)

    async def idle(self) -> None:
        """Return when every pod of the store has been started, or cannot be."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def exec(self, pod: Mapping[str, Any], container: str, argv: Sequence[str], streams: ExecStreams) -> int:
        """Run a command in the pod; its exit code. Raises ``ContainerExecFailed``; kills the command when cancelled."""
        running = self._running.get(Key.of("pods", pod))
        if running is None:
            raise ContainerExecFailed(f"pod {pod['metadata']['name']} is not running")
        environment = self._environment(pod, podspec.container_called(pod, container))
        namespaces = running.joined.get(container, running.sandbox.namespaces)
        session = asyncio.create_task(execute(self._spawner, namespaces, argv, environment, streams))
        running.used = True
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

    async def attach(self, pod: Mapping[str, Any], container: str, streams: ExecStreams) -> None:
        """Let the client talk to the container's program, until that ends. Raises ``ContainerExecFailed`` where none
        has run.
        """
        console = self._said(pod).consoles.get(container)
        if console is None:
            raise ContainerExecFailed(f"container {container} of pod {pod['metadata']['name']} is not running")
        await console.attach(streams)

    async def dial(self, pod: Mapping[str, Any], port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a TCP port from inside the pod, as port forwarding does. Raises ``ContainerExecFailed``."""
        running = self._running.get(Key.of("pods", pod))
        if running is None:
            raise ContainerExecFailed(f"pod {pod['metadata']['name']} is not running")
        try:
            return await running.listeners.dial(port)
        except OSError as problem:
            why = os.strerror(problem.errno or 0)
            raise ContainerExecFailed(f"failed to connect to localhost:{port} inside the pod: {why}") from problem

    async def logs(self, pod: Mapping[str, Any], container: str) -> bytes:
        """What the container's program has written, or its stand-in served, so far: the last few thousand lines."""
        return self._said(pod).log(container).read()

    def _said(self, pod: Mapping[str, Any]) -> ContainerOutput:
        key = Key.of("pods", pod)
        running = self._running.get(key)
        return running.said if running else self._past.get(key, ContainerOutput())

    def delete_pod(self, key: Key, grace_seconds: int) -> None:
        """Remove the sandbox, then the object: at once, but for what ``preStop`` hooks do of their grace period."""
        pod, running = self._store.find(key), self._running.get(key)
        parting = [c for c in podspec.serving_containers(pod) if podspec.pre_stop(c)] if pod and running else []
        if grace_seconds and pod and running and parting:
            self._spawn(self._part(pod, running, parting, grace_seconds))
        else:
            self._end(key)

    async def _part(
        self, pod: JsonObject, running: Running, parting: Sequence[Mapping[str, Any]], grace_seconds: int
    ) -> None:
        """Run the hooks of these containers, and then remove the pod, unless that has been done meanwhile."""
        hooks = [self._farewell(pod, running, container) for container in parting]
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await asyncio.gather(*hooks)
        key = Key.of("pods", pod)
        if self._running.get(key) is running:
            self._end(key)

    async def _farewell(self, pod: JsonObject, running: Running, container: Mapping[str, Any]) -> None:
        environment = self._environment(pod, container)
        namespaces = running.joined.get(container["name"], running.sandbox.namespaces)
        running.used = True
        try:
            await execute(self._spawner, namespaces, podspec.pre_stop(container), environment, Console({}, Log()))
        except ContainerExecFailed as problem:
            self._recorder.warning(pod, "FailedPreStopHook", str(problem))

    def _end(self, key: Key) -> None:
        self._stop(key)
        if self._store.find(key) is not None:
            self._store.remove(key)

    def _note(self, event: Event) -> None:
        if event.key.resource != "pods":
            return
        if event.type is EventType.ADDED and event.object["spec"].get("nodeName", "") in ("", podstatus.NODE):
            self._begin(event.key)
        elif event.type is EventType.MODIFIED and event.key in self._running:
            self._adjust(self._running[event.key], event.object)
            if self._newcomers(event.key, event.object):
                asyncio.get_running_loop().call_soon(self._join, event.key)
        elif event.type is EventType.DELETED:
            self._stop(event.key)

    def flush_conntrack(self, address: str) -> None:
        """Once nothing leads to an address any more, let the flows of datagrams go that still do."""
        self._spawn(self._forget(address))

    async def _forget(self, address: str) -> None:
        with suppress(HarnessError):
            await self._settled()
            self._node.flush_conntrack(address)

    def _begin(self, key: Key) -> None:
        self._spawn(self._start(key))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start(self, key: Key) -> None:
        pod = self._store.find(key)
        if pod is None or key in self._running or _has_ended(pod):
            return
        try:
            running = self._place(key, pod)
        except (AddressesExhausted, AddressUnavailable, OSError) as problem:
            self._postpone(key, pod, str(problem))
            return
        try:
            await self._settled()
        except HarnessError as problem:
            self._stop(key)
            self._postpone(key, pod, f"its network policy cannot be put in force: {problem}")
            return
        if self._running.get(key) is running:
            running.life = asyncio.get_running_loop().create_task(self._live(key, running))
            running.life.add_done_callback(lambda _: running.begun.set())
            await running.begun.wait()

    def _postpone(self, key: Key, pod: JsonObject, reason: str) -> None:
        """Leave the pod pending until another one goes, which may free what it lacks."""
        self._waiting.add(key)
        self._recorder.warning(pod, "FailedCreatePodSandBox", reason)

    def _place(self, key: Key, pod: JsonObject) -> Running:
        """Give the pod a sandbox with an address, and write that down. Raises ``OSError`` and address errors."""
        sandbox = self._sandbox(pod)
        running = Running(sandbox, Listeners(sandbox.namespaces, self._node.home))
        self._running[key] = running
        self._recorder.normal(pod, "Scheduled", f"Successfully assigned {key.namespace}/{key.name} to {podstatus.NODE}")
        now = self._store.timestamp()
        self._store.modify(key, lambda current: podstatus.placed(current, sandbox.address, now))
        return running

    def _sandbox(self, pod: JsonObject) -> Sandbox:
        if pod["spec"].get("hostNetwork"):
            return self._node.sandbox_in_node_network(self._contents(pod, NODE_ADDRESS, podspec.hidden_tools(pod)))
        pool, address = self._address(pod)
        try:
            return self._node.sandbox(address, self._contents(pod, address, podspec.hidden_tools(pod)))
        except OSError:
            pool.free(address)
            raise

    def _address(self, pod: JsonObject) -> tuple[Pool, str]:
        if not is_external_host(pod):
            mine, chosen = self._pod_addresses, podspec.chosen_address(pod)
            return mine, mine.claim(pod_address(chosen)) if chosen else mine.take()
        pool, requested = self._external_addresses, podspec.requested_address(pod)
        return pool, pool.claim(external_address(requested)) if requested else pool.take()

    def _join_sandbox(self, pod: JsonObject, sandbox: Sandbox) -> Namespaces:
        return self._node.container_namespaces(sandbox, self._contents(pod, sandbox.address))

    def _contents(self, pod: JsonObject, address: str, hidden: Sequence[str] = ()) -> Contents:
        """What a container shows: ``hidden`` is what its own image lacks, besides what the whole cluster does."""
        files = {"/etc/resolv.conf": podspec.resolv_conf(pod), "/etc/hosts": podspec.hosts(pod, address)}
        return Contents(podspec.hostname(pod), files, (*self._tools.hidden, *hidden), self._spawner.user or 0)

    async def _live(self, key: Key, running: Running) -> None:
        """Run the pod's init containers, serve, report it ready, and run its programs as long as there are any."""
        pod = self._store.get(key)
        programs = Programs(pod, partial(self._run, pod, running), partial(self._tell, key), self._store.timestamp)
        if await programs.first():
            self._serve(pod, running)
            programs.start()
            running.begun.set()
            await programs.main()
            if not programs.end:
                return
        with suppress(HarnessError):
            await self._settled()  # the world knows that the address is free, before it is
        self._past[key] = running.said
        self._release(key)

    def _serve(self, pod: JsonObject, running: Running) -> None:
        """Open the listeners."""
        running.wanted = self._responders(pod, running)
        self._adjust(running, pod)
        for container in pod["spec"]["containers"]:
            runs = bool(images.program(container))
            kind = "container" if runs else "stand-in for container"
            if not runs:
                running.said.console(container)
            self._recorder.normal(pod, "Started", f"Started {kind} {container['name']}")

    def _tell(self, key: Key, lives: Mapping[str, podstatus.ContainerState]) -> None:
        now = self._store.timestamp()
        self._store.modify(key, lambda current: podstatus.living(current, lives, now))

    async def _run(
        self, pod: JsonObject, running: Running, container: Mapping[str, Any], started: Callable[[], None]
    ) -> int:
        """Run a container's program to its end, with the files of its own image."""
        name = container["name"]
        if name not in running.joined:
            running.joined[name] = self._join_sandbox(pod, running.sandbox)
        console = running.said.console(container)
        environment = self._environment(pod, container)
        argv = images.expanded(images.program(container), environment)
        running.used = True
        try:
            code = await execute(self._spawner, running.joined[name], argv, environment, console, started)
            running.end_container(name)
            return code
        except ContainerExecFailed as problem:
            told = f"{problem}; {_ONLY_PROGRAMS}"
            await console.stderr(f"{told}\n".encode())
            self._recorder.warning(pod, "Failed", f"Error: container {name} cannot be started: {told}")
            raise ContainerExecFailed(told) from problem
        finally:
            console.end()

    def _environment(self, pod: Mapping[str, Any], container: Mapping[str, Any]) -> dict[str, str]:
        return podspec.environment(pod, container, self._tools.path(pod, container))

    def _newcomers(self, key: Key, pod: JsonObject) -> tuple[str, ...]:
        """The ephemeral containers that the pod has not been joined by."""
        names = (container["name"] for container in pod["spec"].get("ephemeralContainers") or ())
        return tuple(name for name in names if name not in self._running[key].joined)

    def _join(self, key: Key) -> None:
        """Let the pod's new ephemeral containers run, and say so."""
        running, pod = self._running.get(key), self._store.find(key)
        if running is None or pod is None:
            return
        names = self._newcomers(key, pod)
        for name in names:
            running.joined[name] = self._join_sandbox(pod, running.sandbox)
            self._recorder.normal(pod, "Started", f"Started stand-in for container {name}")
        if names:
            now = self._store.timestamp()
            self._store.modify(key, lambda current: podstatus.extended(current, names, now))

    def _responders(self, pod: JsonObject, running: Running) -> dict[Port, Responder]:
        found: dict[Port, Responder] = {}
        for container in podspec.serving_containers(pod):
            if images.may_listen(container):
                continue
            log = running.said.log(container["name"])
            for entry in served(container, podspec.hostname(pod)):
                log.note(f"serving {entry.port}")
                found.setdefault(entry.port, self._responder(pod, container, entry, log.note))
        return found

    def _responder(
        self, pod: JsonObject, container: Mapping[str, Any], entry: Served, note: Callable[[str], None]
    ) -> Responder:
        metadata = pod["metadata"]
        special = self._images.get(container.get("image", ""))
        return special or StandIn(metadata["name"], metadata["namespace"], entry, note)

    def _adjust(self, running: Running, pod: JsonObject) -> None:
        """Have exactly those ports open that should be; what cannot be opened becomes an event."""
        alive = running.wanted.keys() - podspec.dead_ports(pod)
        for port in running.listeners.ports - alive:
            running.listeners.close(port)
        for port in alive - running.listeners.ports - running.refused:
            try:
                running.listeners.open(port, running.wanted[port])
            except OSError as problem:
                running.refused.add(port)
                self._recorder.warning(pod, "FailedListen", f"cannot serve {port}: {problem.strerror}")

    def _stop(self, key: Key) -> None:
        self._waiting.discard(key)
        self._past.pop(key, None)
        if (running := self._running.get(key)) and running.life:
            running.life.cancel()
        self._release(key)

    def _release(self, key: Key) -> None:
        """Take everything from the pod that it has of the node's."""
        running = self._running.pop(key, None)
        if running is None:
            return
        running.end()
        self._node.remove(running.sandbox)
        self.flush_conntrack(running.sandbox.address)
        for pool in (self._pod_addresses, self._external_addresses):
            pool.free(running.sandbox.address)
        waiting, self._waiting = self._waiting, set()
        for other in waiting:
            self._begin(other)


def _has_ended(pod: JsonObject) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
