"""The command line beside pytest: ``netpol COMMAND ...``.

Exit codes: 0: no findings; 1: findings, such as a part of a policy that no path covers; 2: usage or runtime error,
which one line on stderr explains; 3: packets contradict what was predicted; 130: interrupted.

Every command is the module of this package that has its name, with ``_`` for ``-``. The module's docstring is the
command's description, and it has two functions:

    add(command: argparse.ArgumentParser) -> None    declare the command's arguments
    run(args: argparse.Namespace) -> int             run the command and return the exit code; may raise HarnessError

Only the module of the command on the command line is imported, so a module may import whatever it needs at its top.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from netpol_harness.cli.garbage import collecting_rarely
from netpol_harness.cli.output import print_error, print_text
from netpol_harness.errors import HarnessError

COMMANDS: Mapping[str, str] = {
    "init": "write a first scenario.yaml from the dependencies that manifests declare",
    "explain": "explain why a path of a scenario is allowed or blocked",
    "table": "print the truth table that a scenario's policies imply",
    "capture": "write the scenario of a live cluster",
    "diff": "tell which paths a change of manifests opens or closes",
    "what-if": "tell which paths a manifest would open or close if it were applied",
    "coverage": "find policies and rules that no path of a scenario covers",
    "mutants": "measure which scenarios detect which bugs of network plugins",
    "agents": "list the policy engines that can enforce in the embedded cluster",
    "conformance": "write the ConformanceReport of network-policy-api from a run",
    "canary": "tell whether a cluster enforces policies, by direction, family, protocol and nodes",
    "shrink": "shrink a scenario to the smallest one with a wrong verdict, by real packets",
    "fuzz": "search a dataplane for faults by random policies and changes, by real packets",
    "latency": "measure when changes of policies take effect",
    "catalogue": "generate scenarios that vary one NetworkPolicy rule",
    "gc": "remove leftovers of dead runs",
}
"""The commands, with their summaries for ``netpol --help``."""


_INTERRUPTED = 130  # as a shell reports SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, by default that of ``sys.argv``, and return the exit code."""
    argv = sys.argv[1:] if arguments is None else list(arguments)
    args = _parser(argv[:1]).parse_args(argv)
    try:
        with collecting_rarely():
            code = int(args.run(args))
        sys.stdout.flush()
        return code
    except HarnessError as error:
        print_error(str(error))
    except KeyboardInterrupt as end:  # Ctrl-C, or a signal that a command has turned into one
        print_error(str(end) or "interrupted")
        return _INTERRUPTED
    except BrokenPipeError:  # the reader has closed the pipe, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the flush at exit must not fail again
    except OSError as error:
        print_error(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    return 2


def _parser(first: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser, with the arguments of the command that is the ``first`` word of the command line."""
    parser = argparse.ArgumentParser(prog="netpol", description="NetworkPolicy connectivity tests, beside pytest.")
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter)
        if [name] == list(first):
            module = import_module(f"netpol_harness.cli.{name.replace('-', '_')}")
            command.description = module.__doc__
            command.set_defaults(run=module.run)
            module.add(command)
    return parser


class _ShowVersion(argparse.Action):
    """``--version``: looks up the version only when it is wanted, because that takes a while."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from netpol_harness.backends.facts import harness_version

        print_text(f"netpol {harness_version() or 'unknown: the package is not installed'}\n")
        parser.exit()
