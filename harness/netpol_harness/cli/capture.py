"""Capture what decides connectivity in a cluster as a scenario directory that needs nothing of the cluster: stand-ins
for its pods, its Services, its namespaces and its policies of every kind.

  netpol capture --out DIR                          the cluster of the current context, all but system namespaces
  netpol capture --context staging -n shop --out DIR
  kubectl get ns,pods,svc,endpointslices,networkpolicies -A -o yaml | netpol capture --from - --out DIR

It needs the right to view, and changes nothing. Names, labels and ports are written; images, commands, environments,
annotations and Secrets never are. The exit code is 1 if the capture lacks something that decides verdicts, such as
policies that you may not read. Then: netpol table DIR, pytest DIR.

  netpol capture --out DIR --path 'web -> db:5432' --exec both

asks paths of the cluster itself, by commands in its pods, and writes their verdicts into the captured step. Nothing is
created or changed, so that policies are not lifted: a denial is written only if its listener answers its own pod
(--exec both); else the path is undefined, with the reason. If the cluster contradicts its policies, the exit code is 1.
"""

import argparse
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from netpol_harness.cli.arguments import path
from netpol_harness.cli.output import print_error, print_text
from netpol_harness.cli.signals import ended_by_signals
from netpol_harness.errors import ClusterFailed, HarnessError
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.paths.outcome import Expected
from netpol_harness.reproduce.capture.capture import Capture, capture
from netpol_harness.reproduce.capture.cluster import read_cluster
from netpol_harness.reproduce.capture.dump import read_dump
from netpol_harness.reproduce.capture.inputs import ClusterInput
from netpol_harness.reproduce.capture.redact import redacted
from netpol_harness.reproduce.capture.write import scenario_files, write
from netpol_harness.scenario.load import load

if TYPE_CHECKING:
    from netpol_harness.backends.existing.backend import ExistingClusterBackend
    from netpol_harness.reproduce.capture.observation import Observation

_REDACT = (
    "replace names, labels, port names and addresses; captures with the same KEY have the same names, and without one "
    "every capture has others"
)
_STANDARD_INPUT = Path("-")
_PATH = "ask this path of the cluster, by commands in its pods (needs --exec); may be repeated"
_EXEC = "permit commands in your pods: in the sources of paths, or also in their targets, to prove denials"
_PATTERN = "with --path: contexts, clusters and servers that are refused; may be repeated"
_CONTEXT_ADVICE = "--cluster kubeconfig:CONTEXT"


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
    option("--path", metavar="PATH", action="append", default=[], help=_PATH)
    option("--exec", dest="exec_in", choices=("sources", "both"), help=_EXEC)
    option("--production-pattern", metavar="REGEX", action="append", default=[], help=_PATTERN)
    option("--yes-really", action="store_true", help="with --path: use the cluster even if it looks like production")


def run(args: argparse.Namespace) -> int:
    """Write the capture; return 1 if it lacks something, or the cluster contradicts it."""
    if args.exec_in and not args.path:
        raise HarnessError("--exec permits commands for paths, and none is given; name one with --path")
    backend = _permitted(args) if args.path else None
    given = _read_dump(args.dump) if args.dump else _read_cluster(args)
    captured = capture(given, args.namespace)
    if not captured.stand_ins:
        raise HarnessError(f"no pod runs in the captured namespaces of {given.source}; name others with -n")
    shared, title = captured, f"Captured from {given.source}"
    if args.redact is not None:
        shared, title = redacted(captured, args.redact.encode() or secrets.token_bytes(16)), "Captured and redacted"
    observed = _observe(args, backend, captured, given) if backend else ()
    write(scenario_files(shared, title, observed), args.out, force=args.force)
    load(args.out / "scenario.yaml")
    _tell(captured, args.out)
    _tell_observed(observed)
    return 1 if shared.warnings or any(each.disagrees for each in observed) else 0


def _permitted(args: argparse.Namespace) -> "ExistingClusterBackend":
    """Return the cluster that may be asked. Raises ``HarnessError`` before any request without the user's consent."""
    if args.dump or args.redact is not None:
        option = "--from: a dump runs no pods" if args.dump else "--redact: it hides the names that paths have"
        raise HarnessError(f"--path cannot be combined with {option}")
    if not args.exec_in:
        raise HarnessError("--path runs commands in your own pods; permit it with --exec sources, or --exec both")
    from netpol_harness.backends.existing.backend import ExistingClusterBackend
    from netpol_harness.backends.existing.options import ExistingOptions

    patterns = tuple(args.production_pattern)
    options = ExistingOptions(production_pattern=patterns, yes_really=args.yes_really, context=args.context)
    try:
        return ExistingClusterBackend(options, kubeconfig=_kubeconfig(args))
    except ClusterFailed as error:
        raise ClusterFailed(str(error).replace(_CONTEXT_ADVICE, "--context NAME")) from None


def _observe(
    args: argparse.Namespace, backend: "ExistingClusterBackend", captured: Capture, given: ClusterInput
) -> "tuple[Observation, ...]":
    from netpol_harness.reproduce.capture.live_paths import Exec, observe

    with ended_by_signals(), _progress() as progress:
        progress(f"asking {len(args.path)} paths")
        return observe(args.path, captured, given, backend.create("", Path()), Exec(args.exec_in))


def _read_dump(file: Path) -> ClusterInput:
    is_input = file == _STANDARD_INPUT
    source = "standard input" if is_input else str(file)
    data = sys.stdin.buffer.read() if is_input else file.read_bytes()
    try:
        return read_dump(data.decode("utf-8-sig"), source)
    except UnicodeDecodeError as error:
        raise HarnessError(f"{source} is not UTF-8 (byte {error.start}); convert it") from error


def _read_cluster(args: argparse.Namespace) -> ClusterInput:
    access = Access.from_kubeconfig(_kubeconfig(args), args.context)
    with _progress() as progress:
        return read_cluster(Client(access), args.context or "the current context", args.namespace, progress)


def _kubeconfig(args: argparse.Namespace) -> Path:
    return args.kubeconfig or Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")


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


def _tell_observed(observed: "Iterable[Observation]") -> None:
    for each in observed:
        print_text(f"{each.text}: {each.verdict}\n")
        if each.disagrees or each.verdict is Expected.UNDEFINED:
            mark = "DISAGREES" if each.disagrees else "UNDEFINED"
            print_error(f"{mark}: {each.text}: {'; '.join(each.how[1:])}")
