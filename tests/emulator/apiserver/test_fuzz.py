"""A small part of the fuzzing with malformed requests; ``python -m bench.fuzz.api`` runs all of it."""

import logging
from typing import Any

import pytest

from bench.fuzz.api.campaign import Server, campaign


@pytest.mark.parametrize("part", range(3))
def test_malformed_requests_are_answered_and_not_logged(
    served: Any, caplog: pytest.LogCaptureFixture, part: int
) -> None:
    with caplog.at_level(logging.INFO):
        tally = campaign(Server(served.port, served.token), 150, seed=part, limit=10)
    assert not tally.wrong
    assert tally.codes[400] > 20
    assert caplog.text == ""
