"""Whatever an exec does short of forging whole frames under the batch's own nonce, no verdict turns green by it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netpol_harness.errors import ExecFailed
from netpol_harness.kube.exec import ExecReply
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.converge import converge
from netpol_harness.probe.plan.question import Probe, Question
from netpol_harness.probe.pod_prober import ProbeMethod
from netpol_harness.probe.prober import Prober
from netpol_harness.results.evidence import Judgement, judge_evidence
from netpol_harness.timeouts import Timeouts

CLIENT, TARGET = NamespacedName("shop", "client"), NamespacedName("shop", "target")
PROBES = [Probe(Scheme.TCP, "10.0.0.1", port) for port in (80, 443)]
NO_TIME = Timeouts(probe=0.2, settle=0.0, interval=0.001, exec=5, ready=1, cluster=1)
HonestPods = Callable[[str], Any]
Lie = Callable[[NamespacedName, ExecReply, list[ExecReply]], ExecReply]


def _refuses(pod: NamespacedName, reply: ExecReply, past: list[ExecReply]) -> ExecReply:
    raise ExecFailed("unable to upgrade connection")


def _hangs(pod: NamespacedName, reply: ExecReply, past: list[ExecReply]) -> ExecReply:
    return ExecReply(None, b"", broken="the deadline passed before the command ended")


def _hangs_half_way(pod: NamespacedName, reply: ExecReply, past: list[ExecReply]) -> ExecReply:
    return ExecReply(None, reply.stdout[: len(reply.stdout) // 2], broken="the deadline passed")


def _truncates(pod: NamespacedName, reply: ExecReply, past: list[ExecReply]) -> ExecReply:
    return replace(reply, stdout=reply.stdout[:30])


def _answers_twice(pod: NamespacedName, reply: ExecReply, past: list[ExecReply]) -> ExecReply:
    return replace(reply, stdout=reply.stdout * 2)


def _tells_another_batch(pod: NamespacedName, reply: ExecReply, past: list[ExecReply]) -> ExecReply:
    return past[-1] if past else replace(reply, stdout=b"")


def _says_it_for_another_nonce(pod: NamespacedName, reply: ExecReply, past: list[ExecReply]) -> ExecReply:
    return replace(reply, stdout=re.sub(rb"\b[0-9a-f]{16}\b", b"0123456789abcdef", reply.stdout))


def _exchanges_the_codes(pod: NamespacedName, reply: ExecReply, past: list[ExecReply]) -> ExecReply:
    swapped = re.sub(
        rb"^(\[\w+ \w+) \d+", rb"\1 124" if b" 0 0 " in reply.stdout else rb"\1 0", reply.stdout, flags=re.M
    )
    return replace(reply, stdout=swapped)


def _renames_the_frames(pod: NamespacedName, reply: ExecReply, past: list[ExecReply]) -> ExecReply:
    return replace(reply, stdout=re.sub(rb"^(\[\w+) \w+", rb"\1 0", reply.stdout, flags=re.M))


def _succeeds_without_a_word(pod: NamespacedName, reply: ExecReply, past: list[ExecReply]) -> ExecReply:
    return ExecReply(0, b"")


def _fails_without_a_word(pod: NamespacedName, reply: ExecReply, past: list[ExecReply]) -> ExecReply:
    return ExecReply(1, b"", b"command terminated")


def _talks_nonsense(pod: NamespacedName, reply: ExecReply, past: list[ExecReply]) -> ExecReply:
    return ExecReply(0, bytes(range(256)) * 9)


LIES = [
    _refuses,
    _hangs,
    _hangs_half_way,
    _truncates,
    _answers_twice,
    _tells_another_batch,
    _says_it_for_another_nonce,
    _exchanges_the_codes,
    _renames_the_frames,
    _succeeds_without_a_word,
    _fails_without_a_word,
    _talks_nonsense,
]
TRUTHS = ["open", "dropped", "refused"]
FITTING = {
    ("open", Expected.ALLOWED),
    ("dropped", Expected.BLOCKED),
    ("dropped", Expected.DROPPED),
    ("refused", Expected.BLOCKED),
    ("refused", Expected.REJECTED),
}
WORDS = [Expected.ALLOWED, Expected.BLOCKED, Expected.DROPPED, Expected.REJECTED, Expected.UNRESOLVED]


def _lying(honest: Any, lie: Lie, *, only: NamespacedName | None = None, from_exec: int = 0) -> Any:
    """An exec that is honest to all pods but ``only`` (or to none), and for its first ``from_exec`` calls."""
    past: list[ExecReply] = []

    def exec(pod: NamespacedName, argv: Sequence[str], **more: Any) -> ExecReply:
        reply: ExecReply = honest(pod, argv, **more)
        lies = only in (None, pod) and len(past) >= from_exec
        answer = lie(pod, reply, past) if lies else reply
        past.append(reply)
        return answer

    return exec


def _judgements(exec: Any, expected: Expected, method: ProbeMethod) -> set[Judgement]:
    questions = [Question(CLIENT, probe, expected, ((TARGET, probe),)) for probe in PROBES]
    prober = Prober(exec, timeout=0.2, exec_timeout=5, concurrency=1)
    return {judge_evidence(evidence) for evidence in converge(prober, questions, NO_TIME, method=method).values()}


@pytest.mark.parametrize("method", list(ProbeMethod))
@pytest.mark.parametrize("expected", WORDS)
@pytest.mark.parametrize("truth", TRUTHS)
def test_an_honest_exec_is_believed(
    honest_pods: HonestPods, truth: str, expected: Expected, method: ProbeMethod
) -> None:
    fitting = (truth, expected) in FITTING
    assert _judgements(honest_pods(truth), expected, method) == {Judgement.AGREES if fitting else Judgement.DISAGREES}


@pytest.mark.parametrize("method", list(ProbeMethod))
@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("truth", TRUTHS)
@pytest.mark.parametrize("expected", WORDS)
def test_a_lying_exec_is_never_green(
    honest_pods: HonestPods, truth: str, expected: Expected, lie: Lie, method: ProbeMethod
) -> None:
    judgements = _judgements(_lying(honest_pods(truth), lie), expected, method)
    assert judgements <= {Judgement.BROKEN, Judgement.UNPROVEN}


@pytest.mark.parametrize("method", list(ProbeMethod))
@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("truth", ["dropped", "refused"])
@pytest.mark.parametrize("liar", [CLIENT, TARGET])
def test_a_single_liar_prevents_the_proof_of_a_denial(
    honest_pods: HonestPods, truth: str, lie: Lie, liar: NamespacedName, method: ProbeMethod
) -> None:
    judgements = _judgements(_lying(honest_pods(truth), lie, only=liar), Expected.BLOCKED, method)
    assert judgements <= {Judgement.BROKEN, Judgement.UNPROVEN}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("truth", TRUTHS)
@pytest.mark.parametrize("expected", WORDS)
def test_a_liar_that_was_honest_about_its_tools_is_never_green(
    honest_pods: HonestPods, truth: str, expected: Expected, lie: Lie
) -> None:
    exec = _lying(honest_pods(truth), lie, from_exec=2)
    wrong = Judgement.AGREES if (truth, expected) not in FITTING else None
    assert wrong not in _judgements(exec, expected, ProbeMethod.CLI)


@pytest.mark.parametrize("truth", TRUTHS)
def test_a_lost_exit_status_loses_nothing_while_the_frames_are_whole(honest_pods: HonestPods, truth: str) -> None:
    def loses(pod: NamespacedName, reply: ExecReply, past: list[ExecReply]) -> ExecReply:
        return replace(reply, exit_code=None, broken="the connection closed without the command's exit status")

    for expected in (Expected.ALLOWED, Expected.BLOCKED):
        lying, honest = (
            _judgements(exec, expected, ProbeMethod.CLI)
            for exec in (_lying(honest_pods(truth), loses), honest_pods(truth))
        )
        assert lying == honest


def _mutilate(text: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for start, length, put in edits:
        at = start % (len(text) + 1)
        text = text[:at] + put + text[at + length :]
    return text


EDITS = st.lists(
    st.tuples(
        st.integers(0, 2000),
        st.integers(0, 120),
        st.one_of(st.just(b""), st.binary(max_size=6), st.sampled_from([b"0", b"1", b"124", b"110", b"\n", b"open"])),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(
    edits=EDITS,
    truth=st.sampled_from(TRUTHS),
    expected=st.sampled_from(WORDS),
    method=st.sampled_from(list(ProbeMethod)),
)
def test_no_mutilation_makes_a_wrong_word_right(
    honest_pods: HonestPods, edits: list[tuple[int, int, bytes]], truth: str, expected: Expected, method: ProbeMethod
) -> None:
    def mutilates(pod: NamespacedName, reply: ExecReply, past: list[ExecReply]) -> ExecReply:
        return replace(reply, stdout=_mutilate(reply.stdout, edits))

    if (truth, expected) not in FITTING:
        assert Judgement.AGREES not in _judgements(_lying(honest_pods(truth), mutilates), expected, method)
