"""The table of all mutants, as Markdown."""

from collections.abc import Iterator, Sequence
from statistics import median

from bench.shrinking.mutants import Record
from bench.shrinking.planting import PODS, POLICIES
from netpol_harness.emulator.faults import MUTANTS

MOST_PODS, MOST_POLICIES, MOST_SECONDS = 3, 2, 60.0

_HEAD = """\
# Shrinking

Each mutant in a world of {pods} pods and {policies} policies, and what `netpol shrink` leaves of it on the embedded
cluster. The world is random if the mutant shows in one by two readings of the oracle; else a shipped scenario is
planted among random pods and policies, some of them in its namespaces. The goal is at most {most_pods} pods and
{most_policies} policies within {most_seconds:.0f} s.

{done} of {all} mutants were measured; {good} reach the goal in size, {quick} of these in time. Half of them took at
most {median:.0f} s. Seconds include the start of the command and of its cluster, with two mutants at once on a machine
of two processors that did other work too; processor seconds are those of the command and of its cluster.

| mutant | world | pods | policies | trials | seconds | processor seconds |
|---|---|---|---|---|---|---|
"""


def page(records: Sequence[Record]) -> str:
    """Return the page of the latest record of each mutant."""
    return "".join(_lines(records))


def is_small(record: Record) -> bool:
    """Return whether the result is as small as the goal."""
    return not record.problem and record.pods <= MOST_PODS and record.policies <= MOST_POLICIES


def _lines(records: Sequence[Record]) -> Iterator[str]:
    by_name = {record.mutant: record for record in records}
    known = [by_name[name] for name in MUTANTS if name in by_name]
    done = [record for record in known if not record.problem]
    small = [record for record in done if is_small(record)]
    yield _HEAD.format(
        pods=PODS,
        policies=POLICIES,
        most_pods=MOST_PODS,
        most_policies=MOST_POLICIES,
        most_seconds=MOST_SECONDS,
        done=len(done),
        all=len(MUTANTS),
        good=len(small),
        quick=sum(record.seconds <= MOST_SECONDS for record in small),
        median=median(record.seconds for record in done) if done else 0,
    )
    for r in done:
        yield f"| `{r.mutant}` | {r.world} | {r.pods} | {r.policies} | {r.trials} | {r.seconds} | {r.processor} |\n"
    yield "\n## Not measured\n\n"
    yield from (f"- `{r.mutant}`: {r.problem}\n" for r in known if r.problem)
    missing = [f"`{name}`" for name in MUTANTS if name not in by_name]
    yield f"\nNot tried: {', '.join(missing)}.\n" if missing else ""
