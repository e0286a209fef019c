"""What the rules of ClusterNetworkPolicies do with one side of a flow, in words. Pure."""

from collections.abc import Iterator

from netpol_harness.analysis.describe import MOST_LISTED, natural_list
from netpol_harness.analysis.display_names import DisplayNames
from netpol_harness.model.cluster_policy import Action, Tier
from netpol_harness.oracle.verdict import Ruling, Side, Stage

_VERBS = {Action.ACCEPT: "accepts", Action.DENY: "denies", Action.PASS: "passes"}
_PAST_VERBS = {Action.ACCEPT: "accepted", Action.DENY: "denied", Action.PASS: "passed"}
_BARE_VERBS = {Action.ACCEPT: "accept", Action.DENY: "deny", Action.PASS: "pass"}


class TierExplainer:
    """Explains the rulings of one step's ClusterNetworkPolicies."""

    def __init__(self, names: DisplayNames) -> None:
        self._names = names

    def sentences(self, side: Side, tier: Tier) -> Iterator[str]:
        """Yield what each rule of a tier does that matches, or may; the others of many are counted."""
        rulings = [ruling for ruling in side.rulings if ruling.tier is tier]
        for ruling in rulings[:MOST_LISTED]:
            yield self.sentence(side, ruling)
        if len(rulings) > MOST_LISTED:
            yield f"{len(rulings) - MOST_LISTED} more rules of the {tier} tier may match"

    def name(self, side: Side, ruling: Ruling) -> str:
        """Return ``rule 1 'deny-z' (file:line) of about-z (Admin tier, priority 10)``."""
        return self._names.cluster_rule(ruling, side.direction)

    def final(self, side: Side) -> str:
        """Return what the Admin tier does, given that it alone decides, and which policies it precedes."""
        text = "; ".join(self.sentences(side, Tier.ADMIN))
        policies = natural_list([self._names.policy(ref) for ref in side.bypassed])
        return f"{text}, before {policies} can decide" if policies else text

    def sentence(self, side: Side, ruling: Ruling, *, is_past: bool = False) -> str:
        """Return what a rule does, or did; the sentence begins with its name."""
        is_certain = not ruling.points
        certain = (_PAST_VERBS if is_past else _VERBS)[ruling.action]
        verb = certain if is_certain else f"may {'have ' if is_past else ''}{_maybe(ruling.action, is_past=is_past)}"
        passed = f" to the next stage ({_next(ruling.tier)})" if ruling.action is Action.PASS else ""
        closed = "; it has a peer or a protocol that is not known, and so fails closed" if ruling.fails_closed else ""
        return f"{self.name(side, ruling)} {verb} this{passed}{closed}"


def _maybe(action: Action, *, is_past: bool) -> str:
    return (_PAST_VERBS if is_past else _BARE_VERBS)[action]


def _next(tier: Tier) -> str:
    return "NetworkPolicies" if tier is Tier.ADMIN else Stage.DEFAULT
