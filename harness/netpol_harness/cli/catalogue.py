"""Write scenarios over the axes along which one NetworkPolicy rule can differ from another.

Written are few of them, so chosen that every two values of two axes meet in some step; with --full, the full product.
Scenarios of an earlier catalogue in the same folder go; everything else there stays.
"""

import argparse

from netpol_harness.cli.arguments import place
from netpol_harness.cli.output import tell
from netpol_harness.errors import HarnessError
from netpol_harness.generate.drafts import drafts
from netpol_harness.generate.write import write


def add(command: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    command.add_argument("folder", type=place, metavar="DIR", help="where the scenarios go, a folder for each")
    command.add_argument("--full", action="store_true", help="every combination of all values: thousands of steps")


def run(given: argparse.Namespace) -> int:
    """Write them, and say how many."""
    found = drafts(full=given.full)
    try:
        write(found, given.folder)
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}"
        raise HarnessError(f"the catalogue cannot be written: {reason}; give a folder that you may write to") from error
    steps = sum(len(draft.scenario["steps"]) for draft in found)
    tell(f"{len(found)} scenarios with {steps} steps in {given.folder}\n")
    return 0
