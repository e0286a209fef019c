"""The options of ``--prove``, apart from what proves: that takes long to import."""

import argparse

from netpol_harness.backends.registry import choices


def declare_proof(command: argparse.ArgumentParser) -> None:
    """Add ``--prove`` and the choice of the cluster."""
    prove = "replay the changes by packets on a cluster, before and after; the exit code is 3 if they contradict one"
    command.add_argument("--prove", action="store_true", help=prove)
    command.add_argument(
        "--cluster", metavar="BACKEND", default="embedded", help=f"where to prove: {choices()} (default: embedded)"
    )
    command.add_argument("--agent", metavar="NAME|FILE", default="", help="the embedded cluster's policy engine")
    command.add_argument("--mutant", metavar="NAME", default="", help="a bug to inject into the embedded cluster")
    without = "do not check first whether the cluster enforces policies"
    command.add_argument("--no-canary", action="store_true", help=without)
