import re
import subprocess
from dataclasses import replace

import pytest

from netpol_harness.paths.outcome import Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.question import Probe
from netpol_harness.probe.plan.script import Batch, compose, doubted, read, token
from netpol_harness.probe.plan.toolbox import Netcat, Tool, Toolbox
from netpol_harness.results.evidence import Reply

NONCE = "a1b2c3d4e5f60718"
NC = Toolbox(frozenset({Tool.NC}), Netcat.OPENBSD, lookup="getent ahosts")
ADDRESS = Probe(Scheme.TCP, "10.0.0.1", 80)
NAMED = Probe(Scheme.TCP, "web", 80)
UDP = Probe(Scheme.UDP, "10.0.0.1", 5353)
OPEN = "Connection to x 80 port [tcp/http] succeeded!"


def _batch(*probes: Probe, toolbox: Toolbox = NC, tool: Tool | None = None) -> Batch:
    return compose(probes, toolbox, timeout=0.2, width=4, nonce=NONCE, tool=tool)


def _frame(index: str, code: int, message: str = "", *, seconds: float = 0.01) -> str:
    return f"\n[{NONCE} {index} {code} 5.00 {5 + seconds}\n{message}\n{NONCE} {index} {code}]\n"


PULSE = _frame("pulse0", 1, "nc: connect to 127.0.0.1 port 1 (tcp) failed: Connection refused")


def _replies(batch: Batch, *frames: str) -> dict[Probe, Reply]:
    return dict(read(batch, "".join([PULSE, *frames]).encode()).replies)


def test_the_script_is_read_whole_before_it_runs_and_ends_itself() -> None:
    batch = _batch(ADDRESS)
    cut = batch.text[: batch.text.rindex("}")]
    done = subprocess.run(["sh"], input=cut.encode(), capture_output=True, check=False)
    assert done.stdout == b""
    whole = subprocess.run(["sh"], input=(batch.text + "echo after").encode(), capture_output=True, check=False)
    assert b"after" not in whole.stdout
    assert whole.returncode == 0


def test_the_script_runs_its_lines_on_as_many_workers_as_allowed() -> None:
    probes = [Probe(Scheme.TCP, "10.0.0.1", port) for port in range(1, 8)]
    text = compose(probes, NC, timeout=0.2, width=3, nonce=NONCE).text
    assert text.count("} &") == 3
    assert len(re.findall(r"^p \d+ 1 ", text, re.MULTILINE)) == 7


NAME = Probe(Scheme.TCP, "127.0.0.1", 1, asks_name=True)


@pytest.mark.parametrize("limits_time", [True, False])
@pytest.mark.parametrize("asks_name", [True, False])
def test_one_command_and_a_pipe_run_whether_or_not_a_program_limits_their_time(
    *, asks_name: bool, limits_time: bool
) -> None:
    probe = Probe(Scheme.TCP, "127.0.0.1", 1, asks_name=asks_name)
    batch = compose([probe], replace(NC, has_timeout=limits_time), timeout=5, width=4, nonce=NONCE)
    done = subprocess.run(["sh"], input=batch.text.encode(), capture_output=True, check=False)
    refusal = Outcome.UNREACHABLE if asks_name else Outcome.REFUSED  # of datagrams, whose dialect names share
    assert read(batch, done.stdout).replies[probe].outcome is refusal


def test_names_are_asked_for_after_the_pulse_and_have_frames_as_everything_else() -> None:
    other = Probe(Scheme.TCP, "127.0.0.1", 2, asks_name=True)
    batch = _batch(Probe(Scheme.TCP, "127.0.0.1", 3), NAME, other)
    lines = batch.text.splitlines()
    pulse = next(number for number, line in enumerate(lines) if line.startswith("p pulse0"))
    assert [line[:3] for line in lines[pulse + 1 : pulse + 3]] == ["q 1", "q 2"]
    assert all(line.endswith(" &") for line in lines[pulse + 1 : pulse + 3])
    assert lines[pulse + 3] == "wait"
    done = subprocess.run(["sh"], input=batch.text.encode(), capture_output=True, check=False)
    assert Outcome.PROBE_FAILED not in {reply.outcome for reply in read(batch, done.stdout).replies.values()}


def test_no_more_workers_run_than_allowed_because_of_names() -> None:
    names = [replace(NAME, port=port) for port in range(1, 8)]
    text = compose(names, NC, timeout=0.2, width=3, nonce=NONCE).text
    assert text.count(" &\n") == 3
    assert len(re.findall(r"^q \d+ 1 ", text, re.MULTILINE)) == 7


@pytest.mark.parametrize(
    ("frame", "outcome", "detail"),
    [
        (_frame("0", 0, OPEN), Outcome.CONNECTED, OPEN),
        (_frame("0", 124), Outcome.TIMED_OUT, "no answer within 0.2 s"),
        (_frame("0", 1, "failed: Connection refused"), Outcome.REFUSED, "failed: Connection refused"),
        ("", Outcome.PROBE_FAILED, "the answer of probe 0 was lost"),
        (_frame("0", 0, OPEN) * 2, Outcome.PROBE_FAILED, "more than once"),
        (_frame("0", 0, OPEN).replace(NONCE, "0" * 16), Outcome.PROBE_FAILED, "was lost"),
    ],
)
def test_a_frame_becomes_a_reply(frame: str, outcome: Outcome, detail: str) -> None:
    reply = _replies(_batch(ADDRESS), frame)[ADDRESS]
    assert reply.outcome is outcome
    assert detail in reply.detail


def test_a_reply_has_its_command_and_duration() -> None:
    reply = _replies(_batch(ADDRESS), _frame("0", 0, OPEN, seconds=0.25))[ADDRESS]
    assert (reply.tool, reply.command) == ("nc", "timeout 0.2 nc -vz -w 1 10.0.0.1 80")
    assert reply.seconds == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("lookup", "outcome", "detail"),
    [
        (_frame("name0", 0, "10.0.0.1 STREAM web"), Outcome.TIMED_OUT, "no answer within"),
        (_frame("name0", 124), Outcome.NAME_FAILED, "web did not resolve: no answer from a name server within 0.2 s"),
        (_frame("name0", 2), Outcome.NAME_FAILED, "web did not resolve: no such name"),
        (_frame("name0", 127, "sh: getent: not found"), Outcome.PROBE_FAILED, "looking up web failed"),
        ("", Outcome.PROBE_FAILED, "the lookup was lost"),
    ],
)
def test_silence_on_a_name_is_explained_by_the_lookup(lookup: str, outcome: Outcome, detail: str) -> None:
    reply = _replies(_batch(NAMED), _frame("0", 124), lookup)[NAMED]
    assert reply.outcome is outcome
    assert detail in reply.detail


def test_without_a_lookup_silence_on_a_name_is_no_observation() -> None:
    batch = _batch(NAMED, toolbox=Toolbox(frozenset({Tool.NC}), Netcat.OPENBSD))
    reply = _replies(batch, _frame("0", 124))[NAMED]
    assert reply.outcome is Outcome.PROBE_FAILED
    assert "neither getent nor nslookup" in reply.detail


KNOWN = Probe(Scheme.TCP, "web", 80, addresses=frozenset({"10.96.0.7", "fd00::7"}))


@pytest.mark.parametrize("code", [0, 1, 124])
@pytest.mark.parametrize(
    ("looked_up", "wrong"),
    [
        ("10.96.0.7 STREAM web\n10.96.0.7 DGRAM", ""),
        ("fd00:0:0::7 STREAM web\n10.96.0.7 STREAM web", ""),
        ("10.0.0.9 STREAM web", "web resolved to 10.0.0.9, and its addresses are 10.96.0.7, fd00::7"),
        ("10.96.0.7 STREAM web\n10.0.0.9 STREAM web", "web resolved to 10.0.0.9, and"),
    ],
)
def test_a_name_that_resolves_to_another_address_is_wrong_whatever_the_tool_met(
    code: int, looked_up: str, wrong: str
) -> None:
    message = OPEN if code == 0 else "nc: connect to x port 80 (tcp) failed: Connection refused" if code == 1 else ""
    reply = _replies(_batch(KNOWN), _frame("0", code, message), _frame("name0", 0, looked_up))[KNOWN]
    assert (reply.outcome is Outcome.NAME_WRONG) == bool(wrong)
    assert reply.detail.startswith(wrong)


def test_a_name_of_unknown_addresses_and_a_lookup_that_failed_are_not_compared() -> None:
    elsewhere = _frame("name0", 0, "10.0.0.9 STREAM web")
    assert _replies(_batch(NAMED), _frame("0", 0, OPEN), elsewhere)[NAMED].outcome is Outcome.CONNECTED
    silent = _frame("name0", 124, "10.0.0.9 STREAM web")
    assert _replies(_batch(KNOWN), _frame("0", 0, OPEN), silent)[KNOWN].outcome is Outcome.CONNECTED


def test_curl_looks_a_name_up_if_its_addresses_are_known() -> None:
    curl = Toolbox(frozenset({Tool.CURL}), lookup="getent ahosts")
    known, unknown = (Probe(Scheme.HTTP, "web", 80, addresses=own) for own in (KNOWN.addresses, frozenset[str]()))
    assert "getent" in _batch(known, toolbox=curl).text
    assert "getent" not in _batch(unknown, toolbox=curl).text


def test_a_tool_that_answers_on_a_name_needs_no_lookup() -> None:
    assert _replies(_batch(NAMED), _frame("0", 0, OPEN), _frame("name0", 124))[NAMED].outcome is Outcome.CONNECTED


@pytest.mark.parametrize(
    ("message", "detail"), [(token(NONCE, "0"), "our own data came back"), ("hello", "data came back, not ours")]
)
def test_a_datagram_says_whether_it_is_ours(message: str, detail: str) -> None:
    reply = _replies(_batch(UDP), _frame("0", 0, message))[UDP]
    assert (reply.outcome, reply.detail) == (Outcome.CONNECTED, detail)


def test_a_datagrams_token_is_not_the_nonce() -> None:
    assert NONCE not in token(NONCE, "0")
    assert token(NONCE, "0") != token(NONCE, "1")


def test_a_lost_pulse_makes_silence_worthless_and_nothing_else() -> None:
    other = Probe(Scheme.TCP, "10.0.0.2", 80)
    answers = read(_batch(ADDRESS, other), (_frame("0", 124) + _frame("1", 0, OPEN)).encode()).replies
    assert answers[ADDRESS].outcome is Outcome.PROBE_FAILED
    assert answers[other].outcome is Outcome.CONNECTED


def test_slowness_is_that_of_answers_and_pulses_not_of_silence() -> None:
    batch = _batch(ADDRESS, UDP)
    quick = read(batch, (PULSE + _frame("0", 124, seconds=0.9) + _frame("1", 124, "x", seconds=0.8)).encode())
    assert quick.slowest == pytest.approx(0.01)
    slow = read(batch, (PULSE + _frame("0", 0, OPEN, seconds=0.15)).encode())
    assert slow.slowest == pytest.approx(0.15)
    named = read(_batch(NAMED), (PULSE + _frame("0", 124) + _frame("name0", 0, "10.0.0.1", seconds=0.12)).encode())
    assert named.slowest == pytest.approx(0.12)
    unresolved = read(_batch(NAMED), (PULSE + _frame("0", 124) + _frame("name0", 124, seconds=0.9)).encode())
    assert unresolved.slowest == pytest.approx(0.01)
    pulse = read(batch, (_frame("pulse0", 124, seconds=0.2) + _frame("0", 124)).encode())
    assert pulse.slowest == pytest.approx(0.2)


def test_a_probe_that_no_tool_can_run_has_a_reply_at_once() -> None:
    sctp = Probe(Scheme.SCTP, "10.0.0.1", 80)
    batch = _batch(sctp, ADDRESS)
    reply = _replies(batch, _frame("1", 0, OPEN))[sctp]
    assert reply.outcome is Outcome.PROBE_FAILED
    assert "no tool for SCTP" in reply.detail


def test_a_forced_tool_that_cannot_ask_says_so() -> None:
    reply = _replies(_batch(UDP, toolbox=Toolbox(frozenset(Tool), Netcat.OPENBSD), tool=Tool.CURL))[UDP]
    assert reply.outcome is Outcome.PROBE_FAILED
    assert reply.detail.startswith("--probe-tool curl cannot probe udp://10.0.0.1:5353")


@pytest.mark.parametrize(
    ("outcome", "doubtful"),
    [(Outcome.TIMED_OUT, True), (Outcome.NAME_FAILED, True), (Outcome.REFUSED, False), (Outcome.CONNECTED, False)],
)
def test_doubt_is_cast_on_silence_only(outcome: Outcome, *, doubtful: bool) -> None:
    assert (doubted(Reply(outcome, "x"), "slow").outcome is Outcome.PROBE_FAILED) is doubtful


def test_a_container_without_timeout_gets_one() -> None:
    toolbox = Toolbox(frozenset({Tool.BASH}), has_timeout=False, fractional=False)
    probe = Probe(Scheme.TCP, "127.0.0.1", 1)
    batch = compose([probe], toolbox, timeout=0.2, width=4, nonce=NONCE)
    done = subprocess.run(["sh"], input=batch.text.encode(), capture_output=True, check=False)
    assert read(batch, done.stdout).replies[probe].outcome is Outcome.REFUSED


def test_a_batch_tells_the_addresses_of_its_network() -> None:
    batch = compose([Probe(Scheme.TCP, "127.0.0.1", 1)], NC, timeout=1.0, width=4, nonce="N1")
    done = subprocess.run(["sh"], input=batch.text.encode(), capture_output=True, check=False, timeout=30)
    own = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout.split()
    assert set(own) <= read(batch, done.stdout).addresses
    assert not any(address.startswith("127.") for address in read(batch, done.stdout).addresses)
