"""A pod with a sandbox: its resources on the node, and the output of its containers, which outlives it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netpol_harness.emulator.kernel.netns import Namespaces
from netpol_harness.emulator.kernel.node import Sandbox
from netpol_harness.emulator.kubelet.console import Console, ContainerLog
from netpol_harness.emulator.kubelet.listeners import Listeners, Responder
from netpol_harness.emulator.kubelet.spawn import kill_all_in
from netpol_harness.model.names import Port


@dataclass(slots=True)
class PodOutput:
    """The output of a pod's containers, by container: their logs, and the consoles that clients attach to."""

    logs: dict[str, ContainerLog] = field(default_factory=dict)
    consoles: dict[str, Console] = field(default_factory=dict)

    def log(self, container: str) -> ContainerLog:
        """Return the container's log, which covers all its runs."""
        return self.logs.setdefault(container, ContainerLog())

    def new_console(self, container: Mapping[str, Any]) -> Console:
        """Return a new console for one run of the container."""
        console = self.consoles[container["name"]] = Console(container, self.log(container["name"]))
        return console


@dataclass(slots=True)
class RunningPod:
    """A pod with a sandbox.

    ``responders`` answer on the pod's ports, except dead ports and ``refused_ports``, which the kernel refused; the pod
    ``is_serving`` once its init containers have ended. ``owners`` names the container of each port; those of
    ``stopped`` containers are closed.
    ``containers`` holds the namespaces of containers with their own files. ``has_run`` is true once the pod has had a
    process. ``worker`` runs its containers, and ``started`` is set once they run or have failed.
    """

    sandbox: Sandbox
    listeners: Listeners
    responders: dict[Port, Responder] = field(default_factory=dict)
    owners: dict[Port, str] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    is_serving: bool = False
    refused_ports: set[Port] = field(default_factory=set)
    output: PodOutput = field(default_factory=PodOutput)
    sessions: set[asyncio.Task[int]] = field(default_factory=set)
    containers: dict[str, Namespaces] = field(default_factory=dict)
    has_run: bool = False
    worker: asyncio.Task[None] | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event)

    def namespaces(self, container: str) -> Namespaces:
        """Return the namespaces of a container's processes."""
        return self.containers.get(container, self.sandbox.namespaces)

    def end_container(self, name: str) -> None:
        """Kill the processes left in a container whose first process has ended, as the kernel would."""
        if name in self.containers:
            kill_all_in(self.containers[name])

    def end(self) -> None:
        """End everything in the pod. The sandbox itself is left to the node."""
        self.listeners.close_all()
        for console in self.output.consoles.values():
            console.end()
        for session in self.sessions:
            session.cancel()
        for namespaces in (self.sandbox.namespaces, *self.containers.values()):
            if self.has_run:
                kill_all_in(namespaces)
        for namespaces in self.containers.values():
            namespaces.close()
        self.containers.clear()
