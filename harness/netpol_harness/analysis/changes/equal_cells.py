"""The paths between pods whose verdicts are equal before and after a change, found for all pairs of pods at once. Pure.

A change touches few of these paths, so no ``Path`` is made of the equal ones. Invariant: no loop goes over pairs of
pods, except those that differ.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from netpol_harness.analysis.paths import SourcesByTarget
from netpol_harness.analysis.predict import PortOfWorkload, Predictor
from netpol_harness.model.names import NamespacedName
from netpol_harness.oracle.pod_set import members
from netpol_harness.oracle.verdict import Answer


@dataclass(frozen=True, slots=True)
class EqualCells:
    """Paths that both sides have, with equal verdicts: their ``count``, and how many of them are UNDEFINED.

    ``others`` are the workloads whose paths to a target are not among them. No path to a target that is not in
    ``others`` is among them.
    """

    others: SourcesByTarget = field(default_factory=dict)
    count: int = 0
    unknown: int = 0


def equal_cells(before: Predictor, after: Predictor) -> EqualCells:
    """Find the equal paths between workloads that on both sides have one pod, or one that stands for all."""
    one, other = _Side(before), _Side(after)
    sources = [ref for ref in other.pods if ref in one.pods]
    every = dict.fromkeys([*one.workloads, *other.workloads])
    left_out = [ref for ref in every if ref not in one.pods or ref not in other.pods]
    ours = one.targets(sources)
    targets = [target for target in other.targets(sources) if target in ours]
    old, new = one.columns(sources, targets), other.columns(sources, targets)
    others: dict[PortOfWorkload, Sequence[NamespacedName]] = {}
    count = unknown = 0
    for target in targets:
        equal = old[target].equal(new[target])
        count += equal.bit_count()
        unknown += (equal & old[target].undefined).bit_count()
        rest = ((1 << len(sources)) - 1) & ~equal
        others[target] = [*(sources[number] for number in members(rest)), *left_out]
    return EqualCells(others, count, unknown)


@dataclass(frozen=True, slots=True)
class _Column:
    """The paths to one target, with a bit for every source: those that exist, and the answers."""

    existing: int
    allowed: int
    undefined: int

    def equal(self, other: "_Column") -> int:
        """Return the sources whose paths exist in both with equal answers."""
        differing = (self.allowed ^ other.allowed) | (self.undefined ^ other.undefined)
        return self.existing & other.existing & ~differing


class _Side:
    """One step: the workloads of its closed world, and the pods of those that may be compared."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self.workloads = {ref: w for ref, w in predictor.step.inventory.workloads.items() if w.in_closed_world}
        self.pods = {ref: pod for ref in self.workloads if (pod := predictor.single_pod(ref))}

    def targets(self, workloads: Iterable[NamespacedName]) -> Mapping[PortOfWorkload, None]:
        """Return the ports that workloads serve, in order."""
        return {(ref, served.port): None for ref in workloads for served in self.workloads[ref].ports}

    def columns(
        self, sources: Sequence[NamespacedName], targets: Sequence[PortOfWorkload]
    ) -> Mapping[PortOfWorkload, _Column]:
        """Return the paths to each target."""
        pods = [self.pods[ref] for ref in sources]
        numbers = {ref: number for number, ref in enumerate(sources)}
        strangers = sum(1 << number for ref, number in numbers.items() if self.workloads[ref].is_stranger)
        answers: dict[tuple[int, object, Answer], Mapping[NamespacedName, int]] = {}

        def bits(target: PortOfWorkload, answer: Answer) -> int:
            table, port = tables[target], target[1]
            key = (id(table), port, answer)
            if key not in answers:
                answers[key] = table.columns(pods, port, answer)
            return answers[key][self.pods[target[0]]]

        def existing(ref: NamespacedName) -> int:
            nobody = (1 << numbers[ref]) | (strangers if self.workloads[ref].is_stranger else 0)
            return ((1 << len(sources)) - 1) & ~nobody

        tables = self._predictor.tables(targets)
        return {
            target: _Column(existing(target[0]), bits(target, Answer.ALLOWED), bits(target, Answer.UNDEFINED))
            for target in targets
        }
