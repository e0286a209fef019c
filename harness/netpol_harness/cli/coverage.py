"""Find the parts of a scenario's policies that its paths do not cover. Needs no cluster.

Every policy, rule, peer and port is removed or weakened in turn, and the oracle is asked whether a path would then
contradict its expectation. A part that no path covers is printed with a path to add to scenario.yaml that covers it,
and the exit code is 1. A part that no path between the scenario's workloads can cover is printed with the reason: it is
never reached, matched by nothing, or redundant.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import groupby

from netpol_harness.analysis.coverage import Coverage, CoverageLine, Gap, coverage
from netpol_harness.analysis.gap_reasons import GapKind
from netpol_harness.cli.output import print_text
from netpol_harness.cli.scenarios import declare, profile_of, scenario_of
from netpol_harness.errors import HarnessError


def add(command: argparse.ArgumentParser) -> None:
    """Declare the scenario and the profile."""
    declare(command)


def run(args: argparse.Namespace) -> int:
    """Print the gaps; return 1 if a path would close one."""
    scenario = scenario_of(args)
    result = coverage(scenario, profile_of(args))
    if not result.tried:
        raise HarnessError(f"{scenario.name}: no step has a NetworkPolicy, so there is nothing to cover")
    for line in _lines(result):
        print_text(f"{line}\n")
    return 1 if any(gap.line for gap in result.gaps) else 0


def _lines(result: Coverage) -> Iterator[str]:
    yield from _closable([gap for gap in result.gaps if gap.line])
    for kind in GapKind:
        gaps = [gap for gap in result.gaps if gap.reason and gap.reason.kind is kind]
        if gaps:
            yield f"{kind}:"
            yield from _folded(gaps)
            yield ""
    yield f"{result.tried - len(result.gaps)} of {result.tried} parts of the policies are covered"


def _folded(gaps: Sequence[Gap]) -> Iterator[str]:
    """Yield a line for each gap; the parts of a rule that is a gap itself are counted beside it."""
    rules = {gap.rule for gap in gaps if gap.is_whole_rule}
    for gap in gaps:
        parts = sum(other.rule == gap.rule and not other.is_whole_rule for other in gaps) if gap.is_whole_rule else 0
        more = f", and {parts} part{'s' * (parts > 1)} of it" if parts else ""
        if gap.is_whole_rule or gap.rule not in rules:
            yield f"  {gap.where}: {gap.part}{more}{_because(gap)}"


def _because(gap: Gap) -> str:
    return f" ({gap.reason.text})" if gap.reason and gap.reason.text else ""


def _closable(gaps: Sequence[Gap]) -> Iterator[str]:
    """Group the gaps by the path that closes them."""
    for line, several in groupby(sorted(gaps, key=_key), key=lambda gap: gap.line):
        yield "no path covers:"
        yield from (f"  {gap.where}: {gap.part}" for gap in several)
        if line:
            yield f"add to the paths of step {line.step}:\n  {line}\n"


def _key(gap: Gap) -> tuple[str, str]:
    line: CoverageLine | None = gap.line
    return (line.step, str(line)) if line else ("", "")
