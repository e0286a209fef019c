"""What a canary examines for itself: some traffic, in one direction, between pods of one or two nodes. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from netpol_harness.model.names import Direction
from netpol_harness.paths.path import Path
from netpol_harness.runner.canary.findings import EGRESS_SUBJECT
from netpol_harness.runner.canary.traffic import Traffic

_ON_ANOTHER_NODE = "-far"
"""How the names of the pods end that are not on the guarded pod's node."""


class Pairing(StrEnum):
    """Where the two pods of a path run."""

    SAME_NODE = "same node"
    TWO_NODES = "two nodes"


@dataclass(frozen=True, slots=True)
class Aspect:
    """A part of what the canary's paths show; ``None`` stands for both directions, and for any nodes."""

    traffic: Traffic
    direction: Direction | None = None
    pairing: Pairing | None = None

    def includes(self, path: Path) -> bool:
        """Return whether a path of the canary belongs to it."""
        return self.direction in (None, direction_of(path)) and self.pairing in (None, pairing_of(path))


def direction_of(path: Path) -> Direction:
    """Return the direction of the policies that decide a path of the canary."""
    return Direction.EGRESS if path.source_text.startswith(EGRESS_SUBJECT) else Direction.INGRESS


def pairing_of(path: Path) -> Pairing:
    """Return where the pods of a path of the canary run."""
    is_far = any(_ON_ANOTHER_NODE in text for text in (path.source_text, path.target_text))
    return Pairing.TWO_NODES if is_far else Pairing.SAME_NODE
