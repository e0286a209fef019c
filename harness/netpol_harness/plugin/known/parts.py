"""The ids that a known deviation can name: of tests, and of the cells of a closed world (``ITEM::PATH``).

The cells have ids, so that one known cell does not excuse the thousand other cells of its table.
"""

from collections.abc import Iterator

import pytest

from netpol_harness.plugin.items import DISAGREEMENTS, DOUBTS, OthersItem, ScenarioItem
from netpol_harness.results.evidence import Judgement
from netpol_harness.scenario.scenario import closed_world


def ids(item: pytest.Item) -> Iterator[str]:
    """Yield the test's node id, and the ids of its cells."""
    yield item.nodeid
    if isinstance(item, OthersItem):
        yield from (_id(item, path.text) for path in closed_world(item.parent.step))


def wrong_ids(item: pytest.Item) -> list[str]:
    """Return the ids of its cells that are not as expected; of the test itself if it has no cells."""
    return _judged(item, agreeing=False) if isinstance(item, OthersItem) else [item.nodeid]


def agreeing_ids(item: pytest.Item) -> list[str]:
    """Return the ids of its cells that are as expected."""
    return _judged(item, agreeing=True) if isinstance(item, OthersItem) else []


def shows_a_deviation(item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException] | None) -> bool:
    """Return whether the network, or an assertion, disagrees and nothing is in doubt: a broken lab is never excused."""
    if isinstance(item, ScenarioItem):
        return bool(item.judgements & DISAGREEMENTS) and not item.judgements & DOUBTS
    return excinfo is not None and isinstance(excinfo.value, AssertionError)


def _judged(item: OthersItem, *, agreeing: bool) -> list[str]:
    return [_id(item, str(f)) for f in item.path_results if (f.judgement is Judgement.AGREES) is agreeing]


def _id(item: OthersItem, path: str) -> str:
    return f"{item.nodeid}::{path}"
