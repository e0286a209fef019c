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


NOTE_THE_LOADERS = """
import sys

def pytest_sessionfinish():
    own = {name: module.__spec__.loader for name, module in sys.modules.items() if name.startswith("netpol_harness.")}
    print("\\nREWRITTEN", sorted(name for name, loader in own.items() if "Rewriting" in type(loader).__name__))
"""


def test_pytest_rewrites_no_module_but_the_first_two(demo: "Demo") -> None:
    """It would compile all of them in each run if Python may not write files."""
    demo.pytester.makeconftest(NOTE_THE_LOADERS)
    result = demo.run("--collect-only", "-s", "demo")
    assert "REWRITTEN ['netpol_harness.plugin', 'netpol_harness.plugin.own_modules']" in result.stdout.str()
