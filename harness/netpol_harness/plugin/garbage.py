"""Python's cycle collector in a run with scenarios: rarer while it runs, and not for all modules when it ends.

By default it looks at every new object again and again, and at the end of the process at all of them: a tenth of the
processor time of a short run, and 0.1 s at its end, for hardly any garbage.
"""

import gc

import pytest

_DEFAULT = (700, 10, 10)
_RARE = (20_000, 20, 20)
_IS_SET = pytest.StashKey[bool]()


def collect_rarely(config: pytest.Config) -> None:
    """Let the collector run rarely until the end of the run, unless somebody else has set it."""
    if _IS_SET in config.stash or not gc.isenabled() or gc.get_threshold()[:2] != _DEFAULT[:2]:
        return
    config.stash[_IS_SET] = True
    before = gc.get_threshold()
    gc.set_threshold(*_RARE)
    config.add_cleanup(lambda: _end(before))


def _end(before: tuple[int, int, int]) -> None:
    """Restore the thresholds, and leave what exists now out of the last collection."""
    gc.set_threshold(*before)
    gc.freeze()
