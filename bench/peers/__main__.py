"""``python -m bench.peers``: run other people's suites against the embedded cluster. Exit code 0: all green.

1: a case failed, a suite was cut off, or the API answered wrong; 2: a suite or the Go toolchain is missing.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.peers import binaries, page, requests
from bench.peers.results import Outcome, SuiteRun
from bench.peers.run import Selection, run
from bench.peers.suites import SUITES, Suite


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suites that are named, or all."""
    parser = _parser()
    args = parser.parse_args(arguments)
    suites = [SUITES[name] for name in args.suite or SUITES]
    if unknown := [name for name in args.part if any(name not in (p.name for p in suite.parts) for suite in suites)]:
        known = ", ".join(f"{suite.name}: {' '.join(p.name for p in suite.parts) or 'none'}" for suite in suites)
        parser.error(f"--part: there is no part {unknown[0]} in each of the suites; parts are {known}")
    codes = [_run(suite, args, part) for suite in suites for part in args.part or ("",)]
    if args.write:
        page.write(page.runs())
    return max(codes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("suite", nargs="*", choices=[*SUITES, []], metavar="SUITE", help=f"of {', '.join(SUITES)} (default: all)")
    add("--build", action="store_true", help="build missing binaries first, from Go modules; takes minutes")
    add("--binaries", type=Path, default=binaries.DEFAULT, metavar="DIR", help="where binaries are (%(default)s)")
    add("--quick", action="store_true", help="run a few cases only")
    outputs = binaries.DEFAULT / "output"
    add("--folder", type=Path, default=outputs, metavar="DIR", help="where outputs and logs are written (%(default)s)")
    add("--write", action="store_true", help="record the results, and write docs/peers.md and docs/api-coverage.md")
    add(
        "--part", action="append", default=[], metavar="NAME", help="run this part of a suite only, as a run of its own"
    )
    add("--also", action="append", default=[], metavar="ARGUMENT", help="one more argument for the suite")
    add(
        "--ours",
        action="append",
        default=[],
        metavar="DIR",
        help="our scenarios beside it, in place of the suite's own",
    )
    return parser


def _run(suite: Suite, args: argparse.Namespace, part: str) -> int:
    folder, selection = args.folder / part, Selection(args.quick, part, args.also, args.ours)
    try:
        binary = binaries.find(suite, args.binaries) or (
            binaries.build(suite, args.binaries) if args.build else _refuse(suite, args.binaries)
        )
        print(f"{suite.title}: {binary}, output in {folder}", flush=True)
        result = run(suite, binary, selection, folder=folder)
    except binaries.PeerMissing as missing:
        print(f"{suite.title} did not run: {missing}", file=sys.stderr)
        return 2
    if args.write:
        page.RESULTS.mkdir(exist_ok=True)
        result.write(page.result_file(suite.name, [*(["quick"] if args.quick else []), part, *args.also]))
    _show(result)
    return 0 if _is_green(result) else 1


def _refuse(suite: Suite, folder: Path) -> Path:
    raise binaries.PeerMissing(f"there is no {suite.binary} in {folder}; build it with --build")


def _is_green(result: SuiteRun) -> bool:
    return result.complete and not result.count(Outcome.FAILED) and not list(requests.wrong(result.requests))


def _show(result: SuiteRun) -> None:
    counts = ", ".join(f"{result.count(outcome)} {outcome}" for outcome in Outcome)
    cut = "" if result.complete else ", CUT OFF"
    print(f"{result.suite}: {counts}{cut} in {result.seconds:.1f} s; our own scenarios: {result.ours:.1f} s")
    for case in result.cases:
        if case.outcome is Outcome.FAILED:
            print(f"  FAILED {case.name}: {case.note}")
    for kind in requests.wrong(result.requests):
        print(f"  WRONG ANSWER {kind.count} times: {kind.verb} {kind.resource}: {kind.code} {kind.message}")


if __name__ == "__main__":
    sys.exit(main())
