import gc
from collections.abc import Iterator

import pytest

from netpol_harness.plugin.garbage import collect_rarely


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    """What a test freezes or sets is as before when it ends."""
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


def test_collections_are_rare_until_the_end_of_the_run(pytester: pytest.Pytester) -> None:
    gc.set_threshold(700, 10, 10)
    config = pytester.parseconfigure()
    collect_rarely(config)
    collect_rarely(config)
    assert gc.get_threshold()[0] > 10_000
    config._ensure_unconfigure()
    assert gc.get_threshold()[:2] == (700, 10)


def test_thresholds_that_somebody_has_set_stay(pytester: pytest.Pytester) -> None:
    gc.set_threshold(5, 5, 5)
    collect_rarely(pytester.parseconfigure())
    assert gc.get_threshold()[:2] == (5, 5)
