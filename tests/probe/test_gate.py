from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier, Lock

import pytest

from netpol_harness.probe.gate import Gate


def _pass(gate: Gate, *, throttled: bool = False) -> None:
    with gate.slot() as slot:
        slot.throttled = throttled


def test_never_more_are_inside_than_the_limit() -> None:
    gate, lock, inside, most = Gate(4), Lock(), 0, 0

    def enter() -> None:
        nonlocal inside, most
        with gate.slot():
            with lock:
                inside += 1
                most = max(most, inside)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(enter) for _ in range(200)]:
            done.result()
    assert 1 <= most <= 4


def test_throttled_execs_of_one_generation_halve_the_limit_once() -> None:
    gate = Gate(32)
    with ExitStack() as crowd:
        for slot in [crowd.enter_context(gate.slot()) for _ in range(32)]:
            slot.throttled = True
    assert gate.limit == 16
    _pass(gate, throttled=True)
    assert gate.limit == 8


def test_at_least_one_slot_is_always_open() -> None:
    gate = Gate(0)
    for _ in range(9):
        _pass(gate, throttled=True)
    assert gate.limit == 1


def test_successful_execs_raise_the_limit_by_one_each_round() -> None:
    gate = Gate(8)
    _pass(gate, throttled=True)
    assert gate.limit == 4
    for _ in range(5):
        _pass(gate)
    assert gate.limit == 5
    for _ in range(100):
        _pass(gate)
    assert gate.limit == 8


def test_a_place_is_given_back_by_whoever_fails() -> None:
    gate = Gate(1)
    with pytest.raises(ValueError, match="broken"), gate.slot():
        raise ValueError("broken")
    _pass(gate)


def test_slots_are_shared_between_threads() -> None:
    gate, together = Gate(3), Barrier(3, timeout=5)

    def meet() -> None:
        with gate.slot():
            together.wait()

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(meet) for _ in range(3)]:
            done.result()


def test_a_narrowed_gate_is_noted_once_for_a_crowd(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate(32)
    with caplog.at_level("INFO", "netpol_harness"), ExitStack() as crowd:
        for slot in [crowd.enter_context(gate.slot()) for _ in range(32)]:
            slot.throttled = True
    assert [record.getMessage() for record in caplog.records] == [
        "the API server throttles: at most 16 execs at once from now on"
    ]
