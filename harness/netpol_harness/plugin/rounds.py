"""A step that was entered several times: of all that was seen, what counts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from netpol_harness.results.table import worst

if TYPE_CHECKING:
    from netpol_harness.runner.run import Observation


def worst_of(observations: Sequence["Observation"]) -> "Observation":
    """Of each path and cell, the worst of what was seen; the last of what is equally bad."""
    last = observations[-1]
    findings = {
        expectation: worst(o.findings[expectation] for o in reversed(observations) if expectation in o.findings)
        for expectation in last.findings
    }
    rounds = [{finding.expectation.path: finding for finding in o.others} for o in reversed(observations)]
    others = tuple(worst(cells[path] for cells in rounds if path in cells) for path in rounds[0])
    return replace(last, findings=findings, others=others)
