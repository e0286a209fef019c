"""The settings of a cluster: by its user (``EmulatorOptions``), and from the outer process (``DaemonHandles``)."""

import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from netpol_harness.ip_family import IpFamily

RESTART_AGENT = signal.SIGUSR1
"""Signal to the cluster's process: restart the policy agent."""

AGENT_LOG, AGENT_FAILURE = "agent.log", "agent.failure"
"""Files of the cluster's directory: the output of the first node's agent, and why an agent does not run any more."""
AGENT_LOGS = "agent*.log"
"""The logs of the agents of all nodes."""


@dataclass(frozen=True, slots=True)
class EmulatorOptions:
    """The options of one cluster.

    ``lifeline`` and ``ready`` are ``None`` if there is no FIFO to watch or no descriptor to write to. ``tools`` is
    ``busybox`` if pods have only its tools, and empty if they have all of the host's. ``mutant`` is the name of the
    injected bug of its policy agent; empty for none. ``agent`` is a file with the program that enforces policies in
    place of our own rules (``agent.program.AgentProgram``). ``nodes`` is the number of nodes, and ``family``
    has the IP families of pods and Services. ``request_log`` is a file for the requests that the API
    answered (``apiserver.request_log``).
    """

    name: str
    kubeconfig: Path
    directory: Path | None = None
    lifeline: Path | None = None
    ready: int | None = None
    hidden_tools: Sequence[str] = field(default_factory=tuple)
    tools: str = ""
    mutant: str = ""
    agent: Path | None = None
    nodes: int = 1
    family: IpFamily = IpFamily.IPV4
    request_log: Path | None = None


@dataclass(frozen=True, slots=True)
class DaemonHandles:
    """What the daemon gets from the outer process.

    ``listener`` is its listening socket. End of file on one of ``lifelines`` ends it. It writes to ``announce`` when it
    is ready. ``privileged`` tells whether it has real root privileges.
    """

    listener: socket.socket
    lifelines: Sequence[int]
    announce: int
    privileged: bool
