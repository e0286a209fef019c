"""Steps in which the pods of a step's closed paths are created again, and their first packets are probed. Pure.

The same is done in the step before, in which these paths are open: there first packets must get through, or those that
do not in the step itself prove nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.ends import PodSource, PodTarget, ServiceTarget
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Inventory, Path, ProbeMode
from netpol_harness.scenario.scenario import Others, Scenario, Step

CHANGES = ("new source", "new target")
"""The changes: the pods at one end are new, those at the other end run already."""

CONTROLS = tuple(f"{change} control" for change in CHANGES)
"""The same changes in the state before, in which the paths are open."""

KINDS = (*CHANGES, *CONTROLS)


def with_new_pods(
    scenario: Scenario, before: Step, step: Step, closed: Iterable[Path]
) -> tuple[Scenario, Sequence[Step]]:
    """Return the scenario with a step after ``step`` for each of KINDS that has a path, and these steps.

    The paths are ``closed`` in the step and open in the one ``before``. The name of a step ends in its kind.
    """
    closed = tuple(closed)
    made = [_new_pods(step, step, kind, closed) for kind in CHANGES]
    made += [_new_pods(step, before, kind, closed) for kind in CONTROLS]
    steps = [new for new in made if new.expectations]
    index = next(number for number, known in enumerate(scenario.steps) if known.name == step.name) + 1
    return replace(scenario, steps=(*scenario.steps[:index], *steps, *scenario.steps[index:])), steps


def kind_of(step: Step) -> str:
    """Return the kind of such a step."""
    return next(kind for kind in KINDS if step.name.endswith(kind))


def _new_pods(step: Step, state: Step, kind: str, closed: Sequence[Path]) -> Step:
    own, other = (_sources, _targets) if kind.startswith(CHANGES[0]) else (_targets, _sources)
    expected = Expected.BLOCKED if state is step else Expected.ALLOWED
    created: dict[NamespacedName, None] = {}
    expectations: list[Expectation] = []
    for path in closed:
        new = own(path, state.inventory)
        running = {end for each in (path, *(e.path for e in expectations)) for end in other(each, state.inventory)}
        if new and running.isdisjoint({*new, *created}):
            created |= dict.fromkeys(new)
            first = replace(path, mode=ProbeMode.FIRST_PACKET, source_text=f"first {path.source_text}")
            expectations.append(Expectation(first, expected, step.where))
    return replace(
        state,
        name=f"{step.name}, {kind}",
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
