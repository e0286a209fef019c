"""A step that was entered several times: of all that was seen, what counts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from netpol_harness.results.table import worst

if TYPE_CHECKING:
    from netpol_harness.runner.observer import StepResult


def worst_of(observations: Sequence["StepResult"]) -> "StepResult":
    """Of each path and cell, the worst of what was seen; the last of what is equally bad."""
    last = observations[-1]
    path_results = {
        expectation: worst(o.path_results[expectation] for o in reversed(observations) if expectation in o.path_results)
        for expectation in last.path_results
    }
    rounds = [{path_result.expectation.path: path_result for path_result in o.others} for o in reversed(observations)]
    others = tuple(worst(cells[path] for cells in rounds if path in cells) for path in rounds[0])
    return replace(last, path_results=path_results, others=others)
