"""What a mutant is, and the policy agent that has one.

A mutant is one documented bug of a network plugin: a faultless agent that misreads what the API says (``world``), or
spoils what it writes (``rules``), or is wrong for a moment (``after_change``, ``after_restart``). Services are read
aright in any case: what is at fault is policy. Pure, but for the one thing that the agent remembers: its last state.
"""

from collections.abc import Callable
from dataclasses import dataclass

from netpol_harness.emulator.dataplane.engine import RuleUpdate
from netpol_harness.emulator.dataplane.policies import policy_rules
from netpol_harness.emulator.dataplane.rules import Ruleset
from netpol_harness.emulator.dataplane.services import service_rules
from netpol_harness.emulator.dataplane.snapshot import Snapshot
from netpol_harness.model.objects import World

WorldFault = Callable[[World, World], World]
"""From what the API says now, and what this returned the last time (nothing at the start), to what is understood."""

RuleFault = Callable[[Ruleset, Ruleset], Ruleset]
"""From the rules that should be written, and those written the last time, to those that are written."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One bug. ``sources`` are the scenarios about it, by their directories' names: those in scenarios/regressions
    cite where it was seen, those in scenarios/conformance the rule that it breaks.

    ``after_change`` takes the place of ``world`` whenever the API says something new, ``after_restart`` when the agent
    is restarted; each for ``seconds``, then ``world`` is right again.
    """

    name: str
    sentence: str
    sources: tuple[str, ...]
    world: WorldFault = lambda now, _: now
    rules: RuleFault = lambda wanted, _: wanted
    after_change: WorldFault | None = None
    after_restart: WorldFault | None = None
    seconds: float = 1.0


class MutatedEngine:
    """A policy agent with one bug (``emulator.dataplane.engine.PolicyEngine``)."""

    def __init__(self, mutant: Mutant, *, is_first: bool = True) -> None:
        self._mutant = mutant
        self._first_reading = mutant.after_change if is_first else mutant.after_restart
        self._heard: Snapshot | None = None
        self._understood = World()
        self._written = Ruleset()

    def compile(self, snapshot: Snapshot) -> RuleUpdate:
        """The rules for what the agent believes that the snapshot says."""
        passing = self._passing(snapshot)
        reading = passing or self._mutant.world
        self._understood = reading(snapshot.world, self._understood)
        faultless = policy_rules(self._understood) | service_rules(snapshot.world, snapshot.unready)
        self._written = self._mutant.rules(faultless, self._written)
        return RuleUpdate(self._written, self._mutant.seconds if passing else None)

    def restarted(self) -> "MutatedEngine":
        """One that has read nothing yet."""
        return MutatedEngine(self._mutant, is_first=False)

    def _passing(self, snapshot: Snapshot) -> WorldFault | None:
        """The reading that is in its place for a moment, if there is one. That a pod becomes ready does not end it."""
        heard, self._heard = self._heard, snapshot
        if heard is None:
            return self._first_reading
        return None if heard == snapshot else self._mutant.after_change
