"""The policy engine: it reads the API's objects and computes the rules that the kernel should enforce.

Invariant: an engine is asked once for every state that is installed, in order, by one thread at a time. The correct
engine keeps no state: equal snapshots give equal rules, and a restart changes nothing. Pure.
"""

from dataclasses import dataclass
from typing import Protocol

from netpol_harness.emulator.dataplane.rules import Ruleset
from netpol_harness.emulator.dataplane.ruleset import ruleset
from netpol_harness.emulator.dataplane.services import service_rules
from netpol_harness.emulator.dataplane.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class RuleUpdate:
    """The rules to install now.

    ``seconds`` is the time after which the engine wants to run again, whatever the API says; None for never.
    """

    rules: Ruleset
    seconds: float | None = None


class PolicyEngine(Protocol):
    """Turns snapshots into rules."""

    def compile(self, snapshot: Snapshot) -> RuleUpdate:
        """Return the rules for this snapshot, which is the newest one."""
        ...

    def restarted(self) -> "PolicyEngine":
        """Return the engine that replaces this one after a restart. It knows nothing of what this one has read."""
        ...


class CorrectEngine:
    """An engine that implements NetworkPolicy correctly."""

    def compile(self, snapshot: Snapshot) -> RuleUpdate:
        """Return the ruleset of the snapshot's world."""
        return RuleUpdate(ruleset(snapshot.world, unready=snapshot.unready, node=snapshot.node))

    def restarted(self) -> "CorrectEngine":
        """Return itself: it has no state."""
        return self


class ServicesOnly:
    """An engine that leaves policies to somebody else, and routes Services."""

    def compile(self, snapshot: Snapshot) -> RuleUpdate:
        """Return the rules of the snapshot's Services."""
        return RuleUpdate(service_rules(snapshot.world, snapshot.unready, snapshot.node))

    def restarted(self) -> "ServicesOnly":
        """Return itself: it has no state."""
        return self
