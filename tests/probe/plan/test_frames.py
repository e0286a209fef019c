from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.probe.plan.frames import Frame, parse

NONCE = "a1b2c3d4e5f60718"


def _frame(index: str, code: int, message: str, *, nonce: str = NONCE) -> str:
    return f"\n[{nonce} {index} {code} 1.5 2.25\n{message}\n{nonce} {index} {code}]\n"


def test_whole_frames_are_read_and_all_else_is_passed_over() -> None:
    text = f"warning\n{_frame('0', 0, 'open')}noise{_frame('pulse0', 111, '')}[{NONCE} 7 0 1 1\n"
    found = parse(NONCE, text.encode())
    assert found.complete == {"0": Frame(0, 0.75, "open"), "pulse0": Frame(111, 0.75, "")}
    assert found.repeated == frozenset()


def test_a_message_of_several_lines_stays_whole() -> None:
    assert parse(NONCE, _frame("0", 1, "one\ntwo\n").encode()).complete["0"].message == "one\ntwo\n"


def test_an_index_that_is_answered_twice_is_not_answered() -> None:
    found = parse(NONCE, (_frame("0", 0, "yes") + _frame("1", 0, "yes") + _frame("0", 0, "yes")).encode())
    assert set(found.complete) == {"1"}
    assert found.repeated == {"0"}


def test_another_nonce_is_another_batch() -> None:
    assert parse(NONCE, _frame("0", 0, "yes", nonce="ffff").encode()).complete == {}


def test_a_frame_that_swallowed_another_is_none() -> None:
    whole = _frame("0", 124, "x")
    spliced = whole.replace(f"\n{NONCE} 0 124]\n", "") + _frame("0", 0, "open")
    assert parse(NONCE, spliced.encode()).complete == {}


def test_head_and_tail_must_agree() -> None:
    assert parse(NONCE, _frame("0", 0, "x").replace(f"{NONCE} 0 0]", f"{NONCE} 0 1]").encode()).complete == {}
    assert parse(NONCE, _frame("0", 0, "x").replace(f"{NONCE} 0 0]", f"{NONCE} 1 0]").encode()).complete == {}


@given(st.binary(max_size=300), st.integers(0, 60))
def test_no_output_makes_it_fail_or_invents_an_index(noise: bytes, at: int) -> None:
    text = _frame("0", 0, "yes").encode()
    found = parse(NONCE, text[:at] + noise + text[at:])
    assert set(found.complete) <= {"0"}


@given(st.integers(0, 200))
def test_a_cut_frame_is_lost_never_changed(cut: int) -> None:
    text = _frame("0", 0, "a message that is long enough").encode()
    assert parse(NONCE, text[:cut]).complete in ({}, parse(NONCE, text).complete)
