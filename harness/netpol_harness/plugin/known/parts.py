"""The parts of a test of which a line can speak: a closed world's cells have ids of their own, ``ITEM::PATH``.

So one known cell does not excuse the thousand others of its table.
"""

from collections.abc import Iterator

import pytest

from netpol_harness.plugin.items import OthersItem, ScenarioItem
from netpol_harness.results.evidence import Judgement
from netpol_harness.scenario.scenario import closed_world

_DOUBTS = frozenset({Judgement.BROKEN, Judgement.UNPROVEN})
_DISAGREEMENTS = frozenset({Judgement.DISAGREES, Judgement.FLAPPING})


def ids(item: pytest.Item) -> Iterator[str]:
    """The test's node id, and those of its cells."""
    yield item.nodeid
    if isinstance(item, OthersItem):
        yield from (_id(item, path.text) for path in closed_world(item.parent.step))


def wrong_ids(item: pytest.Item) -> list[str]:
    """Those of its cells that are not as expected; the test itself where it has none."""
    return _judged(item, agreeing=False) if isinstance(item, OthersItem) else [item.nodeid]


def agreeing_ids(item: pytest.Item) -> list[str]:
    """Those of its cells that are as expected."""
    return _judged(item, agreeing=True) if isinstance(item, OthersItem) else []


def shows_a_deviation(item: pytest.Item, raised: pytest.ExceptionInfo[BaseException] | None) -> bool:
    """Whether the network disagreed, or a test's assertion: nothing is excused where the lab may be broken."""
    if isinstance(item, ScenarioItem):
        judgements = {path_result.judgement for path_result in item.path_results}
        return bool(judgements & _DISAGREEMENTS) and not judgements & _DOUBTS
    return raised is not None and isinstance(raised.value, AssertionError)


def _judged(item: OthersItem, *, agreeing: bool) -> list[str]:
    return [_id(item, str(f)) for f in item.path_results if (f.judgement is Judgement.AGREES) is agreeing]


def _id(item: OthersItem, path: str) -> str:
    return f"{item.nodeid}::{path}"
