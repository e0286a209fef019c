"""Signals that end a command."""

import os
import signal

import pytest

from netpol_harness.cli.signals import ended_by_signals


def test_a_signal_ends_a_command_as_ctrl_c_does_and_cleaning_up_is_not_interrupted() -> None:
    before = signal.getsignal(signal.SIGTERM)
    ended: list[str] = []
    with pytest.raises(KeyboardInterrupt, match="ended by SIGTERM"):
        _interrupted(ended)
    assert ended == ["cleaned up"]
    assert signal.getsignal(signal.SIGTERM) is before


def _interrupted(ended: list[str]) -> None:
    with ended_by_signals():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            ended.append("cleaned up")
