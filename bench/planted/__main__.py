"""``python -m bench.planted RESULTS``: search for each mutant that RESULTS does not have, and add a line for each.

A long campaign runs in turns: ``--turn 480`` starts no search after 480 seconds. ``--page FILE`` writes the table.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from bench.planted.page import page
from bench.planted.reasons import is_drawn
from bench.planted.search import Search, search, searches, text
from netpol_harness.deadline import Deadline
from netpol_harness.emulator.faults import MUTANTS

_MINUTES = 300.0


def main() -> int:
    """Run the campaign, or one search."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="?", help="JSON lines, one a mutant; new ones are added")
    parser.add_argument("--seconds", type=float, default=_MINUTES, help="the most for one mutant (%(default)s)")
    parser.add_argument("--turn", type=float, default=1e9, help="start no search after so many seconds")
    parser.add_argument("--width", type=int, default=2, help="searches at once (%(default)s)")
    parser.add_argument("--only", nargs="+", default=[], help="these mutants, again")
    parser.add_argument("--one", help="search for this mutant in this process, and print the result")
    parser.add_argument("--page", type=Path, help="write the table of the results to this file, and search for nothing")
    args = parser.parse_args()
    if args.one:
        print(text(search(args.one, args.seconds)))
        return 0
    known = {result.mutant: result for result in _read(args.results)}
    if args.page:
        args.page.write_text(page(known, args.width, args.seconds), encoding="utf-8")
        return 0
    wanted = args.only or [name for name in MUTANTS if name not in known and is_drawn(name)]
    for result in searches(wanted, args.seconds, width=args.width, turn=Deadline(args.turn)):
        print(f"{result.mutant}: {result.found or result.problem or 'not found'} ({result.seconds} s)", flush=True)
        known[result.mutant] = result
        args.results.write_text("".join(f"{text(known[name])}\n" for name in sorted(known)), encoding="utf-8")
    return 0


def _read(file: Path) -> Iterable[Search]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return (Search(**json.loads(line)) for line in lines)


if __name__ == "__main__":
    sys.exit(main())
