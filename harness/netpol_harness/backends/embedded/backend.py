"""The embedded cluster as a backend: starts the process of a cluster, and ends it.

All state is in the run's directory: ``embedded.pid``, ``kubeconfig``, ``lifeline``, ``agent.json``, and the logs
(``_LOGS``). So a process other than the creator of a cluster can delete it. The cluster ends by itself with its owner:
when no process holds ``lifeline`` open any more.
"""

import json
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from netpol_harness.backends.base import Capability, Cluster, ExternalHosts, Leftover
from netpol_harness.backends.embedded.host import MODULE, command, environment
from netpol_harness.backends.facts import EMBEDDED_DATAPLANE, EMBEDDED_NETWORK
from netpol_harness.backends.kernel import has_sctp
from netpol_harness.deadline import Deadline
from netpol_harness.emulator.options import AGENT_FAILURE, AGENT_LOGS, RESTART_AGENT
from netpol_harness.errors import ClusterFailed
from netpol_harness.ip_family import IpFamily
from netpol_harness.timeouts import EMBEDDED, EMBEDDED_AGENT

if TYPE_CHECKING:
    from netpol_harness.backends.embedded.agents import Agent
    from netpol_harness.model.json_object import JsonObject

    CreateObjects = Callable[[Cluster, Sequence[JsonObject]], None]

_LOGS = ("daemon.log", "stderr.log", AGENT_LOGS)
_END_SECONDS = 10.0  # for an orderly end; the process limits its own clean-up to half of that
_TAIL_BYTES = 2000
_CAPABILITIES = frozenset(
    {
        Capability.EXTERNAL_HOSTS,
        Capability.EXTERNAL_NAMES,
        Capability.LOAD_BALANCERS,
        Capability.AGENT_RESTART,
        Capability.CHOSEN_ADDRESSES,
    }
)
_POLICIES = frozenset({Capability.CLUSTER_POLICIES})
"""The kinds of policies, besides NetworkPolicy, that the cluster's own rules implement."""


class EmbeddedBackend:
    """Creates embedded clusters (``backends.base.Backend``). ``arguments`` are passed to the process of each cluster.

    ``agent`` enforces policies in place of the cluster's own rules, on each of the ``nodes``. ``family`` has the IP
    families of pods and Services. Raises ``ClusterFailed`` if there is no mutant called ``mutant``.
    """

    name = "embedded"
    owns_cluster = True
    namespaces: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self,
        arguments: Sequence[str] = (),
        *,
        mutant: str = "",
        agent: "Agent | None" = None,
        nodes: int = 1,
        family: IpFamily = IpFamily.IPV4,
    ) -> None:
        self.dataplane = _dataplane(mutant) if agent is None else f"{EMBEDDED_NETWORK}; policies by {agent.title}"
        self.known_deviations = None if agent is None else agent.known_deviations
        self.starts_early = agent is None
        self._create_objects = None if agent is None else _object_creator()
        self._agent = agent
        self._extra = {Capability(f"IPv{version}") for version in family.versions}
        self._extra |= {Capability.TWO_NODES} if nodes > 1 else set()
        self._arguments = (
            *arguments,
            "--nodes",
            str(nodes),
            "--ip-family",
            family.value,
            *(("--mutant", mutant) if mutant else ()),
        )
        self._started: dict[int, subprocess.Popen[bytes]] = {}
        self._lifelines: list[int] = []

    def create(self, name: str, directory: Path) -> Cluster:
        """Start the cluster and return once it is ready. Raises ``ClusterFailed`` with the output of the process."""
        kubeconfig = directory / "kubeconfig"
        self._ensure_lifeline(directory / "lifeline")
        reader, writer = os.pipe()
        arguments = ["--name", name, "--kubeconfig", str(kubeconfig), "--directory", str(directory)]
        arguments += ["--lifeline", str(directory / "lifeline"), "--ready-fd", str(writer), *self._arguments]
        arguments += self._agent_arguments(directory)
        try:
            process = self._start(arguments, directory, writer)
            os.close(writer)
            ready = _is_ready(reader, EMBEDDED.cluster)
        finally:
            os.close(reader)
        if not ready:
            self._end(process.pid)
            self._reap(process.pid)
            raise ClusterFailed(f"the embedded cluster {name} did not start: {_tail(directory / 'stderr.log')}")
        cluster = Cluster(
            name=name,
            backend=self.name,
            dataplane=self.dataplane,
            kubeconfig=kubeconfig,
            timeouts=EMBEDDED if self._agent is None else EMBEDDED_AGENT,
            capabilities=_capabilities() | self._extra | (self._agent.capabilities if self._agent else _POLICIES),
            context=name,
        )
        if self._create_objects and self._agent is not None and self._agent.objects:
            self._create_objects(cluster, self._agent.objects)
            self.restart_agent(cluster)
        return cluster

    def delete(self, name: str, directory: Path | None = None) -> None:
        """End the process of the cluster in ``directory``; if that is ``None``, it has ended with its owner."""
        if directory is None:
            return
        with suppress(FileNotFoundError, ValueError):
            pid = int((directory / "embedded.pid").read_text())
            if _is_cluster(pid, directory):
                self._end(pid)
            self._reap(pid)
            (directory / "embedded.pid").unlink()

    def restart_agent(self, cluster: Cluster) -> None:
        """Let the cluster's policy agent read and program all policies again. Raises ``ClusterFailed``."""
        directory = cluster.kubeconfig.parent
        with suppress(FileNotFoundError, ValueError):
            pid = int((directory / "embedded.pid").read_text())
            if _is_cluster(pid, directory):
                os.kill(pid, RESTART_AGENT)
                return
        raise ClusterFailed(
            f"the policy agent of cluster {cluster.name} cannot be restarted: the cluster is not running"
        )

    def failure(self, cluster: Cluster) -> str:
        """Return why the agent does not run, or why the cluster's process has ended."""
        directory = cluster.kubeconfig.parent
        with suppress(FileNotFoundError):
            return (directory / AGENT_FAILURE).read_text()
        with suppress(FileNotFoundError, ValueError):
            if not _is_cluster(int((directory / "embedded.pid").read_text()), directory):
                return f"the embedded cluster {cluster.name} has ended: {_tail(directory / 'stderr.log')}"
        return ""

    def collect_logs(self, cluster: Cluster, into: Path) -> None:
        """Copy the logs of the cluster's process."""
        for pattern in _LOGS:
            for log in cluster.kubeconfig.parent.glob(pattern):
                shutil.copy(log, into / log.name)

    def closing_note(self, cluster: Cluster) -> str:
        """Return nothing: an embedded cluster cannot be kept."""
        return ""

    def leftovers(self) -> Sequence[Leftover]:
        """Return nothing: an embedded cluster ends with its owner."""
        return ()

    def external_hosts(self, cluster: Cluster) -> ExternalHosts | None:
        """Return ``None``: pods stand in for them."""
        return None

    def _agent_arguments(self, directory: Path) -> list[str]:
        """Write the agent's program into the directory, and return the arguments that name it."""
        if self._agent is None:
            return []
        path = directory / "agent.json"
        path.write_text(json.dumps(self._agent.program.to_data()))
        return ["--agent", str(path)]

    def _start(self, arguments: Sequence[str], directory: Path, ready: int) -> subprocess.Popen[bytes]:
        with (directory / "stderr.log").open("wb") as log:
            process = subprocess.Popen(
                command(*arguments),
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                pass_fds=[ready],
                start_new_session=True,
            )
        self._started[process.pid] = process
        (directory / "embedded.pid").write_text(str(process.pid))
        return process

    def _end(self, pid: int) -> None:
        """Terminate the process, kill it if it does not end in time, and wait for its end."""
        with suppress(ProcessLookupError):
            pidfd = os.pidfd_open(pid)
            try:
                signal.pidfd_send_signal(pidfd, signal.SIGTERM)
                if not _ended(pidfd, _END_SECONDS):
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                    _ended(pidfd, _END_SECONDS)
            finally:
                os.close(pidfd)

    def _reap(self, pid: int) -> None:
        """Take the exit status of a process that this one has started, and that has ended."""
        if process := self._started.pop(pid, None):
            process.wait()

    def _ensure_lifeline(self, path: Path) -> None:
        """The owner holds the lifeline open. If there is no lifeline, this process becomes the owner until it ends."""
        with suppress(FileExistsError):
            os.mkfifo(path, 0o600)
            self._lifelines.append(os.open(path, os.O_RDWR))


def _object_creator() -> "CreateObjects":
    """Import the client. Not when a cluster is created, because only the main thread may import (``lab.context``)."""
    from netpol_harness.backends.embedded.agent_objects import create_objects

    return create_objects


def _dataplane(mutant: str) -> str:
    if not mutant:
        return EMBEDDED_DATAPLANE
    from netpol_harness.emulator.faults import named  # rarely needed

    return f"{EMBEDDED_DATAPLANE}; MUTANT {mutant}: {named(mutant).description}"


def _is_ready(descriptor: int, seconds: float) -> bool:
    """Wait for a byte in the pipe; ``False`` if the time is up or the process has closed its end."""
    deadline = Deadline(seconds)
    readable, _, _ = select.select([descriptor], [], [], deadline.remaining)
    return bool(readable) and os.read(descriptor, 16) != b""


def _ended(pidfd: int, seconds: float) -> bool:
    return bool(select.select([pidfd], [], [], seconds)[0])


def _is_cluster(pid: int, directory: Path) -> bool:
    """Whether the process is still the recorded one: PIDs are reused."""
    with suppress(OSError):
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return MODULE.encode() in argv and str(directory).encode() in argv
    return False


def _capabilities() -> frozenset[Capability]:
    """Return the capabilities of every embedded cluster, and SCTP if this kernel has it."""
    return _CAPABILITIES | {Capability.SCTP} if has_sctp() else _CAPABILITIES


def _tail(path: Path) -> str:
    try:
        text = path.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").strip()
    except OSError:
        text = ""
    return text or "it wrote no message"
