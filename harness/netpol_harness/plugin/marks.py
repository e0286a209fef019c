"""``marks:`` of scenario.yaml: pytest's markers, for ``-m``, under pytest's own rules for their names."""

import warnings
from collections.abc import Mapping

import pytest

_WITH_MEANING = frozenset({"filterwarnings", "parametrize", "skip", "skipif", "usefixtures", "xfail"})
"""Markers that change what a test does."""


def mark(node: pytest.Collector, marks: Mapping[str, str]) -> None:
    """Give a scenario's markers to its node, and so to every test below it. ``marks`` maps each to its place.

    Raises ``CollectError`` for one that pytest gives a meaning of its own, and for one that is not registered where the
    user wants markers to be (``strict_markers``).
    """
    for name, where in marks.items():
        place = f"{node.path.parent / where}: marks: '{name}'"
        if name in _WITH_MEANING:
            remedy = "take it away; `requires:` skips for a lack, and --netpol-known excuses failures"
            raise node.CollectError(f"{place} would change what the tests do; {remedy}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", pytest.PytestUnknownMarkWarning)
                node.add_marker(getattr(pytest.mark, name))
        except pytest.fail.Exception:
            remedy = "add it to `markers` in pytest's configuration, which wants markers to be registered"
            raise node.CollectError(f"{place} is not registered; {remedy}") from None
