"""From a path to the connections that it makes, and from the oracle's verdicts on these to the word for the path. Pure.

A path by a Service's name is two questions: looking the name up, which is a flow of its own to the name server, and the
connection to the pods behind the Service, at their own ports. What the oracle cannot know makes a path UNDEFINED, and
the route says why.
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from functools import cache, cached_property

from netpol_harness.analysis.route import Route, Router
from netpol_harness.analysis.world import world_of
from netpol_harness.model.objects import World
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.points import SPECIFICATION, Decision, OpenPoint, Profile
from netpol_harness.oracle.verdict import Answer, Verdict
from netpol_harness.paths.ends import PodSource, PodTarget
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, KnownAddresses, Path, ProbeMode
from netpol_harness.scenario.scenario import Scenario, Step, closed_world


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the oracle makes of one path: its route, a verdict for every flow of it, and the word.

    ``fresh`` is the word for new connections once the step has settled, which the path's manner may change.
    """

    path: Path
    route: Route
    lookups: tuple[Verdict, ...]
    legs: tuple[Verdict, ...]
    fresh: Expected
    word: Expected


class Predictor:
    """What the oracle expects of one step."""

    def __init__(
        self, scenario: Scenario, step: Step, profile: Profile = SPECIFICATION, addresses: KnownAddresses | None = None
    ) -> None:
        self.scenario = scenario
        self.step = step
        self.profile = profile
        self.addresses = addresses or KnownAddresses()
        self._consult(world_of(step, scenario, addresses))
        self._router = Router(scenario, step, self.world, self.addresses)

    def route(self, path: Path) -> Route:
        """The flows that a path makes."""
        return self._router.route(path)

    def read(self, path: Path) -> Prediction:
        """The route of a path, its verdicts, and the word for it."""
        route = self.route(path)
        lookups = tuple(map(self._judge, route.lookups))
        legs = tuple(map(self._judge, route.legs))
        fresh = _fresh(route, lookups, legs)
        return Prediction(path, route, lookups, legs, fresh, self._by_manner(path, fresh))

    def word(self, path: Path) -> Expected:
        """ALLOWED, BLOCKED, UNRESOLVED or UNDEFINED."""
        return self.read(path).word

    def answered(self) -> Step:
        """The step with a word for each of its inquiries, which it keeps: another outlook may answer them anew."""
        asked = {inquiry.path: inquiry.where for inquiry in self.step.inquiries}
        written = [expectation for expectation in self.step.expectations if expectation.path not in asked]
        derived = [Expectation(path, self.word(path), where) for path, where in asked.items()]
        return replace(self.step, expectations=(*written, *derived))

    def others(self) -> Mapping[Path, Expected]:
        """The word for every cell of the step's closed world."""
        paths = closed_world(self.answered())
        if self._router.beyond:
            return dict.fromkeys(paths, Expected.UNDEFINED)
        table = self._oracle.table([*dict.fromkeys(path.port for path in paths)])
        return {
            path: Expected(table.answer(path.source.ref, path.target.ref, path.port))
            for path in paths
            if isinstance(path.source, PodSource) and isinstance(path.target, PodTarget)
        }

    def with_step(self, step: Step) -> "Predictor":
        """The outlook on another state of the same scenario."""
        return Predictor(self.scenario, step, self.profile, self.addresses)

    def supposing(self, policies: tuple[NetworkPolicy, ...]) -> "Predictor":
        """The same step, were these its policies."""
        other = copy(self)
        other._consult(replace(self.world, policies=policies))
        return other

    def _consult(self, world: World) -> None:
        self.world = world
        self._oracle = Oracle(world, self.profile)
        self._judge = cache(self._oracle.judge)

    @cached_property
    def _before(self) -> "Predictor | None":
        """The outlook on the step before, ``None`` for the first."""
        names = [step.name for step in self.scenario.steps]
        at = names.index(self.step.name) if self.step.name in names else 0
        return self.with_step(self.scenario.steps[at - 1]) if at else None

    def _by_manner(self, path: Path, fresh: Expected) -> Expected:
        """The word, given that for new connections in the settled step."""
        if path.mode is ProbeMode.PERSISTENT and fresh is not Expected.ALLOWED:
            cut = self.profile.decided.get(OpenPoint.ESTABLISHED)
            return fresh if cut is Decision.YES else Expected.ALLOWED if cut else Expected.UNDEFINED
        source = path.source.ref if isinstance(path.source, PodSource) else None
        if path.mode is ProbeMode.CONTINUOUS and self._before and source in self._before.world.pods:
            earlier = self._before.word(replace(path, mode=ProbeMode.NEW))
            return fresh if earlier is fresh else Expected.UNDEFINED
        return fresh


def word(path: Path, step: Step, scenario: Scenario, profile: Profile = SPECIFICATION) -> Expected:
    """The word for one path; of many paths of a step, ask an ``Predictor``."""
    return Predictor(scenario, step, profile).word(path)


def plain(word: Expected) -> Expected:
    """The word without how a denial looks, which is left to implementations."""
    return Expected.BLOCKED if word in (Expected.DROPPED, Expected.REJECTED) else word


def contradicts(word: Expected, expected: Expected) -> bool:
    """Whether the oracle's word makes an expectation fail; where either is undefined, it may not."""
    return Expected.UNDEFINED not in (word, expected) and word is not plain(expected)


def _fresh(route: Route, lookups: tuple[Verdict, ...], legs: tuple[Verdict, ...]) -> Expected:
    """The word for new connections: the name first, then the worst of the legs."""
    asked, answers = {verdict.answer for verdict in lookups}, {verdict.answer for verdict in legs}
    if route.nameless or Answer.BLOCKED in asked:
        return Expected.UNRESOLVED
    if route.doubt or Answer.UNDEFINED in asked or (route.balanced and len(answers) > 1):
        return Expected.UNDEFINED
    if Answer.BLOCKED in answers:
        return Expected.BLOCKED
    return Expected.UNDEFINED if Answer.UNDEFINED in answers else Expected.ALLOWED
