"""Which parts of a scenario's policies its paths do not test: drop each part and ask the oracle again. Pure.

A part is covered if, without it, the verdict on some expected path of some step, or on a cell of its closed world,
contradicts the expectation. For a part that is not covered, a path is searched whose verdict would have changed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

from netpol_harness.analysis.cluster_variants import ClusterVariant, cluster_variants
from netpol_harness.analysis.gap_reasons import GapKind, GapReason, RulePart, Tried, gap_reason
from netpol_harness.analysis.paths import every_path
from netpol_harness.analysis.predict import Predictor, contradicts
from netpol_harness.analysis.variants import Variant, variants
from netpol_harness.model.cluster_policy import ClusterNetworkPolicy
from netpol_harness.model.names import Direction, NamespacedName
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.oracle.points import SPECIFICATION, Profile
from netpol_harness.oracle.sides import selects
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Path
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.scenario import Manifest, Others, Scenario, Step, cluster_policies, network_policies


@dataclass(frozen=True, slots=True)
class CoverageLine:
    """A line for scenario.yaml, under the ``paths`` of a step: ``PATH: VERDICT``."""

    step: str
    path: Path
    verdict: Expected

    def __str__(self) -> str:
        return f"{self.path}: {self.verdict}"


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of a policy that no path tests.

    ``line`` would test it; ``None`` if no path of the scenario can, for this ``reason``. ``rule`` is the place of the
    rule that it belongs to, or that ``is_whole_rule``; it is empty for the policy's own parts.
    """

    part: str
    where: str
    line: CoverageLine | None
    reason: GapReason | None = None
    rule: str = ""
    is_whole_rule: bool = False


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many parts of the policies were tried, and which are not covered."""

    tried: int
    gaps: tuple[Gap, ...]


def coverage(scenario: Scenario, profile: Profile = SPECIFICATION) -> Coverage:
    """Drop or weaken every part of every policy of a scenario, one at a time."""
    views = [_StepView(Predictor(scenario, step, profile)) for step in scenario.steps]
    kinds = (network_policies, cluster_policies)
    manifests = {m.where: m for kind in kinds for step in scenario.steps for m in kind(step)}
    tried, gaps = 0, list[Gap]()
    for manifest in manifests.values():
        first = len(gaps)
        views_with_policy = [view for view in views if manifest in view.policies]
        is_own = manifest.family is ApiGroupFamily.KUBERNETES
        for variant in variants(manifest) if is_own else cluster_variants(manifest):
            tried += 1
            counterfactuals = [_counterfactual(view, manifest, variant) for view in views_with_policy]
            if not any(counterfactual.is_detected for counterfactual in counterfactuals):
                line = _suggest_line(counterfactuals, {gap.line: None for gap in gaps if gap.line}.keys())
                reason = None if line else _reason(counterfactuals, manifest, variant)
                place = manifest.at("spec", variant.rule[0].lower(), variant.rule[1]) if variant.rule else ""
                gaps.append(Gap(variant.part, variant.where, line, reason, place, variant.is_whole_rule))
        gaps[first:] = _with_policy_reason(manifest, gaps[first:])
    return Coverage(tried, tuple(gaps))


class _StepView:
    """One step: its paths, their expectations, and the oracle's verdicts under the policies as written."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.step: Step = predictor.step
        self.policies = (*network_policies(predictor.step), *cluster_policies(predictor.step))
        self._pods: dict[Path, frozenset[NamespacedName]] = {}
        self._verdicts: dict[Path, Expected] = {}

    @cached_property
    def expected(self) -> Mapping[Path, Expected]:
        """The expectations that the oracle does not already contradict."""
        verdicts = {e.path: e.expected for e in self.predictor.with_predicted_verdicts().expectations}
        if self.step.others is not Others.UNCHECKED:
            is_derived = self.step.others is Others.ORACLE
            cells = self.predictor.closed_world_verdicts()
            verdicts |= {path: cell if is_derived else Expected(self.step.others) for path, cell in cells.items()}
        return {path: expected for path, expected in verdicts.items() if not contradicts(self.verdict(path), expected)}

    @cached_property
    def candidates(self) -> tuple[Path, ...]:
        """The paths that the step could have and does not."""
        return tuple(path for path in every_path(self.step) if path not in self.expected)

    def has_subjects(self, manifest: Manifest) -> bool:
        """Whether one of the step's policies selects a pod."""
        pods = self.predictor.world.pods.values()
        if manifest.family is ApiGroupFamily.KUBERNETES:
            own = NetworkPolicy.parse(manifest.data)
            return any(selects(own, pod) for pod in pods)
        subject = ClusterNetworkPolicy.parse(manifest.data).subject
        spaces = {name: namespace.labels for name, namespace in self.predictor.world.namespaces.items()}
        own_network = (pod for pod in pods if not pod.host_network)
        return any(subject.selects(spaces.get(pod.ref.namespace, {}), pod.labels) for pod in own_network)

    def verdict(self, path: Path) -> Expected:
        """Return the oracle's verdict under the policies as written."""
        if path not in self._verdicts:
            self._verdicts[path] = self.predictor.verdict(path)
        return self._verdicts[path]

    def pods(self, path: Path) -> frozenset[NamespacedName]:
        """Return the pods whose policies apply to a path."""
        if path not in self._pods:
            route = self.predictor.route(path)
            flows = (*route.lookups, *route.connections)
            ends = (end for flow in flows for end in (flow.source, flow.destination))
            self._pods[path] = frozenset(end for end in ends if isinstance(end, NamespacedName))
        return self._pods[path]


def _counterfactual(view: _StepView, manifest: Manifest, variant: Variant | ClusterVariant) -> "_Counterfactual":
    """Return the step of a view with a variant in place of the policy."""
    world = view.predictor.world
    if isinstance(variant, ClusterVariant):
        written = ClusterNetworkPolicy.parse(manifest.data)
        rest = tuple(other for other in world.cluster_policies if other.name != written.name)
        tiers = (*rest, *((variant.policy,) if variant.policy else ()))
        return _Counterfactual(view, view.predictor.with_world(replace(world, cluster_policies=tiers)), world.pods)
    policy = NetworkPolicy.parse(manifest.data)
    others = tuple(other for other in world.policies if other.ref != policy.ref)
    replacement = (variant.policy,) if variant.policy else ()
    subjects = [
        pod.ref for pod in world.pods.values() if any(selects(either, pod) for either in (policy, *replacement))
    ]
    return _Counterfactual(view, view.predictor.with_policies((*others, *replacement)), subjects)


class _Counterfactual:
    """A step with a variant in place of one of its policies, which can select the ``subjects`` only."""

    def __init__(self, view: _StepView, predictor: Predictor, subjects: Iterable[NamespacedName]) -> None:
        self.view = view
        self._predictor = predictor
        self._subjects = frozenset(subjects)

    @property
    def is_detected(self) -> bool:
        """Whether an expectation would fail."""
        expected = self.view.expected
        return any(contradicts(self._predictor.verdict(path), expected[path]) for path in self._affected(expected))

    def detecting_lines(self, paths: Iterable[Path]) -> Iterator[CoverageLine]:
        """Yield lines for those of the paths that would fail."""
        for path in self._affected(paths):
            verdict = self.view.verdict(path)
            if contradicts(self._predictor.verdict(path), verdict):
                yield CoverageLine(self.view.step.name, path, verdict)

    def tried(self) -> Iterator[Tried]:
        """Yield the paths to which the policy can apply, with and without the part."""
        predictor = self.view.predictor
        for path in self._affected(chain(self.view.expected, self.view.candidates)):
            yield Tried(predictor.predict(path), predictor, self._predictor)

    def _affected(self, paths: Iterable[Path]) -> Iterator[Path]:
        """Yield the paths to which the policy can apply at all."""
        return (path for path in paths if self.view.pods(path) & self._subjects)


def _with_policy_reason(manifest: Manifest, gaps: Sequence[Gap]) -> Iterator[Gap]:
    """Yield the gaps of a policy. That of the policy as a whole has the reason of its rules if all of them are gaps."""
    spec = manifest.data.get("spec") or {}
    count = sum(len(spec.get(direction.lower()) or ()) for direction in Direction)
    kinds = [gap.reason.kind for gap in gaps if gap.is_whole_rule and gap.reason]
    for gap in gaps:
        is_policy = gap.where == manifest.where and gap.reason is not None
        if is_policy and kinds and len(kinds) == count:
            order = (GapKind.REDUNDANT, GapKind.UNDECIDED, GapKind.UNREACHED, GapKind.UNMATCHED)
            yield replace(gap, reason=GapReason(next(kind for kind in order if kind in kinds), "with all of its rules"))
        else:
            yield gap


def _reason(
    counterfactuals: Sequence["_Counterfactual"], manifest: Manifest, variant: Variant | ClusterVariant
) -> GapReason:
    policy = manifest.name.ref.name if isinstance(variant, ClusterVariant) else manifest.name.ref
    selects_pods = any(each.view.has_subjects(manifest) for each in counterfactuals)
    tried = (tried for each in counterfactuals for tried in each.tried())
    part = RulePart(policy, *variant.rule, is_whole=variant.is_whole_rule) if variant.rule else None
    return gap_reason(part, tried, selects_pods=selects_pods)


def _suggest_line(counterfactuals: Sequence[_Counterfactual], suggested: Set[CoverageLine]) -> CoverageLine | None:
    """Return a line that would detect the variant, preferably one that is already suggested for another part."""
    return next(chain(_suggested_lines(counterfactuals, suggested), _new_lines(counterfactuals)), None)


def _suggested_lines(
    counterfactuals: Sequence[_Counterfactual], suggested: Set[CoverageLine]
) -> Iterator[CoverageLine]:
    for counterfactual in counterfactuals:
        step = counterfactual.view.step.name
        yield from counterfactual.detecting_lines(line.path for line in suggested if line.step == step)


def _new_lines(counterfactuals: Sequence[_Counterfactual]) -> Iterator[CoverageLine]:
    for counterfactual in counterfactuals:
        yield from counterfactual.detecting_lines(counterfactual.view.candidates)
