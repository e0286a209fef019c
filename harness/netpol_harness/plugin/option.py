"""An option of the plugin, under one name for the command line, the environment and pytest's configuration file.

``NAME`` is ``--netpol-NAME``, ``NETPOL_NAME`` and ``netpol_NAME``, in this order of precedence. Nothing heavy is
imported here, because every run of pytest imports this module if the package is installed.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Generic, Literal, TypeVar, get_origin

import pytest

from netpol_harness.backends.options import DeclaredOption

T = TypeVar("T")
IniType = Literal["string", "int", "float", "bool", "linelist"]
_VALID: dict[IniType, str] = {
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "linelist": "a list of texts",
}


@dataclass(frozen=True, slots=True)
class OptionValue:
    """A value as the user wrote it: its texts, where it is from, and the folder that relative paths start from."""

    texts: tuple[str, ...]
    source: str
    base: Path


@dataclass(frozen=True, slots=True)
class Option(Generic[T]):
    """One option. ``read`` parses a value, and raises ``ValueError`` that says what is wrong and what is valid.

    ``arguments`` are argparse's; ``ini`` is the type of the configuration file's key, which had the ``former_keys`` in
    older versions. ``backend`` names the backends that the option belongs to, and is empty for an option of the run.
    """

    name: str
    help: str
    read: Callable[[OptionValue], T]
    default: T
    ini: IniType
    arguments: tuple[tuple[str, str], ...]
    backend: str = ""
    former_keys: tuple[str, ...] = ()

    @property
    def long(self) -> str:
        """The name on the command line, which no other plugin has."""
        return f"--netpol-{self.name}"

    @property
    def short(self) -> str:
        """The short name on the command line, unless another plugin has it."""
        return f"--{self.name}"

    @property
    def key(self) -> str:
        """The key in pytest's configuration file, and argparse's destination."""
        return f"netpol_{self.name.replace('-', '_')}"

    @property
    def variable(self) -> str:
        """The name of the environment variable."""
        return self.key.upper()

    def of(self, config: pytest.Config) -> T:
        """Return the value in this run. Raises ``pytest.UsageError`` that says where a wrong value is from."""
        value = self.raw_value(config)
        if value is None:
            return self.default
        try:
            return self.read(value)
        except ValueError as error:
            raise pytest.UsageError(f"{value.source} {' '.join(value.texts)}: {error}") from None

    def raw_value(self, config: pytest.Config) -> OptionValue | None:
        """Return the value as the user wrote it; ``None`` if it is in no source."""
        return self.on_command_line(config) or self._in_environment(config) or self._in_file(config)

    def on_command_line(self, config: pytest.Config) -> OptionValue | None:
        """Return the value from the command line."""
        return _option_value(getattr(config.option, self.key, None), self.long, config.invocation_params.dir)

    def _in_environment(self, config: pytest.Config) -> OptionValue | None:
        text = os.environ.get(self.variable, "")
        value = text.split() if self.ini == "linelist" else text.strip()
        return _option_value(value, f"environment variable {self.variable}:", config.invocation_params.dir)

    def _in_file(self, config: pytest.Config) -> OptionValue | None:
        file = config.inipath or "-o"
        try:
            value = config.getini(self.key)
        except (TypeError, ValueError, pytest.UsageError) as error:
            raise pytest.UsageError(f"{file}: {self.key}: {error}; give {_VALID[self.ini]}") from None
        return _option_value(
            value, f"{file}: {self.key}:", config.inipath.parent if config.inipath else config.rootpath
        )


def _option_value(value: Any, source: str, base: Path) -> OptionValue | None:
    """Return ``None`` for an empty value, which leaves the option to the next source."""
    texts = tuple(map(str, value if isinstance(value, list) else [value]))
    return None if value is None or not any(texts) else OptionValue(texts, source, base)


def single_value(
    name: str,
    metavar: str,
    help: str,
    read: Callable[[str], T],
    default: T,
) -> Option[T]:
    """Return an option with one value, which ``read`` parses."""
    ini = _NUMBERS.get(read, "string")
    return Option(name, help, lambda value: read(value.texts[-1]), default, ini, (("metavar", metavar),))


def repeatable(name: str, metavar: str, help: str, read: Callable[[str], T]) -> Option[tuple[T, ...]]:
    """Return a repeatable option; its values are separated by blanks in the environment, and by lines in the file."""
    arguments = (("metavar", metavar), ("action", "append"))
    return Option(name, help, lambda value: tuple(map(read, value.texts)), (), "linelist", arguments)


def file_path(name: str, metavar: str, help: str) -> Option[Path | None]:
    """Return an option with the path of a file; in the configuration file it is relative to that file."""
    return Option(name, help, lambda value: value.base / value.texts[-1], None, "string", (("metavar", metavar),))


def output_folder(name: str, metavar: str, help: str) -> Option[Path | None]:
    """Return an option with the path of a folder to write to, which need not exist."""
    return Option(name, help, _writable, None, "string", (("metavar", metavar),))


def files_or_names(name: str, metavar: str, help: str) -> Option[tuple[Path | str, ...]]:
    """Return a repeatable option with files or names: a value that is not a file remains a text."""
    arguments = (("metavar", metavar), ("action", "append"))
    return Option(name, help, _files_or_texts, (), "linelist", arguments)


def _files_or_texts(value: OptionValue) -> tuple[Path | str, ...]:
    return tuple(path if (path := value.base / text).is_file() else text for text in value.texts)


def flag(name: str, help: str) -> Option[bool]:
    """Return an option that is on or off."""
    arguments = (("action", "store_true"),)
    return Option(name, help, lambda value: _bool(value.texts[0]), default=False, ini="bool", arguments=arguments)


def of_backend(backend: str, declared: DeclaredOption) -> Option[Any]:
    """Return the option that a backend declares; the type of its field decides how it is read."""
    name = declared.name.replace("_", "-")
    default = {"default": declared.default, "backend": backend, "former_keys": declared.former_keys}
    return replace(_of_type(declared, name), **default)


def _of_type(declared: DeclaredOption, name: str) -> Option[Any]:
    metavar, help = declared.metavar, declared.help
    if declared.type is bool:
        return flag(name, help)
    if declared.type == Path | None:
        return file_path(name, metavar, help)
    if declared.type == tuple[Path | str, ...]:
        return files_or_names(name, metavar, help)
    if get_origin(declared.type) is tuple:
        return repeatable(name, metavar, help, declared.parse or str)
    return single_value(name, metavar, help, declared.parse or _reader(declared.type), declared.default)


def _reader(type: Any) -> Callable[[str], Any]:
    if issubclass(type, StrEnum):
        valid = one_of(lambda: type)
        return lambda text: type(valid(text))
    return positive_count if type is int else str


def one_of(valid: Callable[[], Iterable[str]]) -> Callable[[str], str]:
    """Return a parser for one of these values; ``valid`` is called only if there is a value to parse."""

    def read(text: str) -> str:
        if text not in (known := list(valid())):
            raise ValueError(f"not a valid value; give one of {', '.join(known)}")
        return text

    return read


def positive_seconds(text: str) -> float:
    """Parse a time in seconds, above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ValueError("not a positive number of seconds; give a number above 0, such as 0.5")
    return value


def positive_count(text: str) -> int:
    """Parse a whole number, 1 or more."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise ValueError("not a positive whole number; give 1 or more")
    return int(text)


_NUMBERS: dict[Callable[..., Any], IniType] = {positive_seconds: "float", positive_count: "int"}
"""Types of keys in the configuration file, by parser; all others are strings."""


def _writable(value: OptionValue) -> Path:
    """Return the folder if a file can be created in it, or in the nearest existing folder above it. No file remains."""
    folder = value.base / value.texts[-1]
    try:
        existing = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
        with TemporaryFile(dir=existing):
            return folder
    except OSError as error:
        raise ValueError(f"not writable ({error.strerror}); give a folder that you may write to") from None


def _bool(text: str) -> bool:
    values = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(("0", "false", "no", "off"), False)
    if text.lower() not in values:
        raise ValueError("not a truth value; give true or false")
    return values[text.lower()]
