"""Which thread imports the harness's modules."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

pytestmark = pytest.mark.live

NOTE_THE_THREADS = """
import sys
import threading

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("netpol_harness.") and threading.current_thread() is not threading.main_thread():
            print("\\nIMPORTED BESIDE", name, flush=True)

sys.meta_path.insert(0, Finder())
"""


def test_no_thread_imports_beside_the_main_thread(demo: "Demo") -> None:
    """pytest parses plugins' modules when they are imported, and Python 3.11 fails where two threads parse at once."""
    demo.pytester.makeconftest(NOTE_THE_THREADS)
    result = demo.run("--cluster", "embedded", "-s", "demo")
    assert result.ret == 0, result.stdout.str()
    result.stdout.no_fnmatch_line("*IMPORTED BESIDE*")
