"""The embedded cluster as a backend: starts its process, hands out its kubeconfig, ends it.

All state is in the run's directory: ``embedded.pid``, ``kubeconfig``, ``lifeline``, ``daemon.log``, ``stderr.log``; so
another process than the one that created a cluster can delete it. The cluster ends by itself with its owner: when the
last process that holds ``lifeline`` open is gone.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from netpol_harness.backends.base import Capability, Cluster, ExternalHosts, Leftover
from netpol_harness.backends.facts import EMBEDDED_DATAPLANE
from netpol_harness.backends.kernel import has_sctp
from netpol_harness.deadline import Deadline
from netpol_harness.emulator.options import RESTART_AGENT
from netpol_harness.errors import ClusterFailed
from netpol_harness.timeouts import EMBEDDED

_MODULE = "netpol_harness.emulator"
_LOGS = ("daemon.log", "stderr.log")
_PATIENCE = 10.0  # seconds for an orderly end; the process gives itself half of that
_TAIL = 2000
_ALWAYS = frozenset({Capability.EXTERNAL_HOSTS, Capability.AGENT_RESTART, Capability.CHOSEN_ADDRESSES})


class EmbeddedBackend:
    """Makes embedded clusters (``backends.base.Backend``). ``arguments`` go to each cluster's process.

    Raises ``ClusterFailed`` where no ``mutant`` has the name given.
    """

    name = "embedded"
    owns_cluster = True
    namespaces: Mapping[str, str] = MappingProxyType({})

    def __init__(self, arguments: Sequence[str] = (), *, mutant: str = "") -> None:
        self.dataplane = _dataplane(mutant)
        self._arguments = (*arguments, *(("--mutant", mutant) if mutant else ()))
        self._started: dict[int, subprocess.Popen[bytes]] = {}
        self._lifelines: list[int] = []

    def create(self, name: str, directory: Path) -> Cluster:
        """Start the cluster and return once it is ready. Raises ``ClusterFailed`` with what the process said."""
        kubeconfig = directory / "kubeconfig"
        self._ensure_lifeline(directory / "lifeline")
        reader, writer = os.pipe()
        arguments = ["--name", name, "--kubeconfig", str(kubeconfig), "--directory", str(directory)]
        arguments += ["--lifeline", str(directory / "lifeline"), "--ready-fd", str(writer), *self._arguments]
        try:
            process = self._start(arguments, directory, writer)
            os.close(writer)
            ready = _told(reader, EMBEDDED.cluster)
        finally:
            os.close(reader)
        if not ready:
            self._end(process.pid)
            raise ClusterFailed(f"the embedded cluster {name} did not start: {_tail(directory / 'stderr.log')}")
        return Cluster(
            name=name,
            backend=self.name,
            dataplane=self.dataplane,
            kubeconfig=kubeconfig,
            timeouts=EMBEDDED,
            capabilities=_capabilities(),
            context=name,
        )

    def delete(self, name: str, directory: Path | None = None) -> None:
        """End the process of the cluster in ``directory``; without one, the cluster has ended with its owner."""
        if directory is None:
            return
        with suppress(FileNotFoundError, ValueError):
            pid = int((directory / "embedded.pid").read_text())
            if _is_cluster(pid, directory):
                self._end(pid)
            (directory / "embedded.pid").unlink()

    def restart_agent(self, cluster: Cluster) -> None:
        """Have the cluster read its policies anew and put them in force, in place. Raises ``ClusterFailed``."""
        directory = cluster.kubeconfig.parent
        with suppress(FileNotFoundError, ValueError):
            pid = int((directory / "embedded.pid").read_text())
            if _is_cluster(pid, directory):
                os.kill(pid, RESTART_AGENT)
                return
        raise ClusterFailed(
            f"the policy agent of cluster {cluster.name} cannot be restarted: the cluster is not running"
        )

    def collect_logs(self, cluster: Cluster, into: Path) -> None:
        """Copy what the cluster's process wrote."""
        for name in _LOGS:
            with suppress(FileNotFoundError):
                shutil.copy(cluster.kubeconfig.parent / name, into / name)

    def closing_note(self, cluster: Cluster) -> str:
        """Nothing: such a cluster cannot be kept."""
        return ""

    def leftovers(self) -> Sequence[Leftover]:
        """None: such a cluster ends with its owner."""
        return ()

    def external_hosts(self, cluster: Cluster) -> ExternalHosts | None:
        """``None``: the cluster makes them out of pods."""
        return None

    def _start(self, arguments: Sequence[str], directory: Path, ready: int) -> subprocess.Popen[bytes]:
        with (directory / "stderr.log").open("wb") as log:
            process = subprocess.Popen(
                _command(*arguments),
                env=_environment(),
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
        """Ask the process to end, then make it, and wait until it has ended."""
        with suppress(ProcessLookupError):
            watch = os.pidfd_open(pid)
            try:
                signal.pidfd_send_signal(watch, signal.SIGTERM)
                if not _ended(watch, _PATIENCE):
                    signal.pidfd_send_signal(watch, signal.SIGKILL)
                    _ended(watch, _PATIENCE)
            finally:
                os.close(watch)
        if process := self._started.pop(pid, None):
            process.wait()

    def _ensure_lifeline(self, path: Path) -> None:
        """The owner holds the lifeline; where there is none, this process is the owner, for as long as it lives."""
        with suppress(FileExistsError):
            os.mkfifo(path, 0o600)
            self._lifelines.append(os.open(path, os.O_RDWR))


def obstacle() -> str | None:
    """Return in one line why no embedded cluster can run here, or ``None``."""
    done = subprocess.run(_command("--check"), env=_environment(), capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr.strip() or f"exit code {done.returncode}"


def _dataplane(mutant: str) -> str:
    if not mutant:
        return EMBEDDED_DATAPLANE
    from netpol_harness.emulator.faults import named  # here, since it is rarely needed

    return f"{EMBEDDED_DATAPLANE}; MUTANT {mutant}: {named(mutant).description}"


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", _MODULE, *arguments]


def _environment() -> dict[str, str]:
    """Ours, with this package importable wherever the process starts."""
    root = str(Path(__file__).resolve().parents[2])
    path = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{path}" if path else root}


def _told(descriptor: int, seconds: float) -> bool:
    """Whether something was said before the time, or the other end, ran out."""
    deadline = Deadline(seconds)
    readable, _, _ = select.select([descriptor], [], [], deadline.remaining)
    return bool(readable) and os.read(descriptor, 16) != b""


def _ended(watch: int, seconds: float) -> bool:
    return bool(select.select([watch], [], [], seconds)[0])


def _is_cluster(pid: int, directory: Path) -> bool:
    """Whether the process is still the one we recorded: numbers are used again."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return _MODULE.encode() in words and str(directory).encode() in words
    return False


def _capabilities() -> frozenset[Capability]:
    """Return the capabilities of every embedded cluster, and SCTP if this kernel has it."""
    return _ALWAYS | {Capability.SCTP} if has_sctp() else _ALWAYS


def _tail(path: Path) -> str:
    try:
        text = path.read_bytes()[-_TAIL:].decode(errors="replace").strip()
    except OSError:
        text = ""
    return text or "it said nothing"
