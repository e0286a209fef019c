"""The canary alone: whether a cluster enforces policies, by direction, IP family, protocol and pairing of nodes.

The engine is that of ``check``: the same scenario, the same three observations, the same findings. Here each row is
examined for itself, so that one direction or protocol without enforcement leaves the verdict about the others.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product

from netpol_harness.errors import HarnessError
from netpol_harness.model.names import Direction, ObjectKey, Protocol
from netpol_harness.results.table import PathResult
from netpol_harness.runner.canary.aspect import Aspect, Pairing
from netpol_harness.runner.canary.check import canary_scenario, canonical, carried, has_two_nodes, placement
from netpol_harness.runner.canary.examination import Examination
from netpol_harness.runner.canary.findings import Fault, Finding
from netpol_harness.runner.canary.traffic import Traffic
from netpol_harness.runner.canary.variant import with_image
from netpol_harness.runner.context import RunContext
from netpol_harness.runner.run import ScenarioRun

PHASES = ("before the policies", "under the policies", "after the policies")
"""The observations, in their order."""


class Enforcement(StrEnum):
    """The result of a row.

    ENFORCED      open before, closed by the policies, open for the right pod, and open again after them
    NOT_ENFORCED  open before, and open although a policy closes it
    INCONCLUSIVE  a control failed, so that nothing follows
    """

    ENFORCED = "ENFORCED"
    NOT_ENFORCED = "NOT ENFORCED"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class Row:
    """One result. ``family`` is 4 or 6. ``reason`` is empty if the policies are enforced.

    ``observations`` are the results of the paths in each of ``PHASES``, as far as they were made.
    """

    aspect: Aspect
    family: int
    result: Enforcement
    reason: str = ""
    observations: Sequence[Sequence[PathResult]] = ()


@dataclass(frozen=True, slots=True)
class CanaryTable:
    """All rows, what was not examined and why (``notes``), and the objects that could not be deleted."""

    rows: Sequence[Row]
    notes: Sequence[str] = ()
    leftovers: Sequence[str] = ()
    seconds: float = 0.0


@dataclass(slots=True)
class CanaryAlone:
    """A canary that is run for its own sake, in the given namespaces or in one of its own. ``image`` is optional.

    ``run`` may be interrupted by any exception; the objects that it then could not delete are in ``leftovers``.
    """

    context: RunContext
    namespaces: Mapping[str, str]
    image: str = ""
    leftovers: list[str] = field(default_factory=list)

    def run(self) -> CanaryTable:
        """Examine everything that the cluster can carry. Only an interruption raises."""
        began = time.monotonic()
        candidates = [Traffic(protocol, family) for protocol, family in product(Protocol, (4, 6))]
        traffic = carried(self.context, [each for each in candidates if each.protocol is not Protocol.ICMP])
        two_nodes, notes = has_two_nodes(self.context), list(_left_out(candidates, traffic))
        notes += [] if two_nodes else ["two nodes: not examined; the user sees no two nodes that accept pods"]
        pairings = tuple(Pairing) if two_nodes else (Pairing.SAME_NODE,)
        scenario = canary_scenario({each.protocol for each in traffic}, two_nodes=two_nodes)
        scenario = with_image(scenario, self.image) if self.image else scenario
        run = ScenarioRun(scenario, placement(self.context, self.namespaces, traffic), self.context, turn=None)
        rows = _Rows(run, [Aspect(*parts) for parts in product(traffic, Direction, pairings)])
        try:
            rows.examine()
        finally:
            self._close(run)
        return CanaryTable(tuple(rows.results()), notes, self.leftovers, time.monotonic() - began)

    def _close(self, run: ScenarioRun) -> None:
        keys = run.applied.keys
        try:
            run.close()
        except BaseException as error:
            self.leftovers = [str(key) for key in keys if self._exists(key)]
            if not isinstance(error, HarnessError):
                raise

    def _exists(self, key: ObjectKey) -> bool:
        """Return whether the API shows the object; ``True`` also if it does not answer."""
        try:
            return self.context.client.find(key) is not None
        except HarnessError:
            return True


def _left_out(candidates: Sequence[Traffic], carried: Sequence[Traffic]) -> Iterator[str]:
    for each in candidates:
        if each not in carried and each.protocol is not Protocol.ICMP:
            yield f"{each}: not examined; the cluster is not known to carry it"


@dataclass(slots=True)
class _Rows:
    """The rows of one run. ``error`` is why it ended early."""

    run: ScenarioRun
    wanted: Sequence[Aspect]
    error: str = ""
    _examined: Mapping[Aspect, Aspect] = field(default_factory=dict)
    _examination: Examination | None = None

    def examine(self) -> None:
        try:
            self.run.open()
            same = {each: canonical(each, self.run) for each in {aspect.traffic for aspect in self.wanted}}
            self._examined = {a: Aspect(same[a.traffic], a.direction, a.pairing) for a in self.wanted}
            self._examination = Examination(self.run)
            self._examination.of(list(self._examined.values()))
        except HarnessError as error:
            self.error = str(error)

    def results(self) -> Iterator[Row]:
        for aspect in self.wanted:
            observed, finding = self._evidence(aspect)
            result, reason = judge(len(observed), finding, self.error)
            yield Row(aspect, aspect.traffic.family, result, reason, observed)

    def _evidence(self, aspect: Aspect) -> tuple[Sequence[Sequence[PathResult]], Finding | None]:
        if self._examination is None:
            return (), None
        examined = self._examined[aspect]
        return self._examination.observed.get(examined, ()), self._examination.found.get(examined)


def judge(observations: int, finding: Finding | None, error: str) -> tuple[Enforcement, str]:
    """Return the result of a row and the reason, from the number of its observations and what they have shown.

    >>> judge(3, None, "")[0]
    <Enforcement.ENFORCED: 'ENFORCED'>
    """
    if finding is not None:
        is_leak = finding.fault is Fault.NOT_ENFORCED
        return (Enforcement.NOT_ENFORCED if is_leak else Enforcement.INCONCLUSIVE), finding.text
    if observations < len(PHASES):
        return Enforcement.INCONCLUSIVE, error or "the pods have no address of this family"
    return Enforcement.ENFORCED, ""
