"""The choice of a cluster on the command line: pytest's options of the backends, without their prefix.

Apart from what starts the cluster, which takes long to import.
"""

import argparse
from collections.abc import Callable, Collection
from enum import StrEnum
from pathlib import Path
from typing import Any, get_origin

from netpol_harness.backends.options import DeclaredOption
from netpol_harness.backends.registry import AUTO, BACKENDS, choices
from netpol_harness.cli.arguments import count

PREFIX = "--netpol-"
"""The prefix of the options in pytest, which messages of the backends name."""


def declare_cluster(command: argparse.ArgumentParser, default: str = AUTO, repeated: Collection[str] = ()) -> None:
    """Add ``--cluster`` and the options of all backends. Those called ``repeated`` may be given more than once."""
    command.add_argument("--cluster", metavar="BACKEND", default=default, help=f"{choices()} (default: {default})")
    command.add_argument("--probe-image", metavar="IMAGE", default="", help="image of the pods, in place of agnhost")
    group = command.add_argument_group("options of backends")
    for declared in declared_options().values():
        arguments = _arguments(declared) | ({"action": "append"} if declared.name in repeated else {})
        group.add_argument(declared.long.replace(PREFIX, "--"), **arguments)


def declared_options() -> dict[str, DeclaredOption]:
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
