"""A pod that has a sandbox: what it holds of the node's, and what its containers have said, which outlives it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netpol_harness.emulator.kernel.netns import Namespaces
from netpol_harness.emulator.kernel.node import Sandbox
from netpol_harness.emulator.kubelet.console import Console, Log
from netpol_harness.emulator.kubelet.listeners import Listeners, Responder
from netpol_harness.emulator.kubelet.spawn import kill_all_in
from netpol_harness.model.names import Port


@dataclass(slots=True)
class ContainerOutput:
    """What a pod's containers have said, by container: to their logs, and to who is attached."""

    logs: dict[str, Log] = field(default_factory=dict)
    consoles: dict[str, Console] = field(default_factory=dict)

    def log(self, container: str) -> Log:
        """Its log, from the first run on."""
        return self.logs.setdefault(container, Log())

    def console(self, container: Mapping[str, Any]) -> Console:
        """A new console, for one run."""
        made = self.consoles[container["name"]] = Console(container, self.log(container["name"]))
        return made


@dataclass(slots=True)
class Running:
    """A pod with a sandbox.

    ``wanted`` is what listens unless declared dead or ``refused`` by the kernel; ``joined`` are the containers that
    have files of their own; ``used`` once it had a process; ``life`` is what keeps its containers going, ``begun`` set
    once they have.
    """

    sandbox: Sandbox
    listeners: Listeners
    wanted: Mapping[Port, Responder] = field(default_factory=dict)
    refused: set[Port] = field(default_factory=set)
    said: ContainerOutput = field(default_factory=ContainerOutput)
    sessions: set[asyncio.Task[int]] = field(default_factory=set)
    joined: dict[str, Namespaces] = field(default_factory=dict)
    used: bool = False
    life: asyncio.Task[None] | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def end_container(self, name: str) -> None:
        """Kill what is left in a container whose first process has ended, as the kernel would."""
        if name in self.joined:
            kill_all_in(self.joined[name])

    def end(self) -> None:
        """End all that goes on in the pod; its sandbox is left to the node."""
        self.listeners.close_all()
        for console in self.said.consoles.values():
            console.end()
        for session in self.sessions:
            session.cancel()
        for namespaces in (self.sandbox.namespaces, *self.joined.values()):
            if self.used:
                kill_all_in(namespaces)
        for namespaces in self.joined.values():
            namespaces.close()
        self.joined.clear()
