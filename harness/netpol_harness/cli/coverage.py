"""Find what a scenario's paths would not miss: every policy, rule, peer and port of the scenario is dropped or weakened
in turn, and the oracle is asked whether any expectation would fail. Needs no cluster.

What nobody would miss is printed with a line for scenario.yaml that would. The exit code is then 1.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import groupby

from netpol_harness.analysis.coverage import Coverage, CoverageLine, Gap, coverage
from netpol_harness.cli.output import tell
from netpol_harness.cli.scenarios import declare, profile_of, scenario_of
from netpol_harness.errors import HarnessError


def add(command: argparse.ArgumentParser) -> None:
    """The scenario and the profile."""
    declare(command)


def run(given: argparse.Namespace) -> int:
    """Print the gaps; 1 where a line would close one."""
    scenario = scenario_of(given)
    found = coverage(scenario, profile_of(given))
    if not found.tried:
        raise HarnessError(f"no step of {scenario.name} has a NetworkPolicy: there is nothing to cover")
    for text in _told(found):
        tell(f"{text}\n")
    return 1 if any(gap.line for gap in found.gaps) else 0


def _told(found: Coverage) -> Iterator[str]:
    mendable = [gap for gap in found.gaps if gap.line]
    yield from _by_line(mendable)
    redundant = [gap for gap in found.gaps if not gap.line]
    if redundant:
        yield "no path between the scenario's workloads could miss, so either redundant or lacking a workload:"
        yield from (f"  {gap.where}: {gap.part}" for gap in redundant)
    yield f"{found.tried - len(found.gaps)} of {found.tried} parts of the policies are covered"


def _by_line(gaps: Sequence[Gap]) -> Iterator[str]:
    """The gaps that one line closes stand together."""
    for line, several in groupby(sorted(gaps, key=_key), key=lambda gap: gap.line):
        yield "nothing misses:"
        yield from (f"  {gap.where}: {gap.part}" for gap in several)
        if line:
            yield f"add to the paths of step {line.step}:\n  {line}\n"


def _key(gap: Gap) -> tuple[str, str]:
    line: CoverageLine | None = gap.line
    return (line.step, str(line)) if line else ("", "")
