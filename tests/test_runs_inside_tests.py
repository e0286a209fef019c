"""Runs of pytest inside tests have the plugins that they need, and no others that are installed."""

import pytest

from tests.conftest import UNUSED

SAYS_WHICH = """
def test_says_which(pytestconfig):
    named = {name for name, plugin in pytestconfig.pluginmanager.list_name_plugin() if plugin is not None}
    print("\\nhas", *sorted(named))
"""


def test_plugins_that_no_run_needs_are_left_out_and_xdist_is_there(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SAYS_WHICH)
    result = pytester.runpytest_subprocess("-s")
    result.assert_outcomes(passed=1)
    (line,) = (line for line in result.outlines if line.startswith("has "))
    assert "xdist" in line.split()
    assert not {*UNUSED} & {*line.split()}
