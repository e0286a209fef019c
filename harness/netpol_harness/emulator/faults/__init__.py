"""Documented bugs of network plugins, each as a value: ``python -m netpol_harness.emulator --mutant NAME``. Pure.

A mutant differs from the correct cluster in something that the API specifies. Differences in what the API leaves open
are not bugs.
"""

from collections.abc import Mapping

from netpol_harness.emulator.faults import (
    blocks,
    cluster_rules,
    cluster_tiers,
    composition,
    connections,
    directions,
    domain_names,
    families,
    lifecycle,
    named_ports,
    nodes,
    peers,
    ports,
    selectors,
    staleness,
    timing,
)
from netpol_harness.emulator.faults.mutant import Mutant, MutatedEngine
from netpol_harness.errors import ClusterFailed
from netpol_harness.paths.diagnostics import suggest

__all__ = ["MUTANTS", "THEMES", "Mutant", "MutatedEngine", "named"]

THEMES = (
    selectors,
    peers,
    ports,
    named_ports,
    blocks,
    directions,
    composition,
    connections,
    staleness,
    lifecycle,
    timing,
    families,
    nodes,
    cluster_tiers,
    cluster_rules,
    domain_names,
)

MUTANTS: Mapping[str, Mutant] = {mutant.name: mutant for theme in THEMES for mutant in theme.MUTANTS}
"""All mutants by name, theme by theme."""


def named(name: str) -> Mutant:
    """Return the mutant of that name. Raises ``ClusterFailed`` with similar names."""
    if name in MUTANTS:
        return MUTANTS[name]
    raise ClusterFailed(f"no mutant is called {name}; {suggest(name, MUTANTS)}")
