"""The command line beside pytest: ``netpol COMMAND ...``. Exit codes: 0; 1 where something was found wanting; 2 where
the command could not be done, which one line on stderr then explains.

Every command is a module of this package that bears its name and has two functions:

    add(command: argparse.ArgumentParser) -> None    declares the command's arguments; its docstring is the description
    run(given: argparse.Namespace) -> int            does it and returns the exit code; HarnessErrors need no catching

Only the module of the command that was given is imported, so that a module may import at its top whatever it needs.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from netpol_harness.cli.output import complain, tell
from netpol_harness.errors import HarnessError

COMMANDS: Mapping[str, str] = {
    "explain": "say why a path of a scenario is allowed or blocked",
    "table": "print the truth table that a scenario's policies make",
    "coverage": "find the policies and rules that no path of a scenario would miss",
    "mutants": "measure which scenarios notice which bugs of network plugins",
    "catalogue": "write scenarios over the axes of one NetworkPolicy rule",
    "gc": "remove what dead runs have left behind",
}
"""The commands, and what ``netpol --help`` says of each."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(prog="netpol", description="NetworkPolicy connectivity tests, beside pytest.")
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter)
        if words[:1] == [name]:
            module = import_module(f"netpol_harness.cli.{name}")
            command.description = module.__doc__
            command.set_defaults(run=module.run)
            module.add(command)
    given = parser.parse_args(words)
    try:
        code = int(given.run(given))
        sys.stdout.flush()
        return code
    except HarnessError as error:
        complain(str(error))
    except BrokenPipeError:  # who reads has seen enough, as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to be written at the end
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    return 2


class _ShowVersion(argparse.Action):
    """``--version``; looks the version up only if it is wanted, which takes longer than to read the arguments."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from netpol_harness.backends.facts import harness_version

        tell(f"netpol {harness_version() or 'unknown: the package is not installed'}\n")
        parser.exit()
