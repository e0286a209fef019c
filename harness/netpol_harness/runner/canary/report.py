"""The result of a canary, as plain data that travels between the processes of a run. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from netpol_harness.runner.canary.traffic import Traffic


@dataclass(frozen=True, slots=True)
class CanaryReport:
    """``summary`` in one line, and the ``problems`` of traffic about which no verdict means anything."""

    summary: str
    problems: Mapping[Traffic, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return "; ".join(filter(None, [self.summary, *(text for _, text in sorted(self.problems.items()))]))

    def to_json(self) -> str:
        """Return the report as one JSON object."""
        return json.dumps({"summary": self.summary, "problems": {str(t): text for t, text in self.problems.items()}})

    @classmethod
    def from_json(cls, text: str) -> "CanaryReport":
        """Return the report that ``to_json`` wrote."""
        data = json.loads(text)
        return cls(data["summary"], {Traffic.parse(name): problem for name, problem in data["problems"].items()})
