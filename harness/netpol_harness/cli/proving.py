"""Replay changes on a cluster that a command starts and removes."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext

from rich.console import Console

from netpol_harness.analysis.changes.change import Change
from netpol_harness.analysis.changes.joint import joint_scenario
from netpol_harness.analysis.predict import Predictor
from netpol_harness.cli.cluster import lab_of
from netpol_harness.cli.signals import ended_by_signals
from netpol_harness.lab import Lab, Settings
from netpol_harness.report.replays import Replays
from netpol_harness.runner.canary.traffic import traffic_of_paths
from netpol_harness.runner.replay import replay


@contextmanager
def laboratory(args: argparse.Namespace) -> Iterator[Lab]:
    """Yield the lab of the chosen cluster. It is closed on Ctrl-C and if a signal ends the process, too."""
    with ended_by_signals(), lab_of(args, Settings(canary=not args.no_canary)) as lab:
        yield lab


def proven(lab: Lab, before: Predictor, after: Predictor, changes: Sequence[Change]) -> Replays:
    """Return what packets say about the changes between two steps. Raises ``HarnessError``."""
    scenario = joint_scenario(before, after)
    lab.canary.expect(traffic_of_paths([change.path for change in changes], scenario.inventory.externals))
    console = Console(stderr=True)
    with console.status("replaying the changes on a cluster") if console.is_terminal else nullcontext():
        run = lab.scenario_run(scenario)
        with closing(run):
            run.open()
            replays = replay(run, changes)
        lab.canary.wait()
    return Replays(replays, lab.dataplane)
