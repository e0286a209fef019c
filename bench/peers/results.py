"""What a suite found: its cases, and the requests that it made. As JSON, so that runs of several days make one page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Outcome(StrEnum):
    """The outcome of one case. Explained: the suite says that it failed, for a reason in which the suite is wrong."""

    PASSED = "passed"
    EXPLAINED = "explained"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a suite. ``seconds`` is its wall time; ``note`` says what was counted or wrong.

    ``number`` is its place in the suite's source; 0 if that has no meaning.
    """

    name: str
    outcome: Outcome
    seconds: float
    note: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class RequestKind:
    """Requests that are alike. ``code`` 0: the client left before the end of the answer."""

    verb: str
    resource: str
    sent: str
    answered: str
    protocol: str
    code: int
    message: str
    count: int


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """One run of a suite. ``complete``: it ran to its end, and was not cut off or broken."""

    suite: str
    selection: str
    seconds: float
    complete: bool
    cases: Sequence[Case]
    requests: Sequence[RequestKind]
    ours: float
    """Seconds of our own scenarios for the same ground, in the same run."""
    our_folders: Sequence[str]
    our_outcomes: Mapping[str, int]
    """How many items of these scenarios had each outcome."""
    our_scenarios: Mapping[str, str]
    """The outcome of each of these scenarios: that of its worst item."""
    oracle: str = ""
    """How the oracle's verdicts on the suite's own policies compare with what the suite observed, in words."""
    remark: str = ""
    """What a reader must know of this run, of its times above all."""
    part: str = ""
    """The part of the suite that was run; empty for all of it, or a selection by other arguments."""

    def count(self, outcome: Outcome) -> int:
        """Return the number of cases with this outcome."""
        return sum(case.outcome is outcome for case in self.cases)

    def write(self, path: Path) -> None:
        """Write the run as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, path: Path) -> "SuiteRun":
        """Read what ``write`` has written."""
        data: dict[str, Any] = json.loads(path.read_text())
        cases = [Case(**{**case, "outcome": Outcome(case["outcome"])}) for case in data.pop("cases")]
        requests = [RequestKind(**kind) for kind in data.pop("requests")]
        return cls(**data, cases=cases, requests=requests)
