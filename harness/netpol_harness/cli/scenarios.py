"""Arguments of the commands that need no cluster: a scenario, a step and a profile."""

import argparse
import sys
from pathlib import Path

from netpol_harness.cli.arguments import path
from netpol_harness.cli.output import print_error
from netpol_harness.errors import ScenarioInvalid
from netpol_harness.oracle.points import Profile
from netpol_harness.oracle.profiles import PROFILES
from netpol_harness.paths.diagnostics import suggest
from netpol_harness.scenario.derive import derive_text, open_source
from netpol_harness.scenario.notices import notices, without_meaning
from netpol_harness.scenario.overlay import NOTHING, Overlay
from netpol_harness.scenario.scenario import Scenario, Step

STANDARD_INPUT = "-"
"""The name of standard input on the command line."""
_DESCRIPTORS = Path("/dev/fd")


_SCENARIO = (
    "its directory or its scenario.yaml; or manifests without one: a directory, a file, or - for standard input. Their "
    "paths are then all that Services and pods offer, with all policies in force"
)


def declare(command: argparse.ArgumentParser, *, step: str = "") -> None:
    """Add the scenario, ``--profile`` and, if it has a help text, ``--step``."""
    command.add_argument("scenario", metavar="SCENARIO", type=path, help=_SCENARIO)
    if step:
        command.add_argument("--step", metavar="NAME", help=step)
    declare_profile(command)


def declare_profile(command: argparse.ArgumentParser) -> None:
    """Add ``--profile``."""
    command.add_argument(
        "--profile",
        metavar="NAME",
        default="specification",
        help=f"implementation that decides what the API leaves open: {', '.join(PROFILES)} (default: %(default)s)",
    )


def scenario_of(args: argparse.Namespace) -> Scenario:
    """Load the scenario, or derive it from manifests. Raises ``ScenarioInvalid``."""
    return opened(args.scenario)


def opened(source: Path, overlay: Overlay = NOTHING) -> Scenario:
    """Load the scenario of a folder or a file, or derive it from manifests; ``overlay`` is applied over its objects.

    Raises ``ScenarioInvalid``.

    What the reader must know about how the manifests were read is written to standard error.
    """
    scenario = _opened(source, overlay)
    for notice in filter(None, (*notices(scenario), without_meaning(scenario))):
        print_error(notice)
    return scenario


def _opened(source: Path, overlay: Overlay) -> Scenario:
    return open_source(source, overlay) if (text := streamed(source)) is None else derive_text(text)


def streamed(source: Path) -> str | None:
    """Return the text of standard input, or of a shell's ``<(command)``; ``None`` for a folder or a file.

    It can be read only once. Raises ``ScenarioInvalid``.
    """
    if str(source) == STANDARD_INPUT:
        return _decoded(sys.stdin.buffer.read())
    return _decoded(source.read_bytes()) if source.parent == _DESCRIPTORS and source.is_fifo() else None


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ScenarioInvalid([f"the manifests are not UTF-8 (byte {error.start}); convert them"]) from error


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
