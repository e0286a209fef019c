"""The shell and python scripts with the real tools of the host, against listeners, drops and rejects in a namespace."""

import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import product

import pytest

from netpol_harness.deadline import Deadline
from netpol_harness.kube.exec import ExecReply
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.question import Probe
from netpol_harness.probe.plan.toolbox import Tool
from netpol_harness.probe.pod_prober import ProbeMethod
from netpol_harness.probe.prober import Prober

HERE = pathlib.Path(__file__).parent
POD = NamespacedName("shop", "web")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The process in whose namespaces the listeners are."""
    argv = ["unshare", "--net", "--mount", sys.executable, str(HERE / "laboratory.py")]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1] / "harness")}
    resolver = tmp_path_factory.mktemp("lab") / "resolv.conf"
    argv.append(str(resolver))
    with subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process.pid
        process.stdin.close()


class _Inside:
    """An exec that runs argv in the namespaces of a process, with the system's own PATH."""

    def __init__(self, process: int) -> None:
        self._enter = ["nsenter", "--target", str(process), "--net", "--mount"]

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        program = [*self._enter, "env", f"PATH={PATH}", *argv]
        done = subprocess.run(program, input=stdin, capture_output=True, timeout=deadline.remaining, check=False)
        return ExecReply(done.returncode, done.stdout, done.stderr)


def _observe(prober: Prober, probes: Sequence[Probe], method: ProbeMethod = ProbeMethod.CLI) -> dict[Probe, Outcome]:
    """Outcomes of one round; up to three rounds where the machine was too slow for silence to count."""
    for _ in range(3):
        replies = prober.observe({POD: probes}, method)
        if not any("too slow" in reply.detail for reply in replies.values()):
            break
    return {probe: replies[POD, probe].outcome for probe in probes}


STREAMS = {
    80: Outcome.CONNECTED,
    90: Outcome.CONNECTED,
    92: Outcome.CONNECTED,
    81: Outcome.TIMED_OUT,
    82: Outcome.REFUSED,
    99: Outcome.REFUSED,
    84: Outcome.UNREACHABLE,
}
DATAGRAMS = {
    5353: Outcome.CONNECTED,
    53: Outcome.CONNECTED,
    81: Outcome.TIMED_OUT,
    83: Outcome.REFUSED,
    5354: Outcome.TIMED_OUT,
}
"""Port 5354 answers from another address than the one that was probed, which is no answer."""
NAMES = {"good": Outcome.CONNECTED, "nosuch": Outcome.NAME_FAILED, "silent": Outcome.NAME_FAILED}
ALMOST_ALIKE = {Outcome.UNREACHABLE, Outcome.TIMED_OUT}
"""Some tools wait on after an ICMP error to a connection, as the kernel lets them."""


@pytest.mark.parametrize(
    ("scheme", "tool"),
    [
        *product((Scheme.TCP, Scheme.HTTP), (None, Tool.NC, Tool.CURL, Tool.BASH, Tool.WGET)),
        *product((Scheme.HTTPS,), (None, Tool.NC, Tool.BASH)),
    ],
)
def test_every_tool_tells_the_same_of_streams(lab: int, scheme: Scheme, tool: Tool | None) -> None:
    if tool is not None and shutil.which(tool, path=PATH) is None:
        pytest.skip(f"this host has no {tool}")
    wanted = {Probe(scheme, "10.9.0.1", port): outcome for port, outcome in STREAMS.items()}
    wanted |= {Probe(scheme, name, 80): outcome for name, outcome in NAMES.items()}
    wanted[Probe(scheme, "10.77.0.1", 80)] = Outcome.UNREACHABLE
    seen = _observe(Prober(_Inside(lab), timeout=0.5, exec_timeout=20, tool=tool), list(wanted))
    differing = {probe: (outcome, seen[probe]) for probe, outcome in wanted.items() if outcome is not seen[probe]}
    assert all(set(pair) == ALMOST_ALIKE for pair in differing.values()), differing


@pytest.mark.parametrize("tool", [None, Tool.NC, Tool.BASH, Tool.PYTHON])
def test_every_tool_tells_the_same_of_datagrams(lab: int, tool: Tool | None) -> None:
    wanted = {Probe(Scheme.UDP, "10.9.0.1", port): outcome for port, outcome in DATAGRAMS.items()}
    wanted |= {Probe(Scheme.UDP, name, 5353): outcome for name, outcome in NAMES.items()}
    assert _observe(Prober(_Inside(lab), timeout=0.5, exec_timeout=20, tool=tool), list(wanted)) == wanted


def test_the_python_script_gives_the_same_results_for_addresses(lab: int) -> None:
    wanted = {Probe(Scheme.TCP, "10.9.0.1", port): outcome for port, outcome in STREAMS.items()}
    wanted |= {Probe(Scheme.UDP, "10.9.0.1", port): outcome for port, outcome in DATAGRAMS.items()}
    wanted[Probe(Scheme.TCP, "10.77.0.1", 80)] = Outcome.UNREACHABLE
    assert _observe(Prober(_Inside(lab), timeout=0.2, exec_timeout=20), list(wanted), ProbeMethod.PYTHON) == wanted


def test_tcp_is_asked_by_nc_and_http_by_curl(lab: int) -> None:
    probes = [Probe(Scheme.TCP, "good", 80), Probe(Scheme.HTTP, "good", 80)]
    replies = Prober(_Inside(lab), timeout=1.0, exec_timeout=20).observe({POD: probes})
    assert [replies[POD, probe].tool for probe in probes] == ["nc", "curl"]
    assert replies[POD, probes[1]].detail == "HTTP 404"
    assert replies[POD, probes[0]].command == "timeout 1 nc -vz -w 1 good 80"


def test_a_hundred_probes_of_one_pod_are_all_answered(lab: int) -> None:
    probes = [Probe(Scheme.TCP, "10.9.0.1", port) for port in range(100, 200)]
    assert set(_observe(Prober(_Inside(lab), timeout=1.0, exec_timeout=20), probes).values()) == {Outcome.REFUSED}


@pytest.mark.parametrize("tool", [None, Tool.NC, Tool.PYTHON])
def test_a_source_port_is_used_again_and_again(lab: int, tool: Tool | None) -> None:
    if tool is not None and shutil.which(tool, path=PATH) is None:
        pytest.skip(f"this host has no {tool}")
    port = 40000 + 10 * [None, Tool.NC, Tool.PYTHON].index(tool)
    wanted = {
        Probe(Scheme.TCP, "10.9.0.1", 80, port): Outcome.CONNECTED,
        Probe(Scheme.TCP, "10.9.0.1", 81, port): Outcome.TIMED_OUT,
        Probe(Scheme.TCP, "10.9.0.1", 82, port): Outcome.REFUSED,
        Probe(Scheme.UDP, "10.9.0.1", 5353, port): Outcome.CONNECTED,
        Probe(Scheme.UDP, "10.9.0.1", 81, port): Outcome.TIMED_OUT,
        Probe(Scheme.UDP, "10.9.0.1", 83, port): Outcome.REFUSED,
    }
    prober = Prober(_Inside(lab), timeout=0.5, exec_timeout=20, tool=tool)
    assert [_observe(prober, list(wanted)) for _ in range(3)] == [wanted] * 3


def test_a_source_port_that_is_taken_says_nothing_of_the_network(lab: int) -> None:
    silent, again = Probe(Scheme.TCP, "10.9.0.1", 90, 41000), Probe(Scheme.TCP, "10.9.0.1", 80, 41000)
    argv = ["nsenter", "--target", str(lab), "--net", "nc", "-z", "-p", "41000", "10.9.0.1", "92"]
    subprocess.run(argv, check=True)
    replies = Prober(_Inside(lab), timeout=0.5, exec_timeout=20).observe({POD: [silent, again]})
    assert {reply.outcome for reply in replies.values()} == {Outcome.PROBE_FAILED}
    assert all("not free" in reply.detail for reply in replies.values())
