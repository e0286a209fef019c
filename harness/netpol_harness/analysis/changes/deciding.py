"""Which policies and rules decide that a path changes, in phrases that do not name its ends. Pure.

Paths that change for the same reason have equal phrases, so that they can be told together.
"""

from collections.abc import Iterable, Iterator

from netpol_harness.analysis.describe import OPEN_QUESTIONS, natural_list
from netpol_harness.analysis.display_names import DisplayNames
from netpol_harness.analysis.predict import Prediction, Predictor
from netpol_harness.analysis.tier_explainer import TierExplainer
from netpol_harness.model.cluster_policy import Tier
from netpol_harness.model.names import Direction
from netpol_harness.oracle.verdict import Answer, Side, Stage, Verdict
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


def decided_by(before: Snapshot | None, after: Snapshot | None, path: Path) -> tuple[str, ...]:
    """Return the reasons for the verdicts on a path. ``None``: an end of the path does not exist on that side."""
    if after is None:
        return ("its source or target is gone",)
    reasons = (() if before else ("its source or target is new",)) + tuple(_reasons(before, after, path))
    return tuple(dict.fromkeys(reasons))


def _reasons(before: Snapshot | None, after: Snapshot, path: Path) -> Iterator[str]:
    """Yield what decides in each direction in which the answer is another than before."""
    old, new = before.predictor.predict(path) if before else None, after.predictor.predict(path)
    speaker = _Speaker(after, path)
    for part, earlier in (("look-up: ", old.lookups if old else ()), ("", old.connections if old else ())):
        verdicts = new.lookups if part else new.connections
        for direction in Direction:
            side, was = _worst(verdicts, direction), _worst(earlier, direction)
            if side and (was is None or was.answer is not side.answer):
                yield part + speaker.side(side, _Speaker(before, path) if before else None, was)
    yield from _routes(old, new)


def _routes(old: Prediction | None, new: Prediction) -> Iterator[str]:
    """Yield what a route itself decides: a name without an address, a Service that rejects, a doubt."""
    for text in (new.route.rejected, new.route.doubt):
        if text:
            yield text
    if new.route.nameless and not (old and old.route.nameless):
        yield "the name has no address"


def _worst(verdicts: Iterable[Verdict], direction: Direction) -> Side | None:
    sides = [verdict.side(direction) for verdict in verdicts]
    return min(sides, key=lambda side: _WORST_FIRST.index(side.answer)) if sides else None


class _Speaker:
    """Names the policies and rules of one snapshot."""

    def __init__(self, snapshot: Snapshot, path: Path) -> None:
        self._names = snapshot.names(path)
        self._tiers = TierExplainer(self._names)
        self._policies = snapshot.predictor.world.policies

    def side(self, side: Side, earlier: "_Speaker | None", was: Side | None) -> str:
        """Return why a side has its answer. ``was`` is the same side before, in the words of ``earlier``."""
        way, subject = side.direction.lower(), _SUBJECTS[side.direction]
        if tiers := self.tiers(side):
            return f"{way}: {tiers}"
        if side.answer is Answer.UNDEFINED and not side.admissions:
            return f"{way}: it is open {natural_list([OPEN_QUESTIONS[point] for point in sorted(side.points)])}"
        before = earlier.before(was) if earlier and was else ""
        if not side.isolating:
            return f"no policy isolates the {subject} for {way}{before}"
        if side.answer is Answer.BLOCKED:
            verb = "isolates" if len(side.isolating) == 1 else "isolate"
            return f"{self.policies(side)} {verb} the {subject} for {way}, and no rule admits this{before}"
        if side.admissions:
            unsure = min(len(admission.points) for admission in side.admissions)
            return f"{way}: {self.rule(side)} {'may admit' if unsure else 'admits'} this"
        return f"{way}: policies do not apply to what a pod exchanges with itself or its own node"

    def before(self, side: Side) -> str:
        """Return what decided before, to be put behind what decides now."""
        if tiers := self.tiers(side):
            return f"; before, {tiers}"
        if side.admissions:
            return f"; before, {self.rule(side)} admitted it"
        return f" any more, as {self.policies(side)} did" if side.isolating else ""

    def tiers(self, side: Side) -> str:
        """Return what ClusterNetworkPolicies decide, or may decide; empty if others do."""
        deciding = [tier for tier in Tier if Stage.of(tier) in side.stages]
        return "; ".join(sentence for tier in deciding for sentence in self._tiers.sentences(side, tier))

    def rule(self, side: Side) -> str:
        """Return the rule that admits, with the fewest open points, and its policy."""
        best = min(side.admissions, key=lambda admission: len(admission.points))
        policy = next(policy for policy in self._policies if policy.ref == best.policy)
        return f"{self._names.rule(policy, side.direction, best.rule)} of {best.policy.name}"

    def policies(self, side: Side) -> str:
        """Return the policies that isolate the subject of a side."""
        return natural_list([self._names.policy(ref) for ref in side.isolating])
