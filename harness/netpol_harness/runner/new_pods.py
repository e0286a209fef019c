"""Steps in which the pods of a step's closed paths are created again, and their first packets are probed. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.ends import PodSource, PodTarget, ServiceTarget
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Inventory, Path, ProbeMode
from netpol_harness.scenario.scenario import Others, Scenario, Step

CHANGES = ("new source", "new target")
"""The changes: the pods at one end are new, those at the other end run already."""


def with_new_pods(scenario: Scenario, step: Step, closed: Iterable[Path]) -> tuple[Scenario, Sequence[Step]]:
    """Return the scenario with a step after ``step`` for each of CHANGES that has a path, and these steps."""
    closed = tuple(closed)
    steps = [new for change in CHANGES if (new := _new_pods(step, change, closed)).expectations]
    index = next(number for number, known in enumerate(scenario.steps) if known.name == step.name) + 1
    return replace(scenario, steps=(*scenario.steps[:index], *steps, *scenario.steps[index:])), steps


def _new_pods(step: Step, change: str, closed: Sequence[Path]) -> Step:
    own, other = (_sources, _targets) if change == CHANGES[0] else (_targets, _sources)
    created: dict[NamespacedName, None] = {}
    expectations: list[Expectation] = []
    for path in closed:
        new = own(path, step.inventory)
        running = {end for each in (path, *(e.path for e in expectations)) for end in other(each, step.inventory)}
        if new and running.isdisjoint({*new, *created}):
            created |= dict.fromkeys(new)
            first = replace(path, mode=ProbeMode.FIRST_PACKET, source_text=f"first {path.source_text}")
            expectations.append(Expectation(first, Expected.BLOCKED, step.where))
    return replace(
        step,
        name=f"{step.name}, {change}",
        expectations=tuple(expectations),
        recreate=tuple(created),
        others=Others.UNCHECKED,
        readiness=(),
        restart=None,
        repeat=1,
        paths_without_verdict=(),
    )


def _sources(path: Path, inventory: Inventory) -> Sequence[NamespacedName]:
    return (path.source.ref,) if isinstance(path.source, PodSource) else ()


def _targets(path: Path, inventory: Inventory) -> Sequence[NamespacedName]:
    return tuple(_target_workloads(path, inventory))


def _target_workloads(path: Path, inventory: Inventory) -> Iterator[NamespacedName]:
    match path.target:
        case PodTarget(ref):
            yield ref
        case ServiceTarget(ref) if service := inventory.services.get(ref):
            for workload in inventory.workloads.values():
                if service.selects(workload.ref.namespace, workload.labels):
                    yield workload.ref
