"""``marks:`` of scenario.yaml as markers of pytest, for ``-m``. pytest's rules for names of markers apply."""

import warnings
from collections.abc import Mapping

import pytest

_RESERVED = frozenset({"filterwarnings", "parametrize", "skip", "skipif", "usefixtures", "xfail"})
"""Markers that change what a test does."""


def add_marks(node: pytest.Collector, marks: Mapping[str, str]) -> None:
    """Add a scenario's markers to its node, and so to every test below it. ``marks`` maps each name to its place.

    Raises ``CollectError`` for a marker that changes what a test does, and for one that is not registered if
    ``strict_markers`` is set.
    """
    for name, where in marks.items():
        place = f"{node.path.parent / where}: marks: '{name}'"
        if name in _RESERVED:
            remedy = "remove it; `requires:` skips for missing capabilities, and --netpol-known excuses failures"
            raise node.CollectError(f"{place} would change what the tests do; {remedy}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", pytest.PytestUnknownMarkWarning)
                node.add_marker(getattr(pytest.mark, name))
        except pytest.fail.Exception:
            remedy = "add it to `markers` in pytest's configuration, which has strict_markers set"
            raise node.CollectError(f"{place} is not registered; {remedy}") from None
