"""Arguments of the commands that need no cluster: a scenario, a step and a profile."""

import argparse
from pathlib import Path

from netpol_harness.cli.arguments import path
from netpol_harness.errors import ScenarioInvalid
from netpol_harness.oracle.points import Profile
from netpol_harness.oracle.profiles import PROFILES
from netpol_harness.paths.diagnostics import suggest
from netpol_harness.scenario import SCENARIO_FILE
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario, Step


def declare(command: argparse.ArgumentParser, *, step: str = "") -> None:
    """Add the scenario, ``--profile`` and, if it has a help text, ``--step``."""
    command.add_argument("scenario", metavar="SCENARIO", type=path, help="its directory, or its scenario.yaml")
    if step:
        command.add_argument("--step", metavar="NAME", help=step)
    command.add_argument(
        "--profile",
        metavar="NAME",
        default="specification",
        help=f"implementation that decides what the API leaves open: {', '.join(PROFILES)} (default: %(default)s)",
    )


def scenario_of(args: argparse.Namespace) -> Scenario:
    """Load the scenario. Raises ``ScenarioInvalid``."""
    file: Path = args.scenario / SCENARIO_FILE if args.scenario.is_dir() else args.scenario
    if not file.is_file():
        raise ScenarioInvalid([f"there is no scenario at {args.scenario}; give a directory with a {SCENARIO_FILE}"])
    return load(file)


def profile_of(args: argparse.Namespace) -> Profile:
    """Return the profile. Raises ``ScenarioInvalid`` for an unknown name."""
    if args.profile not in PROFILES:
        raise ScenarioInvalid([f"there is no profile '{args.profile}'; {suggest(args.profile, PROFILES)}"])
    return PROFILES[args.profile]


def steps_of(args: argparse.Namespace, scenario: Scenario) -> tuple[Step, ...]:
    """Return the step that ``--step`` names, or all of them. Raises ``ScenarioInvalid`` for an unknown name."""
    if args.step is None:
        return scenario.steps
    names = [step.name for step in scenario.steps]
    if args.step not in names:
        raise ScenarioInvalid([f"{scenario.name} has no step '{args.step}'; {suggest(args.step, names)}"])
    return tuple(step for step in scenario.steps if step.name == args.step)
