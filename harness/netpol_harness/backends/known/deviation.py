"""A known deviation: which tests, on which dataplane, why, and until when. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cache

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from netpol_harness.backends.facts import Plugin

_NUMBERS = re.compile(r"v?(\d+(?:\.\d+)*)")


@dataclass(frozen=True, slots=True)
class Fault:
    """What a network plugin does wrong, for the page of its results. All fields are for people, and may be empty.

    ``path`` is the smallest path that shows it, with the policy that matters; ``observed`` and ``right`` are its
    verdicts. ``specification`` is the text of the API that decides. ``mutants`` are the names of those that model it.
    """

    kind: str = ""
    path: str = ""
    observed: str = ""
    right: str = ""
    specification: str = ""
    mutants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deviation:
    """Tests that are expected to fail.

    ``tests`` is a glob of node ids. ``dataplane`` is a network plugin's name as in ``run.json``, in any case; empty for
    every dataplane. ``versions`` is a version specifier of PEP 440. ``expires`` is the last day on which the deviation
    counts, ``None`` if it is about a release, which does not change. ``where`` is ``file:line``. ``is_strict``: a test
    that passes is a failure; else the fault depends on timing, and a test may pass.
    """

    tests: str
    reason: str
    source: str
    expires: date | None
    where: str
    dataplane: str = ""
    versions: SpecifierSet | None = None
    is_strict: bool = True
    fault: Fault = field(default_factory=Fault)

    @property
    def file_part(self) -> str:
        """The glob of the files that contain its tests."""
        return self.tests.partition("::")[0]

    def matches(self, nodeid: str) -> bool:
        """Return whether the deviation names this test."""
        return glob(self.tests).fullmatch(nodeid) is not None

    def applies(self, plugins: Iterable[Plugin]) -> bool:
        """Return whether the deviation is about a cluster with these plugins. An unknown version is in no range."""
        if not self.dataplane:
            return True
        return any(p.name.casefold() == self.dataplane.casefold() and self._covers(p.version) for p in plugins)

    def has_expired(self, today: date) -> bool:
        """Return whether its last day is over."""
        return self.expires is not None and self.expires < today

    def __str__(self) -> str:
        until = f", until {self.expires}" if self.expires else ""
        return f"known deviation: {self.reason} ({self.source}; {self.where}{until})"

    def _covers(self, text: str) -> bool:
        if self.versions is None:
            return True
        version = version_of(text)
        return version is not None and self.versions.contains(version, prereleases=True)


@cache
def glob(pattern: str) -> re.Pattern[str]:
    """Compile a glob: ``*`` is any characters, ``?`` is one; brackets are literal, because many ids have them."""
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.compile("".join(parts), re.DOTALL)


def version_of(text: str) -> Version | None:
    """Parse the version in an image's tag: ``v20250512-df8de77b`` is 20250512; ``None`` if there is none."""
    try:
        return Version(text)
    except InvalidVersion:
        match = _NUMBERS.match(text)
        return Version(match[1]) if match else None
