"""Start and end of a cluster: nothing outlives it. Real namespaces."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.backends.embedded.host import obstacle
from netpol_harness.deadline import Deadline
from netpol_harness.ip_family import IpFamily

pytestmark = pytest.mark.live

WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all"]
AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
HOLDER = "import os, sys; os.open(sys.argv[1], os.O_RDWR); print('held', flush=True); sys.stdin.read()"


def host_state() -> tuple[Any, ...]:
    """Return what a cluster must not change on the host: interfaces, mounts, addresses."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    routes = Path("/proc/net/route").read_text()
    return sorted(Path("/sys/class/net").iterdir()), sorted(mounts), routes


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_orderly(foreground: Any, gone: Callable[..., bool], number: signal.Signals) -> None:
    before = host_state()
    cluster = foreground()
    cluster.wait_until_ready()
    pids = cluster.pids()
    assert len(pids) == 2
    assert stat.S_IMODE(cluster.kubeconfig.stat().st_mode) == 0o600
    cluster.process.send_signal(number)
    _, errors = cluster.process.communicate(timeout=10)
    assert cluster.process.returncode == 0, errors
    assert errors == ""
    assert gone(pids)
    assert not list(cluster.kubeconfig.parent.iterdir())
    assert host_state() == before


@pytest.mark.parametrize("nodes", ["1", "3"])
@pytest.mark.parametrize("victim", [0, 1], ids=["outer", "daemon"])
def test_sigkill_leaves_nothing(
    foreground: Any, gone: Callable[..., bool], kubectl: Any, victim: int, nodes: str
) -> None:
    before = host_state()
    cluster = foreground("--nodes", nodes)
    cluster.wait_until_ready()
    talk = type(kubectl)(cluster.kubeconfig)
    talk.run_pods(_pod("p"))
    talk.ok("exec", "p", "--", "sh", "-c", "setsid sleep 1000 </dev/null >/dev/null 2>&1 & trap '' TERM HUP; true")
    pids = cluster.pids()
    assert len(pids) == 3, "outer, daemon and the process that fled its session"
    os.kill(pids[victim], signal.SIGKILL)
    assert gone(pids)
    assert host_state() == before


@pytest.mark.parametrize("milliseconds", [0, 20, 60, 120, 200])
def test_sigkill_at_any_moment_leaves_nothing(foreground: Any, gone: Callable[..., bool], milliseconds: int) -> None:
    cluster = foreground()
    cluster.is_ready_within(milliseconds / 1000)
    pids = cluster.pids()
    cluster.process.kill()
    mine = [pid for pid in _mentioning(cluster.kubeconfig) if pid != os.getpid()]
    assert gone([*pids, *mine])
    assert not _mentioning(cluster.kubeconfig)


def test_it_ends_when_the_last_holder_of_its_lifeline_is_killed(
    foreground: Any, gone: Callable[..., bool], tmp_path: Path
) -> None:
    fifo = tmp_path / "lifeline"
    os.mkfifo(fifo)
    command = [sys.executable, "-c", HOLDER, str(fifo)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        cluster = foreground("--lifeline", str(fifo))
        cluster.wait_until_ready()
        pids = cluster.pids()
        assert cluster.process.poll() is None
        holder.kill()
    assert gone(pids)
    assert cluster.process.wait(timeout=5) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [(lambda _: None, "make it with mkfifo"), (os.mkfifo, "no process holds the lifeline")],
    ids=["missing", "not held"],
)
def test_an_unusable_lifeline_is_an_error(
    foreground: Any, tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    make(tmp_path / "lifeline")
    cluster = foreground("--lifeline", str(tmp_path / "lifeline"))
    assert message in _error_output(cluster)


def test_a_file_that_cannot_be_written_is_an_error(foreground: Any, tmp_path: Path) -> None:
    assert "cannot write the kubeconfig" in _error_output(foreground(directory=tmp_path / "nosuch"))
    assert "cannot write the log" in _error_output(foreground("--directory", str(tmp_path / "nosuch")))


def test_missing_privileges_are_reported_with_errno_and_remedy(foreground: Any) -> None:
    cluster = foreground("--check", through=["setpriv", "--bounding-set=-all", "--inh-caps=-all"])
    if os.geteuid():
        assert cluster.process.wait() == 0
        return
    message = _error_output(cluster)
    assert "EPERM" in message
    assert "run as root, or" in message


@pytest.mark.parametrize("through", [WITHOUT_RIGHTS, AS_NOBODY], ids=["root without rights", "nobody"])
def test_a_rootless_cluster_works_the_same(foreground: Any, kubectl: Any, tmp_path: Path, through: list[str]) -> None:
    if os.geteuid():
        pytest.skip("only root can become somebody else; everything else here has run rootless")
    python = _usable_python(through)
    place = tmp_path / "rootless"
    place.mkdir()
    if through is AS_NOBODY:
        os.chown(place, 65534, 65534)
        for parent in [place, *place.parents][: -len(Path("/tmp").parts)]:
            parent.chmod(parent.stat().st_mode | 0o055)
    cluster = foreground("--nodes", "2", through=through, python=python, directory=place)
    cluster.wait_until_ready()
    talk = type(kubectl)(cluster.kubeconfig)
    talk.run_pods(*(_pod(name) for name in ("a", "b")))
    assert {talk.field(name, "{.spec.nodeName}") for name in ("a", "b")} == {"embedded", "embedded-worker"}
    assert talk.ok("exec", "a", "--", "curl", "-s", talk.address("b")).startswith("b.default port 80/TCP")
    assert "CapEff:\t0000000000000000" in talk.ok("exec", "a", "--", "cat", "/proc/self/status")
    assert talk("exec", "a", "--", "sh", "-c", "kill -9 1; kill -15 1; kill -2 1; touch /etc/x").returncode != 0
    assert talk.ok("exec", "a", "--", "echo", "alive") == "alive\n"


def test_a_host_without_ipv6_says_so(foreground: Any) -> None:
    if os.geteuid():
        pytest.skip("only root can make a host's settings read-only")
    read_only = 'mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && exec "$@"'
    through = ["unshare", "-m", "sh", "-c", read_only, "sh", *WITHOUT_RIGHTS]
    assert "there is no IPv6 here" in _error_output(foreground("--check", "--ip-family", "dual", through=through))
    assert foreground("--check", "--ip-family", "ipv4", through=through).process.wait() == 0


def test_a_rootless_cluster_has_both_families(foreground: Any, kubectl: Any) -> None:
    if missing := obstacle(IpFamily.DUAL):
        pytest.skip(missing)
    cluster = foreground("--ip-family", "dual", through=[] if os.geteuid() else WITHOUT_RIGHTS)
    cluster.wait_until_ready()
    talk = type(kubectl)(cluster.kubeconfig)
    talk.run_pods(*(_pod(name) for name in ("a", "b")))
    _, six = talk.field("b", "{.status.podIPs[*].ip}").split()
    assert talk.ok("exec", "a", "--", "curl", "-s", f"http://[{six}]:80/").startswith("b.default port 80/TCP")


def test_tools_can_be_hidden_and_policies_ignored(foreground: Any, kubectl: Any) -> None:
    cluster = foreground("--hide-tools", "nc,curl", "--mutant", "not-enforced")
    cluster.wait_until_ready()
    talk = type(kubectl)(cluster.kubeconfig)
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny"}}
    talk.ok("create", "-f", "-", data=json.dumps({**kind, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}))
    talk.run_pods(*(_pod(name) for name in ("a", "b")))
    assert talk("exec", "a", "--", "sh", "-c", "command -v nc curl || echo none").stdout == "none\n"
    connect = f"import socket; socket.create_connection(('{talk.address('b')}', 80), 1)"
    talk.ok("exec", "a", "--", "python3", "-c", connect)


def _pod(name: str) -> dict[str, Any]:
    container = {"name": "c", "image": "x", "ports": [{"containerPort": 80}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}


def _usable_python(through: list[str]) -> str:
    """Return an interpreter of this version that the user may run: the virtual environment may be in a closed home."""
    for candidate in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [*through, candidate, "-c", "import aiohttp, dnslib"]
        try:
            if subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0:
                return candidate
        except OSError:
            continue
    pytest.skip("no interpreter that this user may run")


def _error_output(cluster: Any) -> str:
    _, errors = cluster.process.communicate(timeout=20)
    assert cluster.process.returncode == 2
    assert errors.count("\n") == 1, errors
    return str(errors)


def _mentioning(path: Path) -> list[int]:
    """Return processes with the path on their command line, after those that are ending have ended."""
    found: list[int] = []
    for _ in Deadline(5).ticks(0.01):
        found = [pid for pid in _commands() if str(path).encode() in _commands().get(pid, b"")]
        if not found:
            break
    return found


def _commands() -> dict[int, bytes]:
    found = {}
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found[int(entry.parent.name)] = entry.read_bytes()
        except OSError:
            continue
    return found
