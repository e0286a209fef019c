"""How many paths are asked, and how many of them must be denied. Pure.

A run that asks no denial passes on a cluster without policies too.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from netpol_harness.paths.outcome import Expected


@dataclass(frozen=True, slots=True)
class Asked:
    """Numbers of paths: all, and those that must be denied."""

    paths: int = 0
    denials: int = 0

    @classmethod
    def of(cls, verdicts: Iterable[Expected]) -> "Asked":
        """Count verdicts, one for each path."""
        listed = tuple(verdicts)
        return cls(len(listed), sum(verdict.needs_proof for verdict in listed))

    def __add__(self, other: "Asked") -> "Asked":
        return Asked(self.paths + other.paths, self.denials + other.denials)

    def __str__(self) -> str:
        noun = "path" if self.paths == 1 else "paths"
        return f"{self.paths} {noun}, {self.denials or 'none'} of them denied"
