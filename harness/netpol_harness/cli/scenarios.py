"""What commands without a cluster have in common: a scenario named by its directory, a step, a profile."""

import argparse
from pathlib import Path

from netpol_harness.cli.arguments import place
from netpol_harness.errors import ScenarioInvalid
from netpol_harness.oracle.points import Profile
from netpol_harness.oracle.profiles import PROFILES
from netpol_harness.paths.diagnostics import suggest
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario, Step


def declare(command: argparse.ArgumentParser, *, step: str = "") -> None:
    """Add the scenario, ``--profile``, and, where it has a help, ``--step``."""
    command.add_argument("scenario", metavar="SCENARIO", type=place, help="its directory, or the scenario.yaml in it")
    if step:
        command.add_argument("--step", metavar="NAME", help=step)
    command.add_argument(
        "--profile",
        metavar="NAME",
        default="specification",
        help=f"who decides what the API leaves open: {', '.join(PROFILES)} (default: %(default)s)",
    )


def scenario_of(given: argparse.Namespace) -> Scenario:
    """The scenario that was named. Raises ``ScenarioInvalid``."""
    file: Path = given.scenario / "scenario.yaml" if given.scenario.is_dir() else given.scenario
    if not file.is_file():
        raise ScenarioInvalid(
            [f"there is no scenario at {given.scenario}; name a directory that holds a scenario.yaml"]
        )
    return load(file)


def profile_of(given: argparse.Namespace) -> Profile:
    """The profile that was named. Raises ``ScenarioInvalid``."""
    if given.profile not in PROFILES:
        raise ScenarioInvalid([f"there is no profile '{given.profile}'; {suggest(given.profile, PROFILES)}"])
    return PROFILES[given.profile]


def steps_of(given: argparse.Namespace, scenario: Scenario) -> tuple[Step, ...]:
    """The step that was named, or all. Raises ``ScenarioInvalid``."""
    if given.step is None:
        return scenario.steps
    names = [step.name for step in scenario.steps]
    if given.step not in names:
        raise ScenarioInvalid([f"{scenario.name} has no step '{given.step}'; {suggest(given.step, names)}"])
    return tuple(step for step in scenario.steps if step.name == given.step)
