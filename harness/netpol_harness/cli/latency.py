"""Measure when changes of policies take effect: the time to deny and the time to allow, as intervals.

A path is probed continuously while a step is entered and left again. A time lies after the last observation of the old
state and before the first one of the new state that lasts. "by" means that the first look saw the new state already,
"not seen to end" that the new state did not come in time. Without a scenario the canary's is measured. One change more
is made with a known delay: if that is not measured as late, the exit code is 2. If the cluster can restart its agent,
the times in which paths are wrong after a restart are listed, and those in which closed paths into a namespace are open
while it is deleted and created again. At last the pods at each end of closed paths are created
again, and paths whose first packets get through are listed.

A finding is a change that certainly took longer than --limit or was not seen to end, a path that was wrong around a
restart or while its namespace was deleted and created again, and a closed path of which a first packet got through. The
exit code is 1 if there is a finding that no line of --accept describes, such as "new target: web -> db:5432" or
"restart: *"; else 2 if something was not measured.
"""

import argparse
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from netpol_harness.cli.arguments import count, path, seconds
from netpol_harness.cli.cluster import lab_of
from netpol_harness.cli.cluster_options import declare_cluster
from netpol_harness.cli.output import print_aside, print_text
from netpol_harness.cli.signals import ended_by_signals
from netpol_harness.errors import HarnessError
from netpol_harness.lab import Lab, Settings
from netpol_harness.model.names import Protocol
from netpol_harness.report.latency import as_object, as_text, summary, trend
from netpol_harness.results.latency import State
from netpol_harness.results.proof import Proof
from netpol_harness.runner.canary.check import canary_scenario
from netpol_harness.runner.latency import WINDOWS, LatencyMeter, Measurement, is_late
from netpol_harness.runner.latency_findings import findings, parse_accepted
from netpol_harness.runner.latency_paths import MOST_PATHS, States, changing_states, step_before
from netpol_harness.runner.new_pods import CHANGES, CONTROLS, with_new_pods
from netpol_harness.scenario.derive import open_source
from netpol_harness.scenario.scenario import Scenario, Step

_LONGEST_WINDOW = 5.0
_RUNS = 10


def add(command: argparse.ArgumentParser) -> None:
    """Declare the scenario, the number of changes, the output and the cluster."""
    option = command.add_argument
    option("scenario", metavar="SCENARIO", nargs="?", type=path, help="a scenario's directory (default: the canary)")
    option("--step", metavar="NAME", help="the step that is entered and left (default: the last one)")
    option("--repeat", type=count, default=3, metavar="N", help="number of changes in each direction (default: 3)")
    option("--window", type=seconds, metavar="SECONDS", help="time of probing after each change (default: up to 5)")
    option("--limit", type=seconds, metavar="SECONDS", help="exit with 1 if a change certainly took longer")
    option(
        "--accept", metavar="FILE", type=path, help="findings that are no failures, one a line; * stands for any text"
    )
    option("--trend", type=path, metavar="FILE", help="append this run to FILE, a JSON line each, and compare")
    option("-o", "--output", choices=["text", "json"], default="text", help="text (default) or JSON")
    declare_cluster(command)


def run(args: argparse.Namespace) -> int:
    """Measure, print, and compare with earlier runs."""
    scenario = open_source(args.scenario) if args.scenario else canary_scenario({Protocol.TCP}, two_nodes=False)
    step = _step(scenario, args.step)
    _, changing = changing_states(scenario, step_before(scenario, step), step)
    if len(changing) > MOST_PATHS:
        print_aside(f"{len(changing)} paths change; the first {MOST_PATHS} are measured\n")
    accepted = parse_accepted(args.accept.read_text(encoding="utf-8"), str(args.accept)) if args.accept else ()
    with ended_by_signals(), lab_of(args, Settings(proof=Proof.LISTENER)) as lab:
        measured = _measured(args, lab, scenario, step, changing)
        header = lab.header
    controls = [m for m in measured if m.change == "control" and m.taken]
    control = bool(controls) and all(map(is_late, controls))
    found = [each for each in findings(measured, args.limit) if not any(line.accepts(each) for line in accepted)]
    if args.output == "json":
        print_text(json.dumps({**as_object(measured, header, control=control), "findings": found}, indent=1) + "\n")
    else:
        print_text(as_text(measured, header, control=control) + "".join(f"finding: {each}\n" for each in found))
    if args.trend:
        _compare(args.trend, measured, header)
    return exit_code(measured, found, control=control)


def exit_code(measured: Sequence[Measurement], found: Sequence[str], *, control: bool) -> int:
    """Return 2 if the control failed, 1 if there are findings, 2 if a part was not measured, else 0."""
    blind = any(not m.samples for m in measured if m.change in (*WINDOWS, *CHANGES))
    blind |= any(not m.leaks for m in measured if m.change in CONTROLS)
    return 2 if not control else 1 if found else 2 if blind else 0


def _step(scenario: Scenario, name: str | None) -> Step:
    found = [step for step in scenario.steps if name in (None, step.name)]
    if not found:
        raise HarnessError(f"{scenario.name} has no step '{name}'; it has {', '.join(s.name for s in scenario.steps)}")
    return found[-1]


def _measured(args: argparse.Namespace, lab: Lab, scenario: Scenario, step: Step, states: States) -> list[Measurement]:
    closed = [path for path, state in states.items() if state is State.CLOSED][:MOST_PATHS]
    scenario, new_pods = with_new_pods(scenario, step_before(scenario, step), step, closed)
    with closing(lab.scenario_run(scenario)) as scenario_run:
        scenario_run.open()
        window = args.window or min(scenario_run.context.timeouts.settle, _LONGEST_WINDOW)
        return list(LatencyMeter(scenario_run, step, window, new_pods).measure(args.repeat))


def _compare(file: Path, measured: list[Measurement], header: str) -> None:
    lines = file.read_text().splitlines() if file.exists() else []
    try:
        runs = [json.loads(line)["summary"] for line in lines[-_RUNS:] if line.strip()]
    except (ValueError, KeyError, TypeError) as error:
        raise HarnessError(f"{file} is not a trend file ({error}); name another") from error
    print_aside(trend(runs, summary(measured)))
    with file.open("a") as stream:
        stream.write(json.dumps({"cluster": header, "summary": summary(measured)}) + "\n")
