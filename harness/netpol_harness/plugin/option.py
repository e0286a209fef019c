"""What an option of the plugin is: one name for the command line, the environment and pytest's configuration file.

``NAME`` is ``--netpol-NAME``, ``NETPOL_NAME`` and ``netpol_NAME``; the first of these that says something counts.
Nothing heavy is imported here: every run of pytest reads this module where the package is installed.
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
    """A value as it was written: its texts, by whom, and the folder that relative paths start from."""

    texts: tuple[str, ...]
    source: str
    base: Path


@dataclass(frozen=True, slots=True)
class Option(Generic[T]):
    """One option. ``read`` makes the value of what was said, and raises ``ValueError`` that says what is valid.

    ``arguments`` are argparse's; ``ini`` is the type of the configuration file's key, which had the ``former_keys`` in
    older versions. ``backend`` is the backend that the option belongs to, empty for an option of the run.
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
        """The name on the command line, which nobody else has."""
        return f"--netpol-{self.name}"

    @property
    def short(self) -> str:
        """The name on the command line where no other plugin has taken it."""
        return f"--{self.name}"

    @property
    def key(self) -> str:
        """The name in pytest's configuration file, and of argparse's destination."""
        return f"netpol_{self.name.replace('-', '_')}"

    @property
    def variable(self) -> str:
        """The name in the environment."""
        return self.key.upper()

    def of(self, config: pytest.Config) -> T:
        """The value in this run. Raises ``pytest.UsageError`` that says where a bad value came from."""
        said = self.raw_value(config)
        if said is None:
            return self.default
        try:
            return self.read(said)
        except ValueError as error:
            raise pytest.UsageError(f"{said.source} {' '.join(said.texts)}: {error}") from None

    def raw_value(self, config: pytest.Config) -> OptionValue | None:
        """Return the value as the user wrote it, wherever that is."""
        return self.typed(config) or self._in_environment(config) or self._in_file(config)

    def typed(self, config: pytest.Config) -> OptionValue | None:
        """What the command line says."""
        return _said(getattr(config.option, self.key, None), self.long, config.invocation_params.dir)

    def _in_environment(self, config: pytest.Config) -> OptionValue | None:
        text = os.environ.get(self.variable, "")
        value = text.split() if self.ini == "linelist" else text.strip()
        return _said(value, f"environment variable {self.variable}:", config.invocation_params.dir)

    def _in_file(self, config: pytest.Config) -> OptionValue | None:
        file = config.inipath or "-o"
        try:
            value = config.getini(self.key)
        except (TypeError, ValueError, pytest.UsageError) as error:
            raise pytest.UsageError(f"{file}: {self.key}: {error}; give {_VALID[self.ini]}") from None
        return _said(value, f"{file}: {self.key}:", config.inipath.parent if config.inipath else config.rootpath)


def _said(value: Any, source: str, base: Path) -> OptionValue | None:
    """An empty value says nothing."""
    texts = tuple(map(str, value if isinstance(value, list) else [value]))
    return None if value is None or not any(texts) else OptionValue(texts, source, base)


def one(
    name: str,
    metavar: str,
    help: str,
    read: Callable[[str], T],
    default: T,
) -> Option[T]:
    """An option with one value, made of its text by ``read``."""
    ini = _NUMBERS.get(read, "string")
    return Option(name, help, lambda said: read(said.texts[-1]), default, ini, (("metavar", metavar),))


def many(name: str, metavar: str, help: str, read: Callable[[str], T]) -> Option[tuple[T, ...]]:
    """An option that may be repeated; in the environment the values stand between blanks, in the file on lines."""
    arguments = (("metavar", metavar), ("action", "append"))
    return Option(name, help, lambda said: tuple(map(read, said.texts)), (), "linelist", arguments)


def file(name: str, metavar: str, help: str) -> Option[Path | None]:
    """An option that names a file or folder; a relative one in the configuration file starts from that file."""
    return Option(name, help, lambda said: said.base / said.texts[-1], None, "string", (("metavar", metavar),))


def folder(name: str, metavar: str, help: str) -> Option[Path | None]:
    """An option that names a folder to write to, which need not be there yet."""
    return Option(name, help, _writable, None, "string", (("metavar", metavar),))


def files_or_names(name: str, metavar: str, help: str) -> Option[tuple[Path | str, ...]]:
    """The same with several files; what is no file stays a text."""
    arguments = (("metavar", metavar), ("action", "append"))
    return Option(name, help, _files_or_texts, (), "linelist", arguments)


def _files_or_texts(said: OptionValue) -> tuple[Path | str, ...]:
    return tuple(path if (path := said.base / text).is_file() else text for text in said.texts)


def flag(name: str, help: str) -> Option[bool]:
    """An option that is on or off."""
    arguments = (("action", "store_true"),)
    return Option(name, help, lambda said: _truth(said.texts[0]), default=False, ini="bool", arguments=arguments)


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
        return file(name, metavar, help)
    if declared.type == tuple[Path | str, ...]:
        return files_or_names(name, metavar, help)
    if get_origin(declared.type) is tuple:
        return many(name, metavar, help, declared.parse or str)
    return one(name, metavar, help, declared.parse or _reader(declared.type), declared.default)


def _reader(type: Any) -> Callable[[str], Any]:
    if issubclass(type, StrEnum):
        valid = words(lambda: type)
        return lambda text: type(valid(text))
    return count if type is int else str


def words(valid: Callable[[], Iterable[str]]) -> Callable[[str], str]:
    """A reader for one of these words, which are asked for when one was said."""

    def read(text: str) -> str:
        if text not in (known := list(valid())):
            raise ValueError(f"give one of {', '.join(known)}")
        return text

    return read


def seconds(text: str) -> float:
    """A reader for a time in seconds, above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ValueError("give a number above 0, such as 0.5, in seconds")
    return value


def count(text: str) -> int:
    """A reader for a whole number, 1 or more."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise ValueError("give 1 or more")
    return int(text)


_NUMBERS: dict[Callable[..., Any], IniType] = {seconds: "float", count: "int"}
"""Types that the configuration file has for what these readers read."""


def _writable(said: OptionValue) -> Path:
    """The folder that was named, if a file can be made in it, or above it where it is not there yet; none is left."""
    named = said.base / said.texts[-1]
    try:
        there = next(path for path in (named, *named.parents) if os.path.lexists(path))
        with TemporaryFile(dir=there):
            return named
    except OSError as error:
        raise ValueError(
            f"nothing can be written there ({error.strerror}); give a folder that you may write to"
        ) from None


def _truth(text: str) -> bool:
    truths = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(("0", "false", "no", "off"), False)
    if text.lower() not in truths:
        raise ValueError("give true or false")
    return truths[text.lower()]
