"""The options' short names, ``--cluster`` for ``--netpol-cluster``: only where no other plugin has taken them.

They are registered after all others have registered theirs: whoever comes later, a conftest.py for example, may take a
name of ours without an error. Only the names that are on the command line are looked at.
"""

from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Any

import pytest

from netpol_harness.plugin.option import Option
from netpol_harness.plugin.options import OPTIONS

_TITLE = "NetworkPolicy connectivity tests: short names, where no other plugin has taken them"


def typed(arguments: Iterable[str]) -> list[Option[Any]]:
    """The options whose short names are on the command line; all of them for a call for help."""
    names = set()
    for argument in arguments:
        if argument == "--":
            break
        names.add(argument.partition("=")[0])
    return list(OPTIONS) if names & {"-h", "--help"} else [option for option in OPTIONS if option.short in names]


def spelled_out(arguments: Iterable[str], options: Collection[Option[Any]]) -> list[str]:
    """The command line with the long names in place of the short ones."""
    longs = {option.short: option.long for option in options}
    words = [argument.partition("=") for argument in arguments]
    return [f"{longs.get(name, name)}{equals}{value}" for name, equals, value in words]


def read_early(config: pytest.Config, parser: pytest.Parser, arguments: list[str]) -> None:
    """Tell pytest, which looks for conftest.py files now, that a short name's value names no file."""
    if options := [option for option in typed(arguments) if _is_free(option.short, parser)]:
        with suppress(pytest.UsageError):  # a conftest.py may still take the name, for an option of another form
            known = parser.parse_known_args(spelled_out(arguments, options))
            config.known_args_namespace.file_or_dir = known.file_or_dir


def add_aliases(parser: pytest.Parser, options: Iterable[Option[Any]]) -> None:
    """Register the short names of these options that are still free."""
    group = parser.getgroup("netpol-short", _TITLE)
    for option in options:
        if _is_free(option.short, parser):
            arguments: dict[str, Any] = dict(option.arguments)
            group.addoption(option.short, dest=option.key, default=None, help=f"same as {option.long}", **arguments)


def _is_free(name: str, parser: pytest.Parser) -> bool:
    try:
        return name in parser.parse_known_and_unknown_args([name])[1]
    except pytest.UsageError:  # somebody's option, which wants a value
        return False
