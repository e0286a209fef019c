"""Options of the plugin, and the lab that they describe."""

import argparse
import math
from pathlib import Path

import pytest

from harness.cluster.registry import choose
from harness.errors import HarnessError
from harness.lab import Lab, Settings
from harness.probe.toolbox import Tool

LAB = pytest.StashKey[Lab]()


def add_options(parser: pytest.Parser) -> None:
    """One group, each option with its default in the help."""
    group = parser.getgroup("netpol", "NetworkPolicy connectivity tests")
    group.addoption(
        "--cluster",
        metavar="BACKEND",
        default="auto",
        help="where scenarios run: auto (default) or embedded",
    )
    group.addoption(
        "--probe-timeout",
        type=_seconds,
        metavar="SECONDS",
        help="one attempt at one path, name lookup included (default: the backend's; embedded 0.2)",
    )
    group.addoption(
        "--settle-deadline",
        type=_seconds,
        metavar="SECONDS",
        help="time for a step's paths to become as expected (default: the backend's; embedded 1.5)",
    )
    group.addoption(
        "--probe-concurrency",
        type=_count,
        metavar="N",
        default=32,
        help="pods that are asked at the same time, one exec each (default: 32)",
    )
    group.addoption(
        "--probe-tool",
        choices=[tool.value for tool in Tool],
        help="probe with this program alone (default: curl for http:// paths, nc for the rest, else what a pod has)",
    )
    group.addoption(
        "--literal-namespaces",
        action="store_true",
        help="use the namespaces' names as written, instead of mapping each to a name of this run's own",
    )


def configure(config: pytest.Config) -> None:
    """Make the lab of this run from the options; ``UsageError`` where they do not fit together."""
    worker = getattr(config, "workerinput", None)
    option = config.option
    try:
        choice = choose(option.cluster)
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error
    settings = Settings(
        probe_timeout=option.probe_timeout,
        settle_deadline=option.settle_deadline,
        concurrency=option.probe_concurrency,
        tool=Tool(option.probe_tool) if option.probe_tool else None,
        literal_namespaces=option.literal_namespaces,
    )
    lab = Lab(choice, settings, Path(worker["netpol_directory"]) if worker else None)
    config.stash[LAB] = lab
    config.add_cleanup(lab.close)


def _seconds(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text} is no time in seconds; give a number above 0, such as 0.5")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is too few; give 1 or more")
    return value
