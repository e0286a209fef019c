"""Search a cluster's dataplane for faults by random policies and changes, with the specification as the referee.

Many small worlds are run at once. A verdict that contradicts the specification is a suspicion; it becomes a finding if
a run of its world alone is wrong twice in the same way. Each finding is shrunk, and written below --out as a scenario
with a report, which says what known deviation of the dataplane it may be. A suspicion that the model of an earlier
finding predicts is counted with it, and not shrunk. What the specification leaves open is not judged. The same --seed
draws the same worlds.

With two of --agent, or one and --mutant, the worlds run on two dataplanes, and their disagreements where the
specification is open are findings too. --agent embedded stands for the embedded cluster's own rules.

Exit codes: 0: nothing new contradicts the specification; 1: something does; 2: usage or runtime error; 130:
interrupted.
"""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from netpol_harness.backends.registry import AUTO
from netpol_harness.cli.arguments import count, path
from netpol_harness.cli.cluster import lab_of
from netpol_harness.cli.cluster_options import declare_cluster
from netpol_harness.cli.output import print_text
from netpol_harness.cli.shrink import INTERRUPTED, pytest_options, quick_settle, trial_settings
from netpol_harness.cli.signals import ended_by_signals, uninterrupted
from netpol_harness.deadline import Deadline
from netpol_harness.errors import HarnessError, LabError
from netpol_harness.paths.outcome import Expected
from netpol_harness.reproduce.fuzz.campaign import Campaign, Dataplane, Finding, Tally
from netpol_harness.reproduce.fuzz.known import known_faults
from netpol_harness.reproduce.shrink.report import title_of
from netpol_harness.reproduce.shrink.result import write_result
from netpol_harness.reproduce.shrink.trial import Trials

_JOBS = 4
OWN = "embedded"
"""The value of ``--agent`` for the embedded cluster's own rules."""


def add(command: argparse.ArgumentParser) -> None:
    """Declare how long to search, from which seed, where to write, and the cluster."""
    option = command.add_argument
    option("--minutes", type=count, default=5, metavar="M", help="search for so long (%(default)s)")
    option("--findings", type=count, default=100, metavar="N", help="end after so many findings (%(default)s)")
    option("--steps", type=count, default=3, metavar="N", help="steps of each world (%(default)s)")
    option("--seed", type=count, default=1, metavar="N", help="the first world's seed (%(default)s)")
    option("--out", type=path, default=Path("findings"), metavar="DIR", help="write findings here (%(default)s)")
    option("--settle-deadline", type=float, metavar="S", help="seconds until a path must have its verdict")
    declare_cluster(command, repeated=["agent"])


def run(args: argparse.Namespace) -> int:
    """Search; return 1 if there are findings."""
    if args.out.exists() and any(args.out.iterdir()):
        raise HarnessError(f"{args.out} is not empty; name a new directory with --out")
    interrupted = False
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals())
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="netpol-fuzz-")))
        choices = dataplane_arguments(args)
        dataplanes = [_dataplane(each, stack, folder / f"trials-{index}") for index, each in enumerate(choices)]
        status = stack.enter_context(Console(stderr=True).status("starting"))
        campaign = Campaign(dataplanes, folder, seed=args.seed, steps=args.steps, report=status.update)
        try:
            for finding in campaign.findings(Deadline(args.minutes * 60)):
                directory = args.out / f"finding-{campaign.tally.findings}"
                with uninterrupted():
                    _write(finding, directory, choices[dataplanes.index(finding.dataplane)])
                if campaign.tally.findings >= args.findings:
                    break
        except KeyboardInterrupt:
            interrupted = True
    tally = campaign.tally
    print_text(
        f"{tally.worlds} worlds, {tally.findings} findings, {tally.known} of them known, "
        f"{tally.open} where the specification is open, "
        f"{tally.repeated} more of the same causes, "
        f"{tally.unconfirmed} not confirmed; {tally.judged} paths judged, {tally.undecided} without enough evidence\n"
    )
    return INTERRUPTED if interrupted else exit_code(tally)


def dataplane_arguments(args: argparse.Namespace) -> Sequence[argparse.Namespace]:
    """Return the arguments for each dataplane: one, or two if two agents are named, or an agent and a mutant.

    The agent ``embedded`` stands for the rules of the embedded cluster itself. Raises ``HarnessError`` for more.
    """
    agents = args.agent or [None]
    pairs = [(agent, None) for agent in agents] + ([(None, args.mutant)] if args.mutant and args.agent else [])
    if len(pairs) > 2:
        raise HarnessError("more than two dataplanes; give --agent twice, or once with --mutant")
    if len(pairs) == 1:
        pairs = [(agents[0], args.mutant)]
    cluster = "embedded" if OWN in agents and args.cluster == AUTO else args.cluster
    return [
        argparse.Namespace(
            **{**vars(args), "cluster": cluster, "agent": None if agent == OWN else agent, "mutant": mutant}
        )
        for agent, mutant in pairs
    ]


def _dataplane(args: argparse.Namespace, stack: ExitStack, folder: Path) -> Dataplane:
    lab = stack.enter_context(lab_of(args, trial_settings(args)))
    trials = Trials(lab, folder, width=_JOBS, quick=quick_settle(args, lab))
    stack.callback(trials.close)
    return Dataplane(lab, trials, known_faults(lab))


def _write(finding: Finding, directory: Path, args: argparse.Namespace) -> None:
    """Write a finding. One in which two dataplanes disagree says so, as the specification has no verdict for it."""
    shrunk, lab = finding.shrunk, finding.dataplane.lab
    if finding.other:
        shrunk = replace(shrunk, observation=replace(shrunk.observation, predicted=Expected.UNDEFINED))
        compared = f"Expected is what another dataplane does: {finding.other.lab.dataplane}."
    else:
        compared = finding.dataplane.known.comparison(shrunk.observation)
    write_result(shrunk, lab.cluster, directory, pytest_options(args, lab), compared)
    print_text(f"{directory}: {title_of(shrunk)}\n")


def exit_code(tally: Tally) -> int:
    """Return 1 if there are new findings, else 0. Raises ``LabError`` if no path was judged: that shows no absence."""
    if not tally.findings and not tally.judged:
        raise LabError("no path was judged, so nothing is known about this cluster; try `netpol canary` on it")
    return int(tally.findings > tally.known + tally.open)
