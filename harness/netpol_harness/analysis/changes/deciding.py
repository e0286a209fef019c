"""Which policies and rules decide that a path changes, in sentences that do not name its ends. Pure.

Paths that change for the same reason have equal sentences, so that they can be told together.
"""

from collections.abc import Iterable, Iterator, Sequence

from netpol_harness.analysis.changes.reason import Named, Names, Reason
from netpol_harness.analysis.describe import MOST_LISTED, OPEN_QUESTIONS, natural_list
from netpol_harness.analysis.display_names import DisplayNames
from netpol_harness.analysis.predict import Prediction, Predictor
from netpol_harness.analysis.tier_explainer import TierExplainer
from netpol_harness.model.cluster_policy import Action, Tier
from netpol_harness.model.names import Direction
from netpol_harness.oracle.verdict import Answer, Ruling, Side, Stage, Verdict
from netpol_harness.paths.path import Path

_WORST_FIRST = (Answer.BLOCKED, Answer.UNDEFINED, Answer.ALLOWED)
_SUBJECTS = {Direction.EGRESS: "source", Direction.INGRESS: "target"}


class Snapshot:
    """One side of a comparison, whose names are looked up once for all paths."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self._names: DisplayNames | None = None

    def names(self, path: Path) -> DisplayNames:
        """Return the names for a path."""
        if self._names is None:
            self._names = DisplayNames(self.predictor.scenario, self.predictor.step, path)
        return self._names.of_path(path)


def decided_by(before: Snapshot | None, after: Snapshot | None, path: Path) -> tuple[Reason, ...]:
    """Return the reasons for the verdicts on a path. ``None``: an end of the path does not exist on that side."""
    if after is None:
        return (Reason.of("its source or target is gone"),)
    reasons = (() if before else (Reason.of("its source or target is new"),)) + tuple(_reasons(before, after, path))
    return tuple(dict.fromkeys(reasons))


def _reasons(before: Snapshot | None, after: Snapshot, path: Path) -> Iterator[Reason]:
    """Yield what decides in each direction in which the answer is another than before."""
    old, new = before.predictor.predict(path) if before else None, after.predictor.predict(path)
    speaker, past = _Speaker(after, path), _Speaker(before, path, is_past=True) if before else None
    for part, earlier in (("look-up: ", old.lookups if old else ()), ("", old.connections if old else ())):
        verdicts = new.lookups if part else new.connections
        for direction in Direction:
            side, was = _worst(verdicts, direction), _worst(earlier, direction)
            if side and (was is None or was.answer is not side.answer):
                yield Reason.of(part, speaker.side(side, past.before(was) if past and was else Reason(())))
    yield from map(Reason.of, _routes(old, new))


def _routes(old: Prediction | None, new: Prediction) -> Iterator[str]:
    """Yield what a route itself decides: a name without an address, a Service that rejects, a doubt."""
    for text in (new.route.rejected, new.route.doubt):
        if text:
            yield str(text)
    if new.route.nameless and not (old and old.route.nameless):
        yield "the name has no address"


def _worst(verdicts: Iterable[Verdict], direction: Direction) -> Side | None:
    sides = [verdict.side(direction) for verdict in verdicts]
    return min(sides, key=lambda side: _WORST_FIRST.index(side.answer)) if sides else None


class _Speaker:
    """Names the policies and rules of one snapshot. ``is_past``: of the one before the change."""

    def __init__(self, snapshot: Snapshot, path: Path, *, is_past: bool = False) -> None:
        self._names = snapshot.names(path)
        self._tiers = TierExplainer(self._names)
        self._policies = snapshot.predictor.world.policies
        self._is_past = is_past

    def side(self, side: Side, before: Reason) -> Reason:
        """Return why a side has its answer. ``before`` is what decided it before, to be put behind what decides now."""
        way = side.direction.lower()
        if _tier_rulings(side):
            return Reason.of(f"{way}: ", self.tiers(_tier_rulings(side), side))
        if passing := _passing(side):
            return Reason.of(f"{way}: ", self.tiers(passing, side), "; ", self._beyond_tiers(side, before))
        return self._beyond_tiers(side, before)

    def _beyond_tiers(self, side: Side, before: Reason) -> Reason:
        """Return why a side has its answer, given that no rule of a tier decides."""
        way, subject = side.direction.lower(), _SUBJECTS[side.direction]
        if side.answer is Answer.UNDEFINED and not side.admissions:
            return Reason.of(
                f"{way}: it is open {natural_list([OPEN_QUESTIONS[point] for point in sorted(side.points)])}"
            )
        if not side.isolating:
            return Reason.of(f"no policy isolates the {subject} for {way}", before)
        if side.answer is Answer.BLOCKED:
            policies = self.policies(side, " isolates", " isolate")
            return Reason.of(policies, f" the {subject} for {way}, and no rule admits this", before)
        if side.admissions:
            unsure = min(len(admission.points) for admission in side.admissions)
            verbs = (" may admit", " may admit") if unsure else (" admits", " admit")
            return Reason.of(f"{way}: ", self.rule(side, *verbs), " this")
        return Reason.of(f"{way}: policies do not apply to what a pod exchanges with itself or its own node")

    def before(self, side: Side) -> Reason:
        """Return what decided before."""
        if _tier_rulings(side):
            return Reason.of("; before, ", self.tiers(_tier_rulings(side), side))
        if side.admissions:
            return Reason.of("; before, ", self.rule(side), " admitted it")
        return Reason.of(" any more, as ", self.policies(side), " did") if side.isolating else Reason(())

    def tiers(self, rulings: Sequence[Ruling], side: Side) -> Reason:
        """Return what rules of ClusterNetworkPolicies do, or may do."""
        pieces: list[str | Names] = []
        for ruling in rulings[:MOST_LISTED]:
            named = Named(
                self._tiers.name(side, ruling), self._names.ruling_place(ruling, side.direction), self._is_past
            )
            rest = self._tiers.sentence(side, ruling, is_past=self._is_past).removeprefix(named.text)
            pieces += ["; " if pieces else "", Names((named,)), rest]
        if more := len(rulings) - MOST_LISTED:
            pieces += [f"; {more} more rules may match"] if more > 0 else []
        return Reason.of(*pieces)

    def rule(self, side: Side, one: str = "", several: str = "") -> Names:
        """Return the rule that admits, with the fewest open points, and its policy."""
        best = min(side.admissions, key=lambda admission: len(admission.points))
        policy = next(policy for policy in self._policies if policy.ref == best.policy)
        text = f"{self._names.rule(policy, side.direction, best.rule)} of {best.policy.name}"
        place = self._names.rule_place(best.policy, side.direction, best.rule)
        return Names((Named(text, place, self._is_past),), one, several)

    def policies(self, side: Side, one: str = "", several: str = "") -> Names:
        """Return the policies that isolate the subject of a side."""
        named = (Named(self._names.policy(r), self._names.policy_place(r), self._is_past) for r in side.isolating)
        return Names(tuple(named), one, several)


def _passing(side: Side) -> list[Ruling]:
    """Return the rule that certainly passes the flow to the stage that decides."""
    passing = (ruling for ruling in side.rulings if ruling.action is Action.PASS and not ruling.points)
    return [*passing][:1]


def _tier_rulings(side: Side) -> list[Ruling]:
    """Return the rules of ClusterNetworkPolicies that decide, or may decide; none if others do."""
    deciding = [tier for tier in Tier if Stage.of(tier) in side.stages]
    return [ruling for tier in deciding for ruling in side.rulings if ruling.tier is tier]
