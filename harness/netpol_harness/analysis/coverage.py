"""Which parts of a scenario's policies its paths would miss: they are taken away, and the oracle is asked again. Pure.

A part is covered where, without it, the word of some expected path of some step, or of a cell of its closed world,
contradicts what is expected. For the others a path is sought whose word would have changed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from netpol_harness.analysis.paths import every_path
from netpol_harness.analysis.predict import Predictor, contradicts
from netpol_harness.analysis.variants import Variant, variants
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.oracle.points import SPECIFICATION, Profile
from netpol_harness.oracle.sides import selects
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Path
from netpol_harness.scenario.scenario import Manifest, Others, Scenario, Step, network_policies


@dataclass(frozen=True, slots=True)
class CoverageLine:
    """A line for scenario.yaml: ``PATH: WORD``, under the ``paths`` of a step."""

    step: str
    path: Path
    word: Expected

    def __str__(self) -> str:
        return f"{self.path}: {self.word}"


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of a policy that nothing misses; ``line`` would, or is ``None`` where no path of the scenario's could."""

    part: str
    where: str
    line: CoverageLine | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many parts of the policies were tried, and which were not missed."""

    tried: int
    gaps: tuple[Gap, ...]


def coverage(scenario: Scenario, profile: Profile = SPECIFICATION) -> Coverage:
    """Drop or weaken every part of every policy of a scenario, one at a time."""
    views = [_View(Predictor(scenario, step, profile)) for step in scenario.steps]
    manifests = {m.where: m for step in scenario.steps for m in network_policies(step)}
    tried, gaps = 0, list[Gap]()
    for manifest in manifests.values():
        holding = [view for view in views if manifest in view.policies]
        for variant in variants(manifest):
            tried += 1
            suppositions = [_Supposition(view, manifest, variant) for view in holding]
            if not any(supposition.noticed for supposition in suppositions):
                line = _line(suppositions, {gap.line: None for gap in gaps if gap.line}.keys())
                gaps.append(Gap(variant.part, variant.where, line))
    return Coverage(tried, tuple(gaps))


class _View:
    """One step: its paths, what is expected of them, and the oracle's word as things are."""

    def __init__(self, outlook: Predictor) -> None:
        self.outlook = outlook
        self.policies = network_policies(outlook.step)
        self._ends: dict[Path, frozenset[NamespacedName]] = {}
        self._words: dict[Path, Expected] = {}

    @property
    def step(self) -> Step:
        """The step."""
        return self.outlook.step

    @cached_property
    def expected(self) -> Mapping[Path, Expected]:
        """What is expected, of paths that the oracle does not contradict already."""
        said = {e.path: e.expected for e in self.outlook.answered().expectations}
        if self.step.others is not Others.UNCHECKED:
            derived = self.step.others is Others.ORACLE
            cells = self.outlook.others()
            said |= {path: word if derived else Expected(self.step.others) for path, word in cells.items()}
        return {path: word for path, word in said.items() if not contradicts(self.word(path), word)}

    @cached_property
    def candidates(self) -> tuple[Path, ...]:
        """Paths of which the step could speak and does not."""
        return tuple(path for path in every_path(self.step) if path not in self.expected)

    def word(self, path: Path) -> Expected:
        """The oracle's word for a path as things are."""
        if path not in self._words:
            self._words[path] = self.outlook.word(path)
        return self._words[path]

    def ends(self, path: Path) -> frozenset[NamespacedName]:
        """The pods whose policies a path meets."""
        if path not in self._ends:
            route = self.outlook.route(path)
            flows = (*route.lookups, *route.legs)
            ends = (end for flow in flows for end in (flow.source, flow.destination))
            self._ends[path] = frozenset(end for end in ends if isinstance(end, NamespacedName))
        return self._ends[path]


class _Supposition:
    """A step, were one of its policies a variant of itself."""

    def __init__(self, view: _View, manifest: Manifest, variant: Variant) -> None:
        self.view = view
        policy = NetworkPolicy.parse(manifest.data)
        world = view.outlook.world
        others = tuple(other for other in world.policies if other.ref != policy.ref)
        supposed = (variant.policy,) if variant.policy else ()
        self._outlook = view.outlook.supposing((*others, *supposed))
        self._subjects = frozenset(
            pod.ref for pod in world.pods.values() if any(selects(either, pod) for either in (policy, *supposed))
        )

    @property
    def noticed(self) -> bool:
        """Whether an expectation would fail."""
        expected = self.view.expected
        return any(contradicts(self._outlook.word(path), expected[path]) for path in self._met(expected))

    def noticing(self, paths: Iterable[Path]) -> Iterator[CoverageLine]:
        """Lines for these paths that would fail."""
        for path in self._met(paths):
            word = self.view.word(path)
            if contradicts(self._outlook.word(path), word):
                yield CoverageLine(self.view.step.name, path, word)

    def _met(self, paths: Iterable[Path]) -> Iterator[Path]:
        """The paths that meet the policy at all."""
        return (path for path in paths if self.view.ends(path) & self._subjects)


def _line(suppositions: Sequence[_Supposition], told: Set[CoverageLine]) -> CoverageLine | None:
    """A line that would notice: one that was told before, if it would."""
    again = (line for s in suppositions for line in s.noticing(t.path for t in told if t.step == s.view.step.name))
    fresh = (line for supposition in suppositions for line in supposition.noticing(supposition.view.candidates))
    return next(chain(again, fresh), None)
