"""Shrink a scenario to the smallest one in which a path still has the wrong verdict, by real packets.

Each trial runs a candidate on a live cluster, several at once, in namespaces of their own. The path is wrong if the
packets contradict its verdict: the one that the step says, or the one of the specification. The result is a directory
with a scenario, report.md, and reproduce.sh if kubectl alone can show the fault.

Exit codes: 0: shrunk; 2: usage or runtime error; 3: the path is not wrong on this cluster, so there is nothing to
shrink; 130: interrupted, after the smallest scenario so far is written.
"""

import argparse
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from rich.console import Console

from netpol_harness.analysis.predict import Predictor
from netpol_harness.backends.options import long_name
from netpol_harness.backends.registry import BACKENDS
from netpol_harness.cli.arguments import count, path
from netpol_harness.cli.cluster import lab_of
from netpol_harness.cli.cluster_options import declare_cluster
from netpol_harness.cli.explain import path_in_step
from netpol_harness.cli.output import print_error, print_text
from netpol_harness.cli.scenarios import scenario_of, steps_of
from netpol_harness.cli.signals import ended_by_signals, uninterrupted
from netpol_harness.errors import HarnessError, ScenarioInvalid
from netpol_harness.lab import Lab, Settings
from netpol_harness.paths.outcome import Expected
from netpol_harness.reproduce.shrink.draft import Draft, draft_of
from netpol_harness.reproduce.shrink.result import write_result
from netpol_harness.reproduce.shrink.search import Report, Search
from netpol_harness.reproduce.shrink.trial import Observation, Trials
from netpol_harness.results.proof import Proof
from netpol_harness.scenario.scenario import Scenario
from netpol_harness.yaml_loader import SAFE_LOADER

NOT_WRONG = 3
INTERRUPTED = 130
_OPEN = "the specification leaves '{path}' open in step {step}; name a path that it decides"
_LEAST_SETTLE, _EMBEDDED_SETTLE, _AGENT_SETTLE = 0.01, 0.7, 4.0


def add(command: argparse.ArgumentParser) -> None:
    """Declare the scenario, the path, the cluster and where to write."""
    option = command.add_argument
    option("scenario", metavar="SCENARIO", type=path, help="its directory or its scenario.yaml, or manifests")
    option("--path", required=True, metavar="PATH", help="the path with the wrong verdict, such as 'web -> db:5432'")
    option("--step", metavar="NAME", help="the step in which it is wrong (default: the last that lists it)")
    option("--out", required=True, type=path, metavar="DIR", help="write the result to this new or empty directory")
    option("--jobs", type=count, default=4, metavar="N", help="trials at once (%(default)s)")
    option("--settle-deadline", type=float, metavar="S", help="seconds until a path must have its verdict in a trial")
    declare_cluster(command)


def run(args: argparse.Namespace) -> int:
    """Shrink, and write the result."""
    if args.out.exists() and any(args.out.iterdir()):
        raise HarnessError(f"{args.out} is not empty; name a new directory with --out")
    draft = _draft(args, scenario_of(args))
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals())
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="netpol-shrink-")))
        lab = stack.enter_context(lab_of(args, trial_settings(args)))
        trials = Trials(lab, folder, width=args.jobs, quick=quick_settle(args, lab))
        stack.callback(trials.close)
        observed = [trials.observe(draft)]
        observed += [trials.observe(draft)] if not observed[0].is_wrong else []  # some faults show now and then
        first = observed[-1]
        if not first.is_wrong:
            return _not_wrong(draft, first)
        with _shown() as report:
            search = Search(trials, draft, first, report)
            try:
                shrunk, code = search.shrink(), 0
            except KeyboardInterrupt:
                shrunk, code = search.smallest, INTERRUPTED
        with uninterrupted():
            reason = write_result(shrunk, lab.cluster, args.out, pytest_options(args, lab))
    pods, policies = shrunk.draft.pods, shrunk.draft.policies
    print_text(f"{args.out}: {pods} pods, {policies} policies, after {trials.executed} trials\n")
    if reason:
        print_error(f"no reproduce.sh: {reason}")
    return code


def quick_settle(args: argparse.Namespace, lab: Lab) -> float | None:
    """Return the settle time of quick trials: our own dataplane has its policies in force when the API answers."""
    return _LEAST_SETTLE if lab.choice.backend.name == "embedded" and not args.agent else None


def trial_settings(args: argparse.Namespace) -> Settings:
    """Return the settings of trials: short ones for our own dataplane, whose policies are in force at once."""
    if not (args.cluster == "embedded" or args.mutant or args.agent):
        return Settings(settle_deadline=args.settle_deadline, canary=True)
    quick = _AGENT_SETTLE if args.agent else _EMBEDDED_SETTLE
    return Settings(settle_deadline=args.settle_deadline or quick, proof=Proof.LISTENER)


def pytest_options(args: argparse.Namespace, lab: Lab) -> str:
    """Return the options of pytest that choose the same cluster: the backend that ran, and those of its options that
    are given.
    """
    backend = next(each for each in BACKENDS if each.name == lab.choice.backend.name)
    context = f":{lab.cluster.context}" if backend.takes_context and lab.cluster.context else ""
    words = [long_name("cluster"), f"{backend.name}{context}"]
    words += [word for each in backend.options for word in _words(each.long, getattr(args, each.name))]
    words += _words(long_name("probe_image"), args.probe_image or None)
    return shlex.join(words)


def _words(option: str, value: object) -> list[str]:
    """Return the words of an option on the command line; none if it is not given."""
    if value is None or value is False:
        return []
    if value is True:
        return [option]
    values = value if isinstance(value, list | tuple) else [value]
    return [word for each in values for word in (option, str(each))]


def _not_wrong(draft: Draft, first: Observation) -> int:
    if first.result is None:
        raise HarnessError(f"'{draft.path}' could not be probed: {first.problem}")
    if first.predicted is Expected.UNDEFINED:
        raise HarnessError(_OPEN.format(path=draft.path, step=draft.tree["steps"][-1]["name"]))
    observed = f"{first.result.outcome} ({first.result.judgement}), expected {draft.expected}"
    print_error(f"'{draft.path}' is not wrong on this cluster: {observed}; there is nothing to shrink")
    return NOT_WRONG


def _draft(args: argparse.Namespace, scenario: Scenario) -> Draft:
    """Return the scenario up to the step, with the path and its verdict."""
    steps = steps_of(args, scenario)
    parsed = [(step, path_in_step(args.path, step)) for step in steps]
    known = [(step, found) for step, found in parsed if not isinstance(found, str)]
    if not known:
        raise ScenarioInvalid([str(parsed[-1][1])])
    written = [(s, p, e) for s, p in known for e in s.expectations if e.path == p]
    step, found = (written[-1][0], written[-1][1]) if written else known[-1]
    expected = written[-1][2].expected if written else Predictor(scenario, step).verdict(found)
    if expected is Expected.UNDEFINED:
        raise HarnessError(_OPEN.format(path=args.path, step=step.name))
    settings = yaml.load(scenario.file.read_text(encoding="utf-8"), SAFE_LOADER) if not scenario.derived else {}
    return draft_of(scenario, settings, step, args.path, expected.value)


@contextmanager
def _shown() -> Iterator[Report]:
    """Show on standard error what is being removed, if that is a terminal."""
    console = Console(stderr=True)
    with console.status("running the scenario") as status:

        def report(stage: str, draft: Draft) -> None:
            status.update(f"removing {stage}: {draft.pods} pods, {draft.policies} policies are left")

        yield report
