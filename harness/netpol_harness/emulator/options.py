"""What a cluster is told: by its user (``EmulatorOptions``), and by the process outside of it (``Inherited``)."""

import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

RESTART_AGENT = signal.SIGUSR1
"""Sent to the cluster's process: restart the policy agent."""


@dataclass(frozen=True, slots=True)
class EmulatorOptions:
    """One cluster. Descriptors are ``None`` where there is nothing to watch (``lifeline``) or to tell (``ready``).

    ``tools`` is ``busybox`` where pods are to find nothing else, and empty where they find all that the host has;
    ``mutant`` is the name of the bug that its policy agent has; it has none where that is empty.
    """

    name: str
    kubeconfig: Path
    directory: Path | None = None
    lifeline: Path | None = None
    ready: int | None = None
    hidden_tools: Sequence[str] = field(default_factory=tuple)
    tools: str = ""
    mutant: str = ""


@dataclass(frozen=True, slots=True)
class Inherited:
    """What the daemon is handed by the process outside: its listening socket, the descriptors whose end of file ends
    it, one to announce readiness on, and whether it has the host's real root rights.
    """

    listener: socket.socket
    lifelines: Sequence[int]
    announce: int
    privileged: bool
