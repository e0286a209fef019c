"""The page of a campaign: which planted faults `netpol fuzz` finds, and why it does not find the others. Pure."""

from collections.abc import Iterator, Mapping

from bench.planted.reasons import reason
from bench.planted.search import Search
from netpol_harness.emulator.faults import MUTANTS

_HEAD = """# What netpol fuzz finds

`python -m bench.planted RESULTS` runs `netpol fuzz` against each mutant of the embedded cluster ([list](mutants.md)),
from seed 1, until a world that ran alone was wrong twice, or {limit:.0f} seconds have passed. Of {all} mutants, {found}
were found: half of them within {median:.0f} seconds, all within {slowest:.0f}. Times are wall time, and include the
start of the cluster; {width} searches ran at once on two processors.
"""


def page(results: Mapping[str, Search], width: int, limit: float) -> str:
    """Return the page. ``width`` searches ran at once, each for at most ``limit`` seconds."""
    found = [result for name in MUTANTS if (result := results.get(name)) and result.found]
    seconds = sorted(result.seconds for result in found)
    head = _HEAD.format(
        all=len(MUTANTS),
        found=len(found),
        median=seconds[len(seconds) // 2],
        slowest=seconds[-1],
        width=width,
        limit=limit,
    )
    return "\n".join([head, *_found(found), "", "## Not found", "", *_lacking(results), ""])


def _found(results: list[Search]) -> Iterator[str]:
    yield from ("## Found", "", "| mutant | seconds | worlds | path |", "|---|---|---|---|")
    yield from (f"| `{each.mutant}` | {each.seconds:.0f} | {each.worlds} | `{each.found}` |" for each in results)


def _lacking(results: Mapping[str, Search]) -> Iterator[str]:
    yield from ("| mutant | worlds | why |", "|---|---|---|")
    for name in MUTANTS:
        result = results.get(name)
        if result is None or not result.found:
            why = (result.problem if result else "") or reason(name)
            yield f"| `{name}` | {result.worlds if result else 0} | {why} |"
