"""The cluster that the command line chooses."""

import argparse
from dataclasses import replace

from netpol_harness.backends.options import Binding
from netpol_harness.backends.runs.owner import Owner
from netpol_harness.backends.select import BackendOptions, choose
from netpol_harness.cli.cluster_options import PREFIX, declared_options
from netpol_harness.cli.output import print_aside
from netpol_harness.errors import ClusterFailed
from netpol_harness.lab import Lab, Settings


def lab_of(args: argparse.Namespace, settings: Settings) -> Lab:
    """Return the lab of the chosen cluster, which is not started yet. Raises ``ClusterFailed`` for a wrong choice."""
    given = {name: value for name in declared_options() if (value := getattr(args, name)) is not None}
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    binding = tuple(name for name in values if declared_options()[name].binding is not Binding.NEVER)
    run = Owner.current().run
    try:
        choice = choose(args.cluster, BackendOptions(values, binding), run=run, progress=_progress)
    except ClusterFailed as error:
        raise ClusterFailed(str(error).replace(PREFIX, "--")) from None
    return Lab(choice, replace(settings, probe_image=args.probe_image), run=run)


def _progress(text: str) -> None:
    if text:
        print_aside(f"netpol: {text}\n")
