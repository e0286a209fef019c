"""Capture what decides connectivity in a cluster as a scenario directory that needs nothing of the cluster: stand-ins
for its pods, its Services, its namespaces and its policies of every kind.

  netpol capture --out DIR                          the cluster of the current context, all but system namespaces
  netpol capture --context staging -n shop --out DIR
  kubectl get ns,pods,svc,endpointslices,networkpolicies -A -o yaml | netpol capture --from - --out DIR

It needs the right to view, and changes nothing. Names, labels and ports are written; images, commands, environments,
annotations and Secrets never are. The exit code is 1 if the capture lacks something that decides verdicts, such as
policies that you may not read. Then: netpol table DIR, pytest DIR.
"""

import argparse
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from netpol_harness.cli.arguments import path
from netpol_harness.cli.output import print_error, print_text
from netpol_harness.errors import HarnessError
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.reproduce.capture.capture import Capture, capture
from netpol_harness.reproduce.capture.cluster import read_cluster
from netpol_harness.reproduce.capture.dump import read_dump
from netpol_harness.reproduce.capture.inputs import ClusterInput
from netpol_harness.reproduce.capture.redact import redacted
from netpol_harness.reproduce.capture.write import scenario_files, write
from netpol_harness.scenario.load import load

_REDACT = (
    "replace names, labels, port names and addresses; captures with the same KEY have the same names, and without one "
    "every capture has others"
)
_STANDARD_INPUT = Path("-")


def add(command: argparse.ArgumentParser) -> None:
    """Declare the cluster or the dump, the namespaces and the directory."""
    option = command.add_argument
    option("--out", metavar="DIR", type=path, required=True, help="the directory to write; it must be empty or new")
    option("--context", metavar="NAME", default="", help="a context of the kubeconfig (default: the current one)")
    option("--kubeconfig", metavar="FILE", type=path, help="the kubeconfig (default: KUBECONFIG, ~/.kube/config)")
    option("--from", dest="dump", metavar="FILE", type=path, help="read a dump, not a cluster; - for standard input")
    option("-n", "--namespace", metavar="NS", action="append", default=[], help="capture this one; may be repeated")
    option("--redact", nargs="?", const="", metavar="KEY", help=_REDACT)
    option("--force", action="store_true", help="replace an earlier capture in DIR")


def run(args: argparse.Namespace) -> int:
    """Write the capture; return 1 if it lacks something."""
    given = _read_dump(args.dump) if args.dump else _read_cluster(args)
    captured = capture(given, args.namespace)
    if not captured.stand_ins:
        raise HarnessError(f"no pod runs in the captured namespaces of {given.source}; name others with -n")
    shared, title = captured, f"Captured from {given.source}"
    if args.redact is not None:
        shared, title = redacted(captured, args.redact.encode() or secrets.token_bytes(16)), "Captured and redacted"
    write(scenario_files(shared, title), args.out, force=args.force)
    load(args.out / "scenario.yaml")
    _tell(captured, args.out)
    return 1 if shared.warnings else 0


def _read_dump(file: Path) -> ClusterInput:
    is_input = file == _STANDARD_INPUT
    source = "standard input" if is_input else str(file)
    data = sys.stdin.buffer.read() if is_input else file.read_bytes()
    try:
        return read_dump(data.decode("utf-8-sig"), source)
    except UnicodeDecodeError as error:
        raise HarnessError(f"{source} is not UTF-8 (byte {error.start}); convert it") from error


def _read_cluster(args: argparse.Namespace) -> ClusterInput:
    file = args.kubeconfig or Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
    access = Access.from_kubeconfig(file, args.context)
    with _progress() as progress:
        return read_cluster(Client(access), args.context or "the current context", args.namespace, progress)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("connecting") as status:
        yield status.update


def _tell(captured: Capture, directory: Path) -> None:
    for warning in captured.warnings:
        print_error(f"MISSING: {warning}")
    for note in captured.notes:
        print_text(f"{note}\n")
    print_text(f"wrote {directory}; see: netpol table {directory}\n")
