"""What a cluster is told: by its user (``Options``), and by the process outside of it (``Inherited``)."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """One cluster. Descriptors are ``None`` where there is nothing to watch (``lifeline``) or to tell (``ready``)."""

    name: str
    kubeconfig: Path
    directory: Path | None = None
    lifeline: Path | None = None
    ready: int | None = None
    hidden_tools: Sequence[str] = field(default_factory=tuple)
    enforcement: bool = True


@dataclass(frozen=True, slots=True)
class Inherited:
    """What the daemon is handed by the process outside: its listening socket, the descriptors whose end of file ends
    it, one to announce readiness on, and whether it has the host's real root rights.
    """

    listener: socket.socket
    lifelines: Sequence[int]
    announce: int
    privileged: bool
