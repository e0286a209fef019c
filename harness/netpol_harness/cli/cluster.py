"""The choice of a cluster on the command line: pytest's options of the backends, without their prefix."""

import argparse
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Any, get_origin

from netpol_harness.backends.options import Binding, DeclaredOption
from netpol_harness.backends.registry import AUTO, BACKENDS, choices
from netpol_harness.backends.runs.owner import Owner
from netpol_harness.backends.select import BackendOptions, choose
from netpol_harness.cli.arguments import count
from netpol_harness.cli.output import print_aside
from netpol_harness.errors import ClusterFailed
from netpol_harness.lab import Lab, Settings

PREFIX = "--netpol-"
"""The prefix of the options in pytest, which messages of the backends name."""


def declare_cluster(command: argparse.ArgumentParser) -> None:
    """Add ``--cluster`` and the options of all backends."""
    command.add_argument("--cluster", metavar="BACKEND", default=AUTO, help=f"{choices()} (default: {AUTO})")
    command.add_argument("--probe-image", metavar="IMAGE", default="", help="image of the pods, in place of agnhost")
    group = command.add_argument_group("options of backends")
    for declared in _declared().values():
        group.add_argument(declared.long.replace(PREFIX, "--"), **_arguments(declared))


def lab_of(args: argparse.Namespace, settings: Settings) -> Lab:
    """Return the lab of the chosen cluster, which is not started yet. Raises ``ClusterFailed`` for a wrong choice."""
    given = {name: value for name in _declared() if (value := getattr(args, name)) is not None}
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    binding = tuple(name for name in values if _declared()[name].binding is not Binding.NEVER)
    run = Owner.current().run
    try:
        choice = choose(args.cluster, BackendOptions(values, binding), run=run, progress=_progress)
    except ClusterFailed as error:
        raise ClusterFailed(str(error).replace(PREFIX, "--")) from None
    return Lab(choice, replace(settings, probe_image=args.probe_image), run=run)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, with all clean-up."""

    def end(number: int, _: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _progress(text: str) -> None:
    if text:
        print_aside(f"netpol: {text}\n")


def _declared() -> dict[str, DeclaredOption]:
    """Return the options of all backends by name; several backends may have the same one."""
    return {declared.name: declared for backend in BACKENDS for declared in backend.options}


def _arguments(declared: DeclaredOption) -> dict[str, Any]:
    common = {"dest": declared.name, "help": declared.help.replace("%", "%%"), "default": None}
    if declared.type is bool:
        return {**common, "action": "store_const", "const": True}
    common["metavar"] = declared.metavar or None
    if get_origin(declared.type) is tuple:
        files = declared.type == tuple[Path | str, ...]
        return {**common, "action": "append", "type": _file_or_text if files else _reported(declared.parse or str)}
    return {**common, "type": _reported(declared.parse or _parser(declared.type))}


def _parser(kind: Any) -> Callable[[str], Any]:
    if kind == Path | None:
        return Path
    if kind is int:
        return count
    return kind if isinstance(kind, type) and issubclass(kind, StrEnum) else str


def _file_or_text(text: str) -> Path | str:
    return path if (path := Path(text)).is_file() else text


def _reported(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Have argparse print the message of a ``ValueError``, which it would replace."""

    def parsed(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text}: {error}") from None

    return parsed
