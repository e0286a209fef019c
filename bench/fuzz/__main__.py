"""``python -m bench.fuzz [COUNT [SEED]]``: load malformed scenarios; exit with 1 if one goes wrong."""

import sys
from time import perf_counter

from bench.fuzz.campaign import LIMIT, SEED, campaign

COUNT = 3000


def main() -> int:
    """Run the campaign and print its figures."""
    count, seed = (*map(int, sys.argv[1:]), *(COUNT, SEED)[len(sys.argv) - 1 :])
    start = perf_counter()
    tally = campaign(count, seed)
    for message in tally.wrong:
        print(message)
    print(
        f"seed {seed}: {count} mutations in {perf_counter() - start:.1f} s: {tally.loaded} loaded, "
        f"{tally.refused} refused with {tally.problems} problems, {len(tally.wrong)} went wrong; "
        f"slowest {tally.slowest:.2f} s, limit {LIMIT} s"
    )
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
