"""Tell whether a cluster enforces NetworkPolicy: a row for each direction, IP family, protocol and pairing of nodes.

  ENFORCED      open without policies, closed by them, open for the right pod alone, and open again once they are gone
  NOT ENFORCED  open without policies, and open although a policy closes it
  INCONCLUSIVE  a control failed, such as a path that is closed before any policy, or a listener that does not answer

It needs the rights to create, get, list and delete pods and NetworkPolicies and to create pods/exec in one namespace
(--namespace), or to create namespaces. Its pods meet the pod security standard "restricted". Everything that it creates
is deleted, also after Ctrl-C; what could not be deleted is named.

The exit code is 0 if all rows are ENFORCED, 1 if one is NOT ENFORCED, else 2 if one is INCONCLUSIVE, or if the command
could not run; 130 after Ctrl-C.
"""

import argparse
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from netpol_harness.cli.cluster import lab_of
from netpol_harness.cli.cluster_options import declare_cluster
from netpol_harness.cli.output import print_error, print_text
from netpol_harness.cli.signals import ended_by_signals
from netpol_harness.deadline import interruptible
from netpol_harness.errors import LabError
from netpol_harness.lab import Lab, Settings
from netpol_harness.report.canary import as_object, as_text
from netpol_harness.results.proof import Proof
from netpol_harness.runner.canary.rows import CanaryAlone, CanaryTable, Enforcement

BUDGET = 20.0
"""Seconds that the canary may take on a running cluster."""

_SHARES = {"probe": 0.05, "settle": 0.3, "exec": 0.25, "ready": 0.6}
"""By the fields of ``Timeouts``, the most of the budget that one wait may take."""

_FOR_REMOVAL = 0.1  # of the budget


def add(command: argparse.ArgumentParser) -> None:
    """Declare the cluster, the output format and the time."""
    command.add_argument("-o", "--output", choices=["text", "json"], default="text", help="text (default) or JSON")
    command.add_argument(
        "--timeout",
        type=_seconds,
        default=BUDGET,
        metavar="SECONDS",
        help=f"time on a running cluster; rows that are unfinished by then are INCONCLUSIVE (default: {BUDGET:.0f})",
    )
    declare_cluster(command)


def run(args: argparse.Namespace) -> int:
    """Run the canary and print its rows."""
    limits = {name: share * args.timeout for name, share in _SHARES.items()}
    with ended_by_signals(), lab_of(args, Settings(limits=limits, proof=Proof.LISTENER)) as lab:
        table = _table(args, lab)
        text = json.dumps(as_object(table, lab.header), indent=1) + "\n" if args.output == "json" else ""
        print_text(text or as_text(table, lab.header))
    _report_leftovers(table.leftovers)
    return exit_code([row.result for row in table.rows])


def exit_code(results: Sequence[Enforcement]) -> int:
    """Return 0 if all are enforced, 1 if one is not, and 2 if nothing or too little is known."""
    if Enforcement.NOT_ENFORCED in results:
        return 1
    return 0 if results and all(result is Enforcement.ENFORCED for result in results) else 2


def _table(args: argparse.Namespace, lab: Lab) -> CanaryTable:
    context, namespaces = lab.context, _namespaces(lab)
    canary = CanaryAlone(context, namespaces, args.probe_image)
    try:
        with _interrupted_after(args.timeout * (1 - _FOR_REMOVAL)):
            return canary.run()
    except KeyboardInterrupt:
        _report_leftovers(canary.leftovers)
        raise


def _namespaces(lab: Lab) -> Mapping[str, str]:
    return dict(lab.choice.backend.namespaces)


def _report_leftovers(leftovers: Sequence[str]) -> None:
    if leftovers:
        print_error(f"could not delete {', '.join(leftovers)}; delete them, or run `netpol gc`")


@contextmanager
def _interrupted_after(seconds: float) -> Iterator[None]:
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.daemon = True
    timer.start()
    try:
        with interruptible(stop):
            yield
    except LabError as error:
        raise LabError(f"{error}; give more time by --timeout") from error
    finally:
        timer.cancel()


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds; give one from 1 to 3600")
    return value
