"""Generate scenarios that vary one rule of a NetworkPolicy or ClusterNetworkPolicy along every axis of its API.

By default few scenarios are written, chosen so that every two values of two axes meet in some step; with --full, the
full product. Scenarios of an earlier catalogue in the same folder are removed; other files there are kept.
"""

import argparse
from collections.abc import Iterable, Mapping
from typing import Protocol

from netpol_harness.cli.arguments import path
from netpol_harness.cli.output import print_text
from netpol_harness.errors import HarnessError
from netpol_harness.generate.cluster_drafts import cluster_drafts
from netpol_harness.generate.drafts import Draft, drafts
from netpol_harness.generate.write import write
from netpol_harness.scenario import SCHEMA_FILE


class _Catalogue(Protocol):
    """Returns the scenarios of an API."""

    def __call__(self, *, full: bool) -> Iterable[Draft]: ...


_CATALOGUES: Mapping[str, _Catalogue] = {"np": drafts, "cnp": cluster_drafts}


def add(command: argparse.ArgumentParser) -> None:
    """Declare the folder, the API and ``--full``."""
    command.add_argument("folder", type=path, metavar="DIR", help="where to write a folder for each scenario")
    help_text = "whose rules to vary: NetworkPolicy (np, the default) or ClusterNetworkPolicy (cnp)"
    command.add_argument("--api", choices=tuple(_CATALOGUES), default="np", help=help_text)
    command.add_argument("--full", action="store_true", help="write every combination of values: thousands of steps")


def run(args: argparse.Namespace) -> int:
    """Write the scenarios, and print how many there are."""
    try:
        scenarios, steps = write(_CATALOGUES[args.api](full=args.full), args.folder, SCHEMA_FILE)
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}"
        raise HarnessError(f"cannot write the catalogue: {reason}; give a folder that you may write to") from error
    print_text(f"{scenarios} scenarios with {steps} steps in {args.folder}\n")
    return 0
