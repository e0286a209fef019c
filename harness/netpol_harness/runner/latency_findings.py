"""What in a measurement is a finding: late changes, and paths that were wrong when nothing should change. Pure.

A finding is a line, ``KIND: SOURCE -> TARGET``, that a file can accept, with ``*`` for any text.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from netpol_harness.errors import ScenarioInvalid
from netpol_harness.results.latency import Censoring
from netpol_harness.runner.latency import WINDOWS, Measurement
from netpol_harness.runner.new_pods import CHANGES

LATE = ("late deny", "late allow")
KINDS = (*LATE, *WINDOWS, *CHANGES)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A line of a file of findings that are no failures. ``where`` is its place."""

    pattern: str
    where: str

    def accepts(self, finding: str) -> bool:
        """Return whether this is the finding, or one of those."""
        return fnmatchcase(finding, self.pattern.replace("[", "[[]"))


def findings(measured: Iterable[Measurement], limit: float | None) -> Sequence[str]:
    """Return all findings, each once. ``limit`` is the time in seconds that a change may take.

    A change is late if it certainly took longer than the limit, or was not seen to end.
    """
    return list(dict.fromkeys(f"{kind}: {each.path}" for each in measured for kind in _kinds(each, limit)))


def _kinds(measured: Measurement, limit: float | None) -> Iterator[str]:
    taken = measured.taken
    if measured.change in ("deny", "allow") and taken:
        exceeds = limit is not None and taken.lower > limit
        yield from (f"late {measured.change}",) if exceeds or taken.censoring is Censoring.RIGHT else ()
    if measured.change in WINDOWS and measured.windows:
        yield measured.change
    if measured.change in CHANGES and measured.leaks:
        yield measured.change


def parse_accepted(text: str, shown: str) -> Sequence[Accepted]:
    """Read a file that is called ``shown``. ``#`` begins a comment. Raises ``ScenarioInvalid`` with all problems."""
    lines = ((number, line.partition("#")[0].strip()) for number, line in enumerate(text.splitlines(), 1))
    accepted = [Accepted(line, f"{shown}:{number}") for number, line in lines if line]
    if problems := [each for each in accepted if not _is_finding(each.pattern, KINDS)]:
        kinds = ", ".join(KINDS)
        raise ScenarioInvalid(
            [
                f"{p.where}: '{p.pattern}' is not a finding; write KIND: SOURCE -> TARGET, KIND of {kinds}"
                for p in problems
            ]
        )
    return accepted


def _is_finding(pattern: str, kinds: Collection[str]) -> bool:
    kind, colon, path = pattern.partition(": ")
    return bool(colon) and " -> " in path and any(fnmatchcase(known, kind) for known in kinds)
