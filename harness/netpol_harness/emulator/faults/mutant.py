"""What a mutant is, and the policy engine that has one.

A mutant is one documented bug of a network plugin: a correct engine that misreads the API's objects (``world``), or
corrupts its rules (``rules``), or is wrong for a moment (``after_change``, ``after_restart``). Services are always read
correctly: the bugs are in policy. Pure, except that the engine keeps its last state.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from netpol_harness.emulator.dataplane.engine import RuleUpdate
from netpol_harness.emulator.dataplane.policies import policy_rules
from netpol_harness.emulator.dataplane.rules import Ruleset
from netpol_harness.emulator.dataplane.services import service_rules
from netpol_harness.emulator.dataplane.snapshot import Snapshot
from netpol_harness.ip_family import IpFamily
from netpol_harness.model.objects import World

WorldFault = Callable[[World, World], World]
"""From the world that the API describes, and the previous result of this function (an empty world at first), to the
world as the engine misreads it.
"""

RuleFault = Callable[[Ruleset, Ruleset], Ruleset]
"""From the correct rules, and the rules that were installed last, to the rules that are installed."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The number of nodes of an embedded cluster, and the IP families of its pods."""

    nodes: int = 1
    ip_family: IpFamily = IpFamily.IPV4

    @property
    def options(self) -> tuple[str, ...]:
        """The options of pytest that start such a cluster; none for the default one."""
        nodes = ("--netpol-nodes", str(self.nodes)) if self.nodes > 1 else ()
        family = ("--netpol-ip-family", str(self.ip_family)) if self.ip_family is not IpFamily.IPV4 else ()
        return (*nodes, *family)

    def __str__(self) -> str:
        nodes = f"{self.nodes} nodes" if self.nodes > 1 else ""
        family = {IpFamily.IPV4: "", IpFamily.IPV6: "IPv6", IpFamily.DUAL: "both IP families"}[self.ip_family]
        return " and ".join(filter(None, (nodes, family)))


DEFAULT_SHAPE = Shape()
TWO_NODES = Shape(nodes=2)
BOTH_FAMILIES = Shape(ip_family=IpFamily.DUAL)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One bug, described in one sentence.

    ``sources`` are the scenarios about it, by the names of their directories: those in scenarios/regressions cite where
    the bug was seen, those in scenarios/conformance the rule that it breaks. ``after_change`` replaces ``world`` for
    ``seconds`` whenever the API's objects change, ``after_restart`` when the engine restarts.
    ``shape`` is that of the clusters on which the bug shows. An engine that does not follow aliases knows no addresses
    of names outside the cluster that lead to other names.
    """

    name: str
    description: str
    sources: tuple[str, ...]
    world: WorldFault = lambda now, _: now
    rules: RuleFault = lambda correct, _: correct
    after_change: WorldFault | None = None
    after_restart: WorldFault | None = None
    seconds: float = 1.0
    shape: Shape = DEFAULT_SHAPE
    follows_aliases: bool = True


class MutatedEngine:
    """A policy engine with one bug (``emulator.dataplane.engine.PolicyEngine``)."""

    def __init__(self, mutant: Mutant, *, is_first: bool = True) -> None:
        self._mutant = mutant
        self._first_fault = mutant.after_change if is_first else mutant.after_restart
        self._last_snapshot: Snapshot | None = None
        self._last_world = World()
        self._last_rules = Ruleset()

    def compile(self, snapshot: Snapshot, correct: Ruleset | None = None) -> RuleUpdate:
        """Return the rules for the snapshot as the engine misreads it.

        ``correct`` are those of the correct engine, if they are known: then what is not misread is not compiled again.
        """
        temporary = self._temporary_fault(snapshot)
        fault = temporary or self._mutant.world
        self._last_world = fault(self._known_world(snapshot), self._last_world)
        if correct is None or self._last_world != snapshot.world:
            correct = policy_rules(self._last_world, snapshot.node)
            correct |= service_rules(snapshot.world, snapshot.unready, snapshot.node)
        self._last_rules = self._mutant.rules(correct, self._last_rules)
        return RuleUpdate(self._last_rules, self._mutant.seconds if temporary else None)

    def restarted(self) -> "MutatedEngine":
        """Return a new engine, which has read nothing yet."""
        return MutatedEngine(self._mutant, is_first=False)

    def _known_world(self, snapshot: Snapshot) -> World:
        if self._mutant.follows_aliases:
            return snapshot.world
        names = snapshot.world.domain_names.items()
        return replace(snapshot.world, domain_names={name: a for name, a in names if name not in snapshot.aliases})

    def _temporary_fault(self, snapshot: Snapshot) -> WorldFault | None:
        """Return the fault that applies for a moment, if any. A change of a pod's readiness does not end it."""
        previous, self._last_snapshot = self._last_snapshot, snapshot
        if previous is None:
            return self._first_fault
        return None if previous == snapshot else self._mutant.after_change
