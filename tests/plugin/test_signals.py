"""A cancelled job: what the run has made is removed, on every backend, by whoever of its processes hears of it."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.deadline import Deadline
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.plugin.reports.results import Results
from netpol_harness.plugin.signals import Signals, Terminated

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

WAITING = """\
import pathlib, time
def test_it(scenario):
    pathlib.Path('ready').touch()
    time.sleep(60)
"""
_SECONDS = 40.0


def ended(demo: "Demo", process: "subprocess.Popen[bytes]", number: signal.Signals, *, group: bool = False) -> str:
    """What a run says that gets the signal once the file ``ready`` is there."""
    try:
        assert any((demo.pytester.path / "ready").exists() for _ in Deadline(_SECONDS).ticks(0.05))
        (os.killpg if group else os.kill)(process.pid, number)
        return process.communicate(timeout=_SECONDS)[0].decode()
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate(timeout=_SECONDS)


@pytest.fixture
def standing(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A cluster that KUBECONFIG names."""
    backend = EmbeddedBackend(())
    cluster = backend.create("demo", tmp_path_factory.mktemp("standing"))
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    yield Client(Access.from_kubeconfig(cluster.kubeconfig))
    backend.delete(cluster.name, cluster.kubeconfig.parent)


@pytest.mark.live
@pytest.mark.parametrize("group", [False, True], ids=["one", "group"])
@pytest.mark.parametrize(
    ("number", "workers"), [(signal.SIGTERM, []), (signal.SIGHUP, ["-n", "1"])], ids=["alone", "workers"]
)
def test_a_given_cluster_is_left_as_it_was(
    demo: "Demo", standing: Client, number: signal.Signals, workers: list[str], *, group: bool
) -> None:
    before = {data["metadata"]["name"] for data in standing.list("v1", "Namespace")}
    (demo.pytester.path / "demo" / "test_wait.py").write_text(WAITING)
    process = demo.start("--cluster", "kubeconfig", "--no-canary", *workers, "demo/test_wait.py")
    said = ended(demo, process, number, group=group)
    assert {data["metadata"]["name"] for data in standing.list("v1", "Namespace")} == before, said
    assert demo.vanished(), demo.left()


KIND = """\
#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
case "$1 $2" in
version*) echo "kind v0.33.0 go1.26.8 linux/amd64" ;;
"create cluster") touch ready; exec sleep 60 ;;
esac
"""


@pytest.fixture
def kind(demo: "Demo", monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs that stand for kind, whose cluster never comes, and for docker; gives the file of kind's calls."""
    programs: Path = demo.pytester.mkdir("bin")
    info = json.dumps({"ServerVersion": "26.1.5", "CgroupVersion": "2", "MemTotal": 2**34, "KernelVersion": "another"})
    for name, text in (("kind", KIND), ("docker", f"#!/bin/sh\n[ $1 = info ] && echo '{info}'\nexit 0\n")):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return programs / "calls"


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "workers"])
def test_a_kind_cluster_that_is_being_made_is_deleted(demo: "Demo", kind: Path, workers: list[str]) -> None:
    process = demo.start("--cluster", "kind", "--cni", "kindnet", "--no-canary", *workers, "demo")
    said = ended(demo, process, signal.SIGTERM)
    calls = [line.split() for line in kind.read_text().splitlines()]
    (made,) = {call[3] for call in calls if call[:2] == ["create", "cluster"]}
    assert ["delete", "cluster", "--name", made] in calls, said
    assert "ended by SIGTERM" in said
    assert demo.vanished(), demo.left()


@pytest.fixture
def signals() -> Iterator[Signals]:
    """Listens, in a process where nothing else handles the signals."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    listening = Signals()
    listening.install()
    yield listening
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_second_signal_does_not_stop_the_removal(signals: Signals) -> None:
    with pytest.raises(Terminated, match="SIGTERM"):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGHUP)
    assert signals.received


def test_what_is_ignored_stays_so_and_the_process_is_left_as_it_was_found(signals: Signals) -> None:
    signals.restore()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    again = Signals()
    again.install()
    signal.raise_signal(signal.SIGHUP)
    again.restore()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_the_plugins_can_be_kept_in_sets() -> None:
    assert len({Signals(), Results()}) == 2
