"""The policy agent: reads what the API says, and writes what the kernel should enforce.

Invariant: an agent is asked once for every state that is put in force, in their order, by one thread at a time. The
faithful one remembers nothing: equal states give equal rules, and a restart changes nothing. Pure.
"""

from dataclasses import dataclass
from typing import Protocol

from netpol_harness.emulator.dataplane.rules import Ruleset
from netpol_harness.emulator.dataplane.ruleset import ruleset
from netpol_harness.emulator.dataplane.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class RuleUpdate:
    """What is to be in force now; ``seconds`` after which the agent wants to write again, whatever the API says."""

    rules: Ruleset
    seconds: float | None = None


class PolicyEngine(Protocol):
    """Turns snapshots into rules."""

    def write(self, snapshot: Snapshot) -> RuleUpdate:
        """The rules for this snapshot, the newest that there is."""
        ...

    def restarted(self) -> "PolicyEngine":
        """The agent that comes after this one when it is restarted, and knows nothing of what this one has read."""
        ...


class CorrectEngine:
    """Does what NetworkPolicies say."""

    def write(self, snapshot: Snapshot) -> RuleUpdate:
        """The ruleset of the snapshot's world."""
        return RuleUpdate(ruleset(snapshot.world, unready=snapshot.unready))

    def restarted(self) -> "CorrectEngine":
        """Itself: it has nothing to forget."""
        return self
