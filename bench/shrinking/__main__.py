"""``python -m bench.shrinking``: plant mutants, shrink, and write the table. A second run goes on where one ended."""

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from random import Random
from threading import Lock

from bench.shrinking.mutants import ROOT, Record, measure
from bench.shrinking.page import page
from netpol_harness.deadline import Deadline
from netpol_harness.emulator.faults import MUTANTS


def main() -> None:
    """Measure the mutants that have no record yet until the time is over, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="MUTANT", choices=list(MUTANTS), help="measure these, again too")
    parser.add_argument("--minutes", type=float, default=7.0, help="begin no mutant after so long (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the order (%(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at once (%(default)s)")
    parser.add_argument("--folder", type=Path, default=Path("shrinking"), help="worlds, results and records")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "shrinking.md")
    args = parser.parse_args()
    records = args.folder / "records.jsonl"
    args.folder.mkdir(parents=True, exist_ok=True)
    known = _read(records)
    # In any order but that of the catalogue, so that an unfinished campaign has mutants of all themes.
    wanted = args.only or Random(args.seed).sample(
        sorted(set(MUTANTS) - {r.mutant for r in known}), len(MUTANTS) - len(known)
    )
    deadline, lock = Deadline(60 * args.minutes), Lock()

    def measure_one(name: str) -> None:
        if deadline.passed:
            return
        record = measure(name, args.folder)
        with lock, records.open("a") as stream:
            stream.write(json.dumps(asdict(record)) + "\n")
        size = f"{record.pods} pods, {record.policies} policies"
        print(f"{name}: {size}, {record.seconds} s {record.problem}", flush=True)

    with ThreadPoolExecutor(args.jobs) as pool:
        list(pool.map(measure_one, wanted))
    args.page.write_text(page(_read(records)))


def _read(file: Path) -> Sequence[Record]:
    """Return the last record of each mutant."""
    lines = file.read_text().splitlines() if file.exists() else []
    records = [Record(**json.loads(line)) for line in lines]
    return list({record.mutant: record for record in records}.values())


if __name__ == "__main__":
    main()
