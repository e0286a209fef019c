"""three_tier with each policy engine that this host has, from a cold start, against the cluster's own rules."""

import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median

from netpol_harness.backends.embedded.agents import AgentDefinition, shipped

_PAIRS = 5
_COMMAND = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--netpol-cluster", "embedded", "scenarios/three_tier")


def three_tier() -> Iterator[tuple[str, float, float]]:
    """Yield each agent's name, the median seconds of the runs with it, and of those without, which alternate."""
    for definition in shipped():
        if definition.locate() is not None and not definition.missing:
            _seconds(definition)  # caches
            pairs = [(_seconds(definition), _seconds(None)) for _ in range(_PAIRS)]
            yield definition.name, median(theirs for theirs, _ in pairs), median(own for _, own in pairs)


def _seconds(definition: AgentDefinition | None) -> float:
    agent = () if definition is None else ("--netpol-agent", definition.name)
    start = time.perf_counter()
    subprocess.run([sys.executable, *_COMMAND, *agent], check=True, capture_output=True)
    return time.perf_counter() - start
