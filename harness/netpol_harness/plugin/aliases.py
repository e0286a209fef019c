"""The options' short names, ``--cluster`` for ``--netpol-cluster``, unless another plugin has them.

They are registered after the options of all plugins, so that one which is loaded later, such as a conftest.py, can take
a name without an error. Only the names on the command line are considered.
"""

from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Any

import pytest

from netpol_harness.plugin.option import Option
from netpol_harness.plugin.options import OPTIONS

_TITLE = "NetworkPolicy connectivity tests: short names, unless another plugin has them"


def options_by_short_name(arguments: Iterable[str]) -> list[Option[Any]]:
    """Return the options whose short names are on the command line; all of them for ``--help``."""
    names = set()
    for argument in arguments:
        if argument == "--":
            break
        names.add(argument.partition("=")[0])
    return list(OPTIONS) if names & {"-h", "--help"} else [option for option in OPTIONS if option.short in names]


def with_long_names(arguments: Iterable[str], options: Collection[Option[Any]]) -> list[str]:
    """Return the command line with the short names replaced by the long ones."""
    longs = {option.short: option.long for option in options}
    parts = [argument.partition("=") for argument in arguments]
    return [f"{longs.get(name, name)}{equals}{value}" for name, equals, value in parts]


def read_early(config: pytest.Config, parser: pytest.Parser, arguments: list[str]) -> None:
    """Correct the files on the command line, before pytest looks for conftest.py: a short name's value is not one."""
    if options := [option for option in options_by_short_name(arguments) if _is_free(option.short, parser)]:
        with suppress(pytest.UsageError):  # a conftest.py may still take the name
            known = parser.parse_known_args(with_long_names(arguments, options))
            config.known_args_namespace.file_or_dir = known.file_or_dir


def add_aliases(parser: pytest.Parser, options: Iterable[Option[Any]]) -> None:
    """Register those short names of the options that are free."""
    group = parser.getgroup("netpol-short", _TITLE)
    for option in options:
        if _is_free(option.short, parser):
            arguments: dict[str, Any] = dict(option.arguments)
            group.addoption(option.short, dest=option.key, default=None, help=f"same as {option.long}", **arguments)


def _is_free(name: str, parser: pytest.Parser) -> bool:
    try:
        return name in parser.parse_known_and_unknown_args([name])[1]
    except pytest.UsageError:  # an option of another plugin, which needs a value
        return False
