"""The first container of a pod: its script is run for real, its log is read."""

import subprocess

import pytest

from netpol_harness.paths.outcome import Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.first_packet import NAME, ROUNDS, FirstPacketProbes, without_failed_start
from netpol_harness.probe.plan.question import Probe
from netpol_harness.results.evidence import Reply

REFUSED = Probe(Scheme.TCP, "127.0.0.1", 1)
SILENT = Probe(Scheme.UDP, "127.0.0.1", 1)


def command(asked: FirstPacketProbes) -> list[str]:
    spec = asked.inject({"containers": [{"name": "c"}], "initContainers": [{"name": "own"}]}, "image:1")
    assert [c["name"] for c in spec["initContainers"]] == [NAME, "own"]
    assert spec["containers"] == [{"name": "c"}]
    assert spec["initContainers"][0]["securityContext"]["runAsNonRoot"] is True
    return list(spec["initContainers"][0]["command"])


@pytest.mark.live
def test_its_script_writes_its_results_and_exits_with_0() -> None:
    asked = FirstPacketProbes.of([REFUSED], 1.0)
    done = subprocess.run(command(asked), capture_output=True, timeout=30, check=False)
    assert done.returncode == 0
    (replies,) = asked.read(done.stdout)
    assert [reply.outcome for reply in replies] == [Outcome.REFUSED] * ROUNDS


def test_a_log_that_is_lost_or_anothers_shows_nothing() -> None:
    asked, other = FirstPacketProbes.of([REFUSED, SILENT], 0.1), FirstPacketProbes.of([REFUSED, SILENT], 0.1)
    frames = "".join(f"\n[{b.nonce} 0 124 1.00 1.10\n\n{b.nonce} 0 124]\n" for b in other.batches)
    for log in (b"", b"sh: not found\n", frames.encode()):
        assert {r.outcome for replies in asked.read(log) for r in replies} == {Outcome.PROBE_FAILED}


def test_rounds_that_showed_nothing_at_the_beginning_are_left_out_unless_all_did() -> None:
    lost, open, dropped = Reply(Outcome.PROBE_FAILED), Reply(Outcome.CONNECTED), Reply(Outcome.TIMED_OUT)
    assert without_failed_start([lost, dropped, lost, open]) == (dropped, lost, open)
    assert without_failed_start([lost, lost]) == (lost, lost)
