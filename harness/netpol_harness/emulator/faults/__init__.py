"""Documented bugs of network plugins, each as a value: ``python -m netpol_harness.emulator --mutant NAME``.

A mutant differs from the faultless cluster in something that the API decides; what it leaves open is nobody's bug.
"""

from collections.abc import Mapping

from netpol_harness.emulator.faults import (
    blocks,
    composition,
    connections,
    directions,
    lifecycle,
    peers,
    ports,
    selectors,
    staleness,
    timing,
)
from netpol_harness.emulator.faults.mutant import Mutant, MutatedEngine
from netpol_harness.errors import ClusterFailed
from netpol_harness.paths.diagnostics import suggest

__all__ = ["MUTANTS", "Mutant", "MutatedEngine", "named"]

_THEMES = (selectors, peers, ports, blocks, directions, composition, connections, staleness, lifecycle, timing)

MUTANTS: Mapping[str, Mutant] = {mutant.name: mutant for theme in _THEMES for mutant in theme.MUTANTS}
"""All of them by name, theme by theme."""


def named(name: str) -> Mutant:
    """The mutant of that name. Raises ``ClusterFailed`` with the names that are like it."""
    if name in MUTANTS:
        return MUTANTS[name]
    raise ClusterFailed(f"no mutant is called {name}; {suggest(name, MUTANTS)}")
