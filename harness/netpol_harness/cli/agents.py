"""List the policy engines of network plugins that can enforce in the embedded cluster, and what they lack here.

`pytest --netpol-cluster embedded --netpol-agent NAME` has one of them enforce in place of the cluster's own rules.
"""

import argparse
from collections.abc import Iterator

from netpol_harness.backends.embedded.agents import AgentDefinition, load, shipped
from netpol_harness.cli.output import print_text


def add(command: argparse.ArgumentParser) -> None:
    """Declare which agents to list."""
    command.add_argument(
        "agent", nargs="*", metavar="NAME|FILE", help="list these only (default: all that are shipped)"
    )


def run(args: argparse.Namespace) -> int:
    """Show them. Return 1 if none of the agents can run here."""
    definitions = [load(name) for name in args.agent] or list(shipped())
    for definition in definitions:
        print_text(f"{definition.name}: {definition.title}\n")
        for line in _state(definition):
            print_text(f"    {line}\n")
    return 0 if any(_is_ready(definition) for definition in definitions) else 1


def _is_ready(definition: AgentDefinition) -> bool:
    return definition.locate() is not None and not definition.missing


def _state(definition: AgentDefinition) -> Iterator[str]:
    """Yield what this host has of the agent, and what it lacks."""
    binary = definition.locate()
    if binary is not None:
        yield f"program: {binary} {definition.version_of(binary)}".rstrip()
    else:
        yield f"program: no {definition.binary} in PATH; get it: {definition.install}"
    if definition.missing:
        yield f"missing: {', '.join(definition.missing)}"
